"""Zip archives from anybody, unpacked within limits.

Names in an archive are not used: files are numbered, so that no path leads out of the folder, no name is a
patient's, and no link is followed.
"""

import time
import zipfile
import zlib
from pathlib import Path

from lungnet.serving.server.refusal import Refusal
from lungnet.serving.server.scan_limits import ScanLimits

_CHUNK = 2**20
_ENCRYPTED = 0x1
#: What zipfile unpacks piece by piece; of the others it keeps whatever a few bytes unpack to.
_PACKED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
#: Of the directory at an archive's end; a file's entry has 46 bytes and its name.
_ENTRY_BYTES = 46
_LONGEST_NAMES = 512
_END = b"PK\x05\x06"
_END_BYTES = 22
#: Of an archive that needs larger numbers: a record that stands before the end, and where to look for it.
_END64, _LOCATOR64 = b"PK\x06\x06", b"PK\x06\x07"
_END64_BYTES, _LOCATOR64_BYTES = 56, 20
_LONGEST_COMMENT = 2**16


def unpack(archive: Path, folder: Path, limits: ScanLimits, until: float) -> int:
    """Unpacks the files of an archive into a folder.

    Args:
        archive: the file.
        folder: empty.
        limits: how many files, and how much of them.
        until: of `time.monotonic`, when to give up.

    Returns:
        How many files there were.

    Raises:
        Refusal: it is no zip archive, is encrypted or damaged (400), holds too much (413), or takes too long
            (503).
    """
    _check_directory(archive, limits)
    try:
        with zipfile.ZipFile(archive) as opened:
            members = [member for member in opened.infolist() if not member.is_dir()]
            if len(members) > limits.max_files:
                raise _too_many(limits)
            if sum(member.file_size for member in members) > limits.max_unpacked_bytes:
                raise _too_much(limits)
            left = limits.max_unpacked_bytes
            for number, member in enumerate(members):
                if member.flag_bits & _ENCRYPTED:
                    raise Refusal(400, "The archive is encrypted.", "archive")
                if member.compress_type not in _PACKED:
                    raise _damaged()
                left -= _write(opened, member, folder / f"{number:06d}", left, limits, until)
    except (zipfile.BadZipFile, zlib.error, EOFError, ValueError, NotImplementedError) as error:
        # The last for patched data, strong encryption and versions of the form to come.
        raise _damaged() from error
    return len(members)


def _write(
    opened: zipfile.ZipFile,
    member: zipfile.ZipInfo,
    path: Path,
    left: int,
    limits: ScanLimits,
    until: float,
) -> int:
    """Unpacks one file, whatever size it is said to have."""
    size = 0
    with opened.open(member) as source, path.open("xb") as target:
        while chunk := source.read(_CHUNK):
            size += len(chunk)
            if size > left:
                raise _too_much(limits)
            if time.monotonic() > until:
                raise Refusal(503, "Unpacking took too long.", "late", limits.retry_after_seconds)
            target.write(chunk)
    return size


def _check_directory(archive: Path, limits: ScanLimits) -> None:
    """Looks at what the archive says of its directory, before that is read into memory as a whole."""
    with archive.open("rb") as file:
        length = file.seek(0, 2)
        file.seek(max(0, length - _LONGEST_COMMENT - _END_BYTES - _LOCATOR64_BYTES - _END64_BYTES))
        tail = file.read()
    at = tail.rfind(_END)
    if at < 0 or len(tail) - at < _END_BYTES:
        raise Refusal(400, "The body is not a zip archive.", "archive")
    entries = int.from_bytes(tail[at + 10 : at + 12], "little")
    directory_bytes = int.from_bytes(tail[at + 12 : at + 16], "little")
    if tail[max(0, at - _LOCATOR64_BYTES) : at].startswith(_LOCATOR64):
        # Where there is such a record it counts, whatever stands at the end; all readers find it here.
        record = tail[max(0, at - _LOCATOR64_BYTES - _END64_BYTES) : at - _LOCATOR64_BYTES]
        if not record.startswith(_END64) or len(record) < _END64_BYTES:
            raise _damaged()
        entries = int.from_bytes(record[32:40], "little")
        directory_bytes = int.from_bytes(record[40:48], "little")
    if entries > limits.max_files or directory_bytes > limits.max_files * (_ENTRY_BYTES + _LONGEST_NAMES):
        raise _too_many(limits)


def _damaged() -> Refusal:
    return Refusal(400, "The archive is damaged, or packed in a way that is not read here.", "archive")


def _too_many(limits: ScanLimits) -> Refusal:
    return Refusal(413, f"An archive may hold at most {limits.max_files:,} files.", "too_large")


def _too_much(limits: ScanLimits) -> Refusal:
    return Refusal(413, f"An archive may unpack to at most {limits.max_unpacked_bytes:,} bytes.", "too_large")

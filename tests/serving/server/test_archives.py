"""What an archive says of its directory is looked at before the directory is read."""

import io
import struct
import time
import zipfile
from pathlib import Path

import pytest

from lungnet.serving.server.archives import unpack
from lungnet.serving.server.refusal import Refusal
from lungnet.serving.server.scan_limits import ScanLimits

LIMITS = ScanLimits(max_files=100)


def zipped_empty(count: int) -> bytes:
    """A directory of `count` entries, all of one empty file."""
    local = struct.pack("<4sHHHHHIIIHH", b"PK\x03\x04", 20, 0, 0, 0, 33, 0, 0, 0, 1, 0) + b"a"
    zeros = [0] * 6
    entry = struct.pack("<4sHHHHHHIIIHHHHHII", b"PK\x01\x02", 20, 20, 0, 0, 0, 33, 0, 0, 0, 1, *zeros) + b"a"
    directory = entry * count
    made = local + directory
    end = struct.pack(
        "<4sHHHHIIH", b"PK\x05\x06", 0, 0, count & 0xFFFF, count & 0xFFFF, len(directory), 31, 0
    )
    return made + end if count < 0xFFFF else with_large_end(made + end, count, len(directory))


def with_large_end(archive: bytes, count: int, size: int) -> bytes:
    """The same, its numbers in the record of large archives, and all ones at the end."""
    record = struct.pack("<4sQHHIIQQQQ", b"PK\x06\x06", 44, 45, 45, 0, 0, count, count, size, 31)
    locator = struct.pack("<4sIQI", b"PK\x06\x07", 0, len(archive) - 22, 1)
    end = struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, *[0xFFFF] * 2, *[0xFFFFFFFF] * 2, 0)
    return archive[:-22] + record + locator + end


def unpacked(content: bytes, folder: Path) -> int:
    (folder / "archive").write_bytes(content)
    (folder / "files").mkdir(exist_ok=True)
    return unpack(folder / "archive", folder / "files", LIMITS, time.monotonic() + 60)


def test_either_end_is_read(tmp_path):
    plain = zipped_empty(3)
    large = with_large_end(plain, 3, 3 * 47)
    for name, content in (("plain", plain), ("large", large), ("commented", plain[:-2] + b"\x02\0ab")):
        (tmp_path / name).mkdir()
        assert len(zipfile.ZipFile(io.BytesIO(content)).namelist()) == 3
        assert unpacked(content, tmp_path / name) == 3
        assert len(list((tmp_path / name / "files").iterdir())) == 3


@pytest.mark.parametrize("count", [101, 70_000])
def test_a_directory_that_is_too_long_is_not_read(tmp_path, monkeypatch, count):
    many = zipped_empty(count)
    assert len(zipfile.ZipFile(io.BytesIO(many)).namelist()) == count
    large = many if count > 0xFFFF else with_large_end(many, count, count * 47)
    few = struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, 1, 1, 47, 31, 0)
    # Its end says one file, and readers go by the record.
    lying = large[:-22] + few
    assert len(zipfile.ZipFile(io.BytesIO(lying)).namelist()) == count
    monkeypatch.setattr(zipfile, "ZipFile", None)  # calling it would fail
    for content in (many, large, lying):
        with pytest.raises(Refusal, match="An archive may hold at most 100 files") as raised:
            unpacked(content, tmp_path)
        assert raised.value.status == 413


def test_a_record_that_is_not_where_it_belongs(tmp_path, monkeypatch):
    large = with_large_end(zipped_empty(3), 3, 3 * 47)
    record = large.index(b"PK\x06\x06")
    monkeypatch.setattr(zipfile, "ZipFile", None)
    for content in (large.replace(b"PK\x06\x06", b"PK\x06\x05"), large[record + 40 :]):
        with pytest.raises(Refusal, match="The archive is damaged") as raised:
            unpacked(content, tmp_path)
        assert raised.value.status == 400


@pytest.mark.parametrize("compression", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_packing_that_unpacks_without_bound(tmp_path, monkeypatch, compression):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", compression) as archive:
        archive.writestr("zeros", bytes(10_000_000))
    assert len(stream.getvalue()) < 3000
    monkeypatch.setattr(zipfile.ZipFile, "open", None)  # calling it would fail
    with pytest.raises(Refusal, match="packed in a way that is not read here") as raised:
        unpacked(stream.getvalue(), tmp_path)
    assert raised.value.status == 400

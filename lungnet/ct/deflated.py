"""Deflated DICOM files, before anything inflates them as a whole.

pydicom does, and a thousandth of what comes out may be all that such a file holds.
"""

import mmap
import struct
import zlib
from pathlib import Path
from typing import Final

from lungnet.ct.errors import CTReadError
from lungnet.ct.walk import DEFLATED_LITTLE_ENDIAN, Unfamiliar, transfer_syntax

#: A slice has some MB; this leaves room for any.
MAX_INFLATED_BYTES = 2**26
_CHUNK = 2**20
#: File meta information has some hundred bytes.
_LONGEST_META: Final = 2**16


def check_deflated(path: Path) -> bool:
    """Inflates a file that pydicom could take for a deflated one, piece by piece, and keeps nothing.

    Args:
        path: a file of one byte at least.

    Returns:
        Whether it is one; False for files that name the deflated transfer syntax nowhere.

    Raises:
        CTReadError: it inflates to more than `MAX_INFLATED_BYTES`, is damaged, or names that transfer syntax
            where none belongs.
    """
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        if content.find(DEFLATED_LITTLE_ENDIAN.encode()) < 0:
            return False
    inflater, size = zlib.decompressobj(-zlib.MAX_WBITS), 0
    with path.open("rb") as file:
        file.seek(_start(path, file.read(_LONGEST_META)))
        try:
            while not inflater.eof and (chunk := inflater.unconsumed_tail or file.read(_CHUNK)):
                size += len(inflater.decompress(chunk, _CHUNK))
                if size > MAX_INFLATED_BYTES:
                    raise CTReadError(
                        f"{path} inflates to more than {MAX_INFLATED_BYTES:,} bytes; expected one slice."
                    )
        except zlib.error as error:
            raise CTReadError(f"{path} is damaged: what it holds deflated cannot be inflated.") from error
    return True


def _start(path: Path, head: bytes) -> int:
    """Where the deflated data begin."""
    try:
        syntax, place = transfer_syntax(head, 132 if head[128:132] == b"DICM" else 0)
    except (Unfamiliar, struct.error, IndexError):
        syntax = ""
    if syntax != DEFLATED_LITTLE_ENDIAN:
        raise CTReadError(f"{path} is not a readable DICOM file: its transfer syntax is in doubt.")
    return place

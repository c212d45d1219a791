"""Deflated DICOM files, before anything inflates them as a whole.

pydicom does, and a thousandth of what comes out may be all that such a file holds.
"""

import mmap
import zlib
from pathlib import Path
from typing import Final

from lungnet.ct.errors import CTReadError

DEFLATED_LITTLE_ENDIAN: Final = "1.2.840.10008.1.2.1.99"
#: A slice has some MB; this leaves room for any.
MAX_INFLATED_BYTES = 2**28
_CHUNK = 2**20


def names_deflate(path: Path) -> bool:
    """Whether the name of the deflated transfer syntax stands anywhere in a file."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return content.find(DEFLATED_LITTLE_ENDIAN.encode()) >= 0


def check_inflated(path: Path, start: int) -> None:
    """Inflates a file piece by piece, and keeps nothing.

    Args:
        path: of the file.
        start: where its deflated data begin.

    Raises:
        CTReadError: they are damaged, or inflate to more than `MAX_INFLATED_BYTES`.
    """
    inflater, size = zlib.decompressobj(-zlib.MAX_WBITS), 0
    try:
        with path.open("rb") as file:
            file.seek(start)
            while not inflater.eof and (chunk := inflater.unconsumed_tail or file.read(_CHUNK)):
                size += len(inflater.decompress(chunk, _CHUNK))
                if size > MAX_INFLATED_BYTES:
                    raise CTReadError(
                        f"{path} inflates to more than {MAX_INFLATED_BYTES:,} bytes; expected one slice."
                    )
    except zlib.error as error:
        raise CTReadError(f"{path} is damaged: what it holds deflated cannot be inflated.") from error

"""One slice: what its header says of it, and its pixels in Hounsfield units."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from lungnet.ct import elements
from lungnet.ct.elements import Header
from lungnet.ct.errors import CTReadError
from lungnet.ct.rescale import to_hu

if TYPE_CHECKING:
    from pydicom.uid import UID

#: What to install for compressed pixels, none of it under the GPL, by transfer syntax.
_DECODERS = {
    "1.2.840.10008.1.2.4.50": "pillow",
    "1.2.840.10008.1.2.4.80": "pyjpegls",
    "1.2.840.10008.1.2.4.81": "pyjpegls",
    "1.2.840.10008.1.2.4.90": "pylibjpeg pylibjpeg-openjpeg",
    "1.2.840.10008.1.2.4.91": "pylibjpeg pylibjpeg-openjpeg",
    "1.2.840.10008.1.2.4.201": "pylibjpeg pylibjpeg-openjpeg",
    "1.2.840.10008.1.2.4.202": "pylibjpeg pylibjpeg-openjpeg",
    "1.2.840.10008.1.2.4.203": "pylibjpeg pylibjpeg-openjpeg",
}
_ANY_JPEG = "python-gdcm"


@dataclass(frozen=True, eq=False, slots=True)
class Slice:
    """One axial image of a series.

    Attributes:
        header: of its file.
        rows, columns: its size.
        position: LPS of the centre of its first pixel, in mm.
        orientation: six cosines, (0020,0037): along a row first, then along a column.
        pixel_spacing_mm: between rows, between columns.
        slope, intercept: HU = slope x stored + intercept.
        signed: whether stored values are signed.
        bits_allocated, bits_stored, high_bit: of a stored value.
    """

    header: Header
    rows: int
    columns: int
    position: tuple[float, ...]
    orientation: tuple[float, ...]
    pixel_spacing_mm: tuple[float, ...]
    slope: float
    intercept: float
    signed: bool
    bits_allocated: int
    bits_stored: int
    high_bit: int

    @property
    def path(self) -> Path:
        """The file."""
        return self.header.path


def decode_slice(header: Header) -> Slice:
    """Reads a slice's geometry and rescale from its header.

    Raises:
        CTReadError: an element is missing or no number, or the file holds several frames or a colour image.
    """
    if (frames := header.text(elements.NUMBER_OF_FRAMES)) not in ("", "1"):
        raise CTReadError(f"{header.path} holds {frames!r} frames; expected one slice a file.")
    if (samples := header.integer(elements.SAMPLES_PER_PIXEL, 1)) != 1:
        raise CTReadError(f"{header.path} is a colour image ({samples} samples a pixel); expected CT.")
    rows = header.integer(elements.ROWS, 0)
    columns = header.integer(elements.COLUMNS, 0)
    if not rows or not columns:
        raise CTReadError(f"{header.path} has no (0028,0010) Rows or no (0028,0011) Columns.")
    spacing = _numbers(header, elements.PIXEL_SPACING, "(0028,0030) Pixel Spacing", 2)
    if min(spacing) <= 0:
        raise CTReadError(f"{header.path}: (0028,0030) Pixel Spacing must be positive. Received: {spacing}")
    allocated = header.integer(elements.BITS_ALLOCATED, 16)
    stored = header.integer(elements.BITS_STORED, allocated)
    high_bit = header.integer(elements.HIGH_BIT, stored - 1)
    if not 0 < stored <= high_bit + 1 <= allocated:
        raise CTReadError(
            f"{header.path}: expected Bits Stored <= High Bit + 1 <= Bits Allocated (0028,0100 to 0102). "
            f"Received: {stored}, {high_bit}, {allocated}"
        )
    return Slice(
        header=header,
        rows=rows,
        columns=columns,
        position=_numbers(header, elements.POSITION, "(0020,0032) Image Position (Patient)", 3),
        orientation=_numbers(header, elements.ORIENTATION, "(0020,0037) Image Orientation (Patient)", 6),
        pixel_spacing_mm=spacing,
        slope=_numbers(header, elements.RESCALE_SLOPE, "(0028,1053) Rescale Slope", 1)[0],
        intercept=_numbers(header, elements.RESCALE_INTERCEPT, "(0028,1052) Rescale Intercept", 1)[0],
        signed=header.integer(elements.PIXEL_REPRESENTATION, 0) == 1,
        bits_allocated=allocated,
        bits_stored=stored,
        high_bit=high_bit,
    )


def read_hu(one: Slice, out: npt.NDArray[np.int16]) -> None:
    """Reads a slice's pixels and turns them into Hounsfield units.

    Native little-endian pixels of 16 bits are read from the file straight into `out`; pydicom decodes
    all others.

    Args:
        one: the slice.
        out: C-contiguous int16 `(rows, columns)`, overwritten.

    Raises:
        CTReadError: the file is truncated, or its compression is unknown, damaged or has no decoder here.
    """
    if one.header.pixel_offset >= 0 and one.bits_allocated == 16:
        _read_native(one, out)
        stored = out if one.signed else out.view(np.uint16)
    else:
        stored = _decode(one)
        if stored.shape != out.shape:
            raise CTReadError(
                f"{one.path} holds pixels of shape {stored.shape}; expected {out.shape} as its header says."
            )
    if stored.dtype.itemsize == 2 and one.bits_stored < 16:
        # Bits above the stored ones may hold overlays; a signed value's sign is its highest stored bit.
        stored = (stored << (15 - one.high_bit)) >> (16 - one.bits_stored)
    to_hu(stored, one.slope, one.intercept, out)


def _read_native(one: Slice, out: npt.NDArray[np.int16]) -> None:
    if one.header.pixel_bytes < out.nbytes:
        raise CTReadError(
            f"{one.path} holds {one.header.pixel_bytes} bytes of pixels; "
            f"expected {out.nbytes} for {one.rows} x {one.columns} pixels of 16 bits."
        )
    target = out.reshape(-1).view(np.uint8).data
    done = 0
    try:
        with one.path.open("rb", buffering=0) as file:
            file.seek(one.header.pixel_offset)
            while done < out.nbytes and (count := file.readinto(target[done:])):
                done += count
    except OSError as error:
        raise CTReadError(f"{one.path} cannot be read: {error.strerror or error}.") from error
    if done < out.nbytes:
        raise CTReadError(
            f"{one.path} is truncated: it ends {out.nbytes - done} bytes before its last pixel."
        )
    if np.little_endian is False:  # pragma: no cover (no such machine at hand)
        out.byteswap(inplace=True)


def _decode(one: Slice) -> npt.NDArray[Any]:
    import pydicom  # takes a fifth of a second, and native pixels do not need it
    from pydicom.uid import UID

    syntax = UID(one.header.transfer_syntax)
    try:
        encapsulated = syntax.is_compressed and syntax.is_encapsulated
    except ValueError as error:
        raise CTReadError(
            f"{one.path}: (0002,0010) Transfer Syntax UID is none that is known. Received: {str(syntax)!r}"
        ) from error
    if encapsulated:
        _require_decoder(one.path, syntax)
    try:
        dataset = pydicom.dcmread(one.path, force=True)
        dataset.file_meta.setdefault("TransferSyntaxUID", syntax)
        pixels = dataset.pixel_array
        return pixels.astype(pixels.dtype.newbyteorder("="), copy=False)
    except Exception as error:  # decoders have no common base of what they raise on damaged pixels
        raise CTReadError(
            f"{one.path} is truncated or damaged: its pixels ({syntax.name}) cannot be decoded."
        ) from error


def _require_decoder(path: Path, syntax: "UID") -> None:
    from pydicom.pixels import get_decoder

    try:
        available = get_decoder(syntax).is_available
    except NotImplementedError as error:
        raise CTReadError(f"{path} is compressed in an unknown way ({syntax}).") from error
    if not available:
        package = _DECODERS.get(syntax, _ANY_JPEG)
        raise CTReadError(
            f"{path} is compressed ({syntax.name}) and no decoder is installed: pip install {package}"
        )


def _numbers(header: Header, tag: int, name: str, count: int) -> tuple[float, ...]:
    text = header.text(tag)
    if not text:
        raise CTReadError(f"{header.path} has no {name}.")
    try:
        numbers = tuple(float(part) for part in text.split("\\"))
    except ValueError as error:
        raise CTReadError(f"{header.path}: {name} must be numbers. Received: {text!r}") from error
    if len(numbers) != count or not all(map(math.isfinite, numbers)):
        raise CTReadError(f"{header.path}: {name} must be {count} finite numbers. Received: {text!r}")
    return numbers

"""The few DICOM elements that reading CT needs, and where the pixels begin.

Files in implicit or explicit little endian (all that is not deflated or big endian) are walked
element by element without interpreting any: a tenth of the time that a general parser takes. Whatever
this walk does not understand goes to pydicom, with the same result.
"""

import io
import os
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from lungnet.ct.deflated import check_deflated
from lungnet.ct.errors import CTReadError
from lungnet.ct.walk import (
    DEFLATED_LITTLE_ENDIAN,
    EXPLICIT_BIG_ENDIAN,
    EXPLICIT_LITTLE_ENDIAN,
    IMPLICIT_LITTLE_ENDIAN,
    PIXEL_DATA,
    SEQUENCE_END,
    SHORT,
    UNDEFINED,
    Unfamiliar,
    element,
    skip_nested,
    transfer_syntax,
)

IMAGE_TYPE: Final = 0x0008_0008
SOP_CLASS_UID: Final = 0x0008_0016
MODALITY: Final = 0x0008_0060
MANUFACTURER: Final = 0x0008_0070
PATIENT_ID: Final = 0x0010_0020
SLICE_THICKNESS: Final = 0x0018_0050
STUDY_UID: Final = 0x0020_000D
SERIES_UID: Final = 0x0020_000E
POSITION: Final = 0x0020_0032
ORIENTATION: Final = 0x0020_0037
SAMPLES_PER_PIXEL: Final = 0x0028_0002
NUMBER_OF_FRAMES: Final = 0x0028_0008
ROWS: Final = 0x0028_0010
COLUMNS: Final = 0x0028_0011
PIXEL_SPACING: Final = 0x0028_0030
BITS_ALLOCATED: Final = 0x0028_0100
BITS_STORED: Final = 0x0028_0101
HIGH_BIT: Final = 0x0028_0102
PIXEL_REPRESENTATION: Final = 0x0028_0103
RESCALE_INTERCEPT: Final = 0x0028_1052
RESCALE_SLOPE: Final = 0x0028_1053

WANTED: Final = frozenset(
    {
        *(
            IMAGE_TYPE,
            SOP_CLASS_UID,
            MODALITY,
            MANUFACTURER,
            PATIENT_ID,
            SLICE_THICKNESS,
            STUDY_UID,
            SERIES_UID,
        ),
        *(POSITION, ORIENTATION, SAMPLES_PER_PIXEL, NUMBER_OF_FRAMES, ROWS, COLUMNS, PIXEL_SPACING),
        *(BITS_ALLOCATED, BITS_STORED, HIGH_BIT, PIXEL_REPRESENTATION, RESCALE_INTERCEPT, RESCALE_SLOPE),
    }
)

#: Element and group in one number, as they lie in the file; then representation and length.
_short = struct.Struct("<I2sH").unpack_from
_PACKED: Final = {tag >> 16 | (tag & 0xFFFF) << 16: tag for tag in WANTED}
#: Most headers fit in the first window; it grows where they do not.
_FIRST_WINDOW: Final = 8192
#: Up to here it grows: who sends longer ones wants to be walked for hours.
LONGEST_HEADER = 2**24


@dataclass(frozen=True, slots=True)
class Header:
    """What stands in one DICOM file before its pixels.

    Attributes:
        path: of the file.
        values: raw bytes of the elements of `WANTED` that the file has, by tag.
        transfer_syntax: (0002,0010).
        pixel_offset: where native little-endian Pixel Data begin, or -1 if pydicom must fetch them.
        pixel_bytes: length of native Pixel Data as the file states it.
    """

    path: Path
    values: dict[int, bytes]
    transfer_syntax: str
    pixel_offset: int = -1
    pixel_bytes: int = 0

    def text(self, tag: int) -> str:
        """Returns a textual value without padding; empty if the file has none."""
        return self.values.get(tag, b"").decode("latin-1").strip(" \0")

    def integer(self, tag: int, default: int) -> int:
        """Returns an unsigned short (US), or `default` if the file has none."""
        value = self.values.get(tag)
        if not value:
            return default
        return int.from_bytes(value[:2], "big" if self.transfer_syntax == EXPLICIT_BIG_ENDIAN else "little")


def read_header(path: Path) -> Header | None:
    """Reads the header of one file.

    Args:
        path: a file of any kind.

    Returns:
        The header, or None if the file is not DICOM and is not named as if it were.

    Raises:
        CTReadError: the file is named `.dcm` and is not DICOM, or its header is damaged or cut off, or
            the file cannot be opened.
    """
    named_dicom = path.suffix.lower() == ".dcm"
    try:
        with path.open("rb", buffering=0) as file:
            start = file.read(_FIRST_WINDOW)
            if start[128:132] != b"DICM":
                # Some scanners leave out preamble and prefix; such files begin with group 0002 or 0008.
                if path.suffix.lower() not in ("", ".dcm", ".ima") or start[:2] not in (b"\x08\0", b"\x02\0"):
                    if named_dicom:
                        raise CTReadError(
                            f"{path} is named .dcm but is not a DICOM file: it has no DICM prefix."
                        )
                    return None
                return _read_with_pydicom(path)
            size = os.fstat(file.fileno()).st_size
            while True:
                try:
                    return _walk(path, start, whole=len(start) >= size)
                except (struct.error, IndexError) as error:
                    if len(start) >= size:
                        raise CTReadError(f"{path} is cut off within its header.") from error
                    if len(start) >= LONGEST_HEADER:
                        raise CTReadError(
                            f"{path} has no pixels within its first {LONGEST_HEADER:,} bytes."
                        ) from error
                file.seek(0)
                start = file.read(min(len(start) * 8, LONGEST_HEADER))
    except OSError as error:
        raise CTReadError(f"{path} cannot be read: {error.strerror or error}.") from error
    except Unfamiliar:
        return _read_with_pydicom(path)


def _walk(path: Path, data: bytes, whole: bool) -> Header:
    """Walks the elements of `data`, the beginning of a file or the whole of it, up to its Pixel Data.

    Raises:
        Unfamiliar: the file is for pydicom.
        struct.error, IndexError: `data` ends within an element, or before the Pixel Data.
    """
    syntax, place = transfer_syntax(data)
    if syntax in (DEFLATED_LITTLE_ENDIAN, EXPLICIT_BIG_ENDIAN):
        raise Unfamiliar
    explicit = syntax != IMPLICIT_LITTLE_ENDIAN
    values: dict[int, bytes] = {}
    end_of_file = len(data) if whole else -1
    while place != end_of_file:
        if explicit:  # nearly all elements are short: the general way takes three times as long
            packed, kind, length = _short(data, place)
            if kind in SHORT:
                start, place = place + 8, place + 8 + length
                if packed in _PACKED:
                    if place > len(data):
                        raise IndexError
                    values[_PACKED[packed]] = data[start:place]
                continue
        tag, length, start = element(data, place, explicit)
        if tag == PIXEL_DATA:
            native = length != UNDEFINED
            return Header(path, values, syntax, start if native else -1, length if native else 0)
        if length == UNDEFINED:
            place = skip_nested(data, start, explicit, SEQUENCE_END)
            continue
        place = start + length
        if tag in WANTED:
            if place > len(data):
                raise IndexError
            values[tag] = data[start:place]
    return Header(path, values, syntax)


def _read_with_pydicom(path: Path) -> Header:
    import pydicom  # takes a fifth of a second, and most files do not need it

    whole = check_deflated(path)
    try:
        with path.open("rb") as file:
            start = io.BytesIO(file.read() if whole else file.read(LONGEST_HEADER))
        dataset = pydicom.dcmread(start, stop_before_pixels=True, force=True, specific_tags=list(WANTED))
        values = {}
        for tag in WANTED:
            if tag in dataset:
                value = dataset.get_item(tag).value
                values[tag] = value if isinstance(value, bytes) else str(value).encode("latin-1", "replace")
        implicit, _ = dataset.original_encoding
        stated = dataset.file_meta.get("TransferSyntaxUID")
        syntax = stated or (IMPLICIT_LITTLE_ENDIAN if implicit else EXPLICIT_LITTLE_ENDIAN)
    except Exception as error:  # pydicom has no common base of what it raises on damaged files
        raise CTReadError(
            f"{path} is not a readable DICOM file: its header is damaged or cut off."
        ) from error
    if not values:
        raise CTReadError(f"{path} is not a readable DICOM file: its header is damaged or cut off.")
    return Header(path, values, str(syntax))

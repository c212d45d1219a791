"""A step through the elements of a DICOM file in little endian, without interpreting any."""

import struct
from typing import Final

# Transfer syntaxes that are told apart (PS3.5, annex A).
IMPLICIT_LITTLE_ENDIAN: Final = "1.2.840.10008.1.2"
EXPLICIT_LITTLE_ENDIAN: Final = "1.2.840.10008.1.2.1"
DEFLATED_LITTLE_ENDIAN: Final = "1.2.840.10008.1.2.1.99"
EXPLICIT_BIG_ENDIAN: Final = "1.2.840.10008.1.2.2"

_TRANSFER_SYNTAX: Final = 0x0002_0010
PIXEL_DATA: Final = 0x7FE0_0010
SEQUENCE_END: Final = 0xFFFE_E0DD
_ITEM: Final = 0xFFFE_E000
_ITEM_END: Final = 0xFFFE_E00D
UNDEFINED: Final = 0xFFFF_FFFF
#: Value representations with a four-byte length (PS3.5, section 7.1.2).
_LONG: Final = frozenset(
    (b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV")
)
SHORT: Final = frozenset(b"AE AS AT CS DA DS DT FD FL IS LO LT PN SH SL SS ST TM UI UL US".split())

_explicit = struct.Struct("<HH2sH").unpack_from
_implicit = struct.Struct("<HHI").unpack_from
_long_length = struct.Struct("<I").unpack_from


class Unfamiliar(Exception):
    """The walk met something that it leaves to pydicom."""


def transfer_syntax(data: bytes, place: int = 132) -> tuple[str, int]:
    """Returns the transfer syntax and where the file meta information, which begins at `place`, ends."""
    syntax = ""
    while data[place : place + 2] == b"\x02\0":
        tag, length, start = element(data, place, True)
        place = start + length
        if tag == _TRANSFER_SYNTAX:
            syntax = data[start:place].decode("latin-1").strip(" \0")
    if not syntax:
        raise Unfamiliar
    return syntax, place


def element(data: bytes, place: int, explicit: bool) -> tuple[int, int, int]:
    """Returns tag, length and beginning of the value of the element at `place`."""
    if not explicit:
        group, number, length = _implicit(data, place)
        return group << 16 | number, length, place + 8
    group, number, kind, length = _explicit(data, place)
    if kind in SHORT:
        return group << 16 | number, length, place + 8
    if kind in _LONG:
        (length,) = _long_length(data, place + 8)
        if kind == b"UN" and length == UNDEFINED:  # a sequence in implicit form, whatever the file's
            raise Unfamiliar
        return group << 16 | number, length, place + 12
    if group == 0xFFFE:
        return group << 16 | number, _long_length(data, place + 4)[0], place + 8
    raise Unfamiliar


def skip_nested(data: bytes, place: int, explicit: bool, end: int) -> int:
    """Returns where the sequence or item of undefined length whose content begins at `place` ends."""
    ends = [end]  # of what is open; files nest as deep as they like
    while ends:
        tag, length, place = element(data, place, explicit)
        if tag == ends[-1]:
            ends.pop()
        elif length != UNDEFINED:
            place += length
        else:
            ends.append(_ITEM_END if tag == _ITEM else SEQUENCE_END)
    return place

"""The series that a result is about: its slices in order, and the patient and study that results inherit.

What identifies the patient is carried from the files of the series to the files of the results as the bytes
that it is. It is never decoded, so that it can reach neither a log nor a warning nor an error.
"""

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pydicom
from pydicom.charset import convert_encodings, default_encoding
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset
from pydicom.filewriter import correct_ambiguous_vr
from pydicom.tag import BaseTag, Tag
from pydicom.uid import UID
from pydicom.valuerep import DSfloat

from lungnet.ct import CTReadError, SeriesFiles, Stack, read_stack
from lungnet.ct.identity import held_ids

#: Patient and study in every result (type 2 in PS3.3: present, perhaps empty).
REQUIRED = (
    *("PatientName", "PatientID", "PatientBirthDate", "PatientSex"),
    *("StudyDate", "StudyTime", "AccessionNumber", "StudyID", "ReferringPhysicianName"),
)
#: In results where the series has them.
OPTIONAL = (
    *("IssuerOfPatientID", "PatientIdentityRemoved", "DeidentificationMethod", "StudyDescription"),
    *("DeidentificationMethodCodeSequence", "SpecificCharacterSet"),
)
#: What all files of a series must agree on, and must have.
_SHARED = ("StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID")
_NAMES = {
    "PatientID": "(0010,0020) Patient ID",
    "StudyInstanceUID": "(0020,000D) Study Instance UID",
    "SeriesInstanceUID": "(0020,000E) Series Instance UID",
    "FrameOfReferenceUID": "(0020,0052) Frame of Reference UID",
    "SOPInstanceUID": "(0008,0018) SOP Instance UID",
    "SOPClassUID": "(0008,0016) SOP Class UID",
}
_UID = re.compile(rb"[0-9]+(\.[0-9]+)*")
_LONGEST_UID = 64
_WANTED = (*REQUIRED, *OPTIONAL, *_SHARED, "SOPInstanceUID", "SOPClassUID", "PositionReferenceIndicator")


@dataclass(frozen=True, eq=False)
class SourceSeries:
    """A DICOM series, without its pixels.

    Attributes:
        stack: its slices in order and where they lie.
        images: one data set a slice, in the order of the stack: what references and geometry need, and
            nothing of the patient.
        series_uid: as lungnet holds it.
        inherited: elements of patient and study, undecoded.
    """

    stack: Stack
    images: tuple[Dataset, ...]
    series_uid: str
    inherited: tuple[DataElement | RawDataElement, ...]

    @property
    def frame_of_reference_uid(self) -> str:
        """(0020,0052), by which positions in millimetres are understood."""
        return str(self.images[0].FrameOfReferenceUID)

    def pass_on(self, result: Dataset) -> None:
        """Gives a result the patient and the study of the series.

        Args:
            result: in Explicit VR Little Endian; everything that it says itself is ASCII.
        """
        correct_ambiguous_vr(result, is_little_endian=True)
        for element in self.inherited:
            result[element.tag] = element
        # So pydicom writes the elements as they are; otherwise it decodes them, and warns with their values.
        named = "SpecificCharacterSet" in result
        character_set = convert_encodings(result.SpecificCharacterSet) if named else default_encoding
        result.set_original_encoding(False, True, character_set)


def read_source(
    series: str | os.PathLike[str] | SeriesFiles | SourceSeries, series_uid: str | None = None
) -> SourceSeries:
    """Reads the headers of a DICOM series.

    Args:
        series: a folder, a DICOM file of the series, what `lungnet.ct.find_series` found, or what this
            function returned.
        series_uid: which series, where there are several.

    Raises:
        CTReadError: as `lungnet.ct.read_stack`; or files of the series differ in Patient ID, study or
            frame of reference, or lack one of the latter two or their instance UID, or one is no UID.
    """
    if isinstance(series, SourceSeries):
        return series
    stack = read_stack(series, series_uid)
    headers = [_header(one.path) for one in stack.slices]
    first = headers[0]
    for one, header in zip(stack.slices, headers, strict=True):
        for keyword in (*_SHARED, "SOPInstanceUID", "SOPClassUID"):
            uid = _bytes(header, keyword)
            if not uid:
                raise CTReadError(f"{one.path} has no {_NAMES[keyword]}, which results refer to.")
            if not _UID.fullmatch(uid) or len(uid) > _LONGEST_UID:
                raise CTReadError(
                    f"{one.path}: {_NAMES[keyword]}, which results refer to, must be numbers between dots, "
                    f"at most {_LONGEST_UID} characters."
                )
        for keyword in ("PatientID", *_SHARED):
            if _bytes(header, keyword) != _bytes(first, keyword):
                raise CTReadError(
                    f"{one.path} has another {_NAMES[keyword]} than {stack.slices[0].path.name} of the same "
                    "series; expected one patient, one study and one frame of reference."
                )
    uids = (_text(first, keyword) for keyword in ("PatientID", "StudyInstanceUID", "SeriesInstanceUID"))
    images = tuple(_image(stack, index, header) for index, header in enumerate(headers))
    return SourceSeries(stack, images, held_ids(*uids)[2], _inherited(first))


def _header(path: Path) -> Dataset:
    try:
        header = pydicom.dcmread(path, stop_before_pixels=True, force=True, specific_tags=list(_WANTED))
        for keyword in _WANTED:
            header.get_item(_tag(keyword))  # some errors come with an element, and here is the place for them
        _inherited(header)
        return header
    except Exception as error:  # pydicom has no common base of what it raises on damaged files
        raise CTReadError(f"{path} cannot be read as DICOM.") from error


def _image(stack: Stack, index: int, header: Dataset) -> Dataset:
    """What highdicom needs of a source image; its demands on patient and study are met by empty values."""
    one = stack.slices[index]
    image = Dataset()
    for keyword in (*_SHARED, "SOPInstanceUID", "SOPClassUID"):
        setattr(image, keyword, UID(_text(header, keyword)))
    image.PositionReferenceIndicator = _text(header, "PositionReferenceIndicator")
    image.Modality = "CT"
    image.Rows, image.Columns = one.rows, one.columns
    image.PixelSpacing = _decimals(one.pixel_spacing_mm)
    image.SliceThickness, image.SpacingBetweenSlices = _decimals((stack.spacing_mm[0],) * 2)
    image.ImagePositionPatient = _decimals(one.position)
    image.ImageOrientationPatient = _decimals(one.orientation)
    for keyword in REQUIRED:
        setattr(image, keyword, "")
    return image


def _decimals(values: tuple[float, ...]) -> list[DSfloat]:
    """Numbers as Decimal Strings of at most 16 characters."""
    return [DSfloat(value, auto_format=True) for value in values]


def _inherited(header: Dataset) -> tuple[DataElement | RawDataElement, ...]:
    found: list[DataElement | RawDataElement] = []
    for keyword in (*REQUIRED, *OPTIONAL):
        tag = _tag(keyword)
        kind = dictionary_VR(tag)
        element: Any = header.get_item(tag)
        if element is None:
            if keyword in REQUIRED:
                found.append(DataElement(tag, kind, ""))
        elif isinstance(element, RawDataElement) and kind != "SQ":
            # All but sequences are text here: the same bytes in every transfer syntax.
            value = element.value or b""
            found.append(element._replace(VR=kind, value=value, is_implicit_VR=False, is_little_endian=True))
        else:
            found.append(header[tag])  # the character set, or codes of methods: nothing of the patient
    return tuple(found)


def _bytes(header: Dataset, keyword: str) -> bytes:
    element: Any = header.get_item(_tag(keyword))
    value = b"" if element is None else element.value
    raw = value if isinstance(value, bytes) else str(value or "").encode()
    return raw.strip(b" \0")


def _text(header: Dataset, keyword: str) -> str:
    return _bytes(header, keyword).decode("latin-1")


def _tag(keyword: str) -> BaseTag:
    return Tag(tag_for_keyword(keyword) or 0)

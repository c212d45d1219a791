"""Readers' outlines in the XML of LIDC-IDRI (`LidcReadMessage`)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

import numpy as np
import numpy.typing as npt

NAMESPACE = "http://www.nih.gov"
#: The ratings' elements, in the order of `lungnet.lidc.RATINGS`.
RATING_TAGS = (
    "subtlety",
    "internalStructure",
    "calcification",
    "sphericity",
    "margin",
    "lobulation",
    "spiculation",
    "texture",
    "malignancy",
)
DATE, TIME = "2000-01-01", "00:00:00"


@dataclass(frozen=True, eq=False)
class Outline:
    """One outline of one reader.

    Attributes:
        z_text: Image z position, as in the DICOM file.
        sop_uid: of the slice.
        inclusion: False for a hole.
        points_xy: int `(n, 2)`, first voxels outside, as (column, row).
    """

    z_text: str
    sop_uid: str
    inclusion: bool
    points_xy: npt.NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Reading:
    """What one reader said of one nodule.

    Attributes:
        name: of the nodule, as this reader counts.
        ratings: in the order of `RATING_TAGS`; one that was not given (0) is left out.
        outlines: on its slices.
    """

    name: str
    ratings: tuple[int, ...]
    outlines: tuple[Outline, ...]


def reader_xml(study_uid: str, series_uid: str, sessions: Sequence[Sequence[Reading]]) -> str:
    """Returns the text of a reader file.

    Args:
        study_uid, series_uid: of the series it is about.
        sessions: what each reader marked; an empty one is of a reader who saw nothing.
    """
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        f'<LidcReadMessage uid="{escape(series_uid)}.1" xmlns="{NAMESPACE}" '
        'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">',
        "<ResponseHeader>",
        _element("Version", "1.8.1"),
        _element("MessageId", "1"),
        _element("DateRequest", DATE),
        _element("TimeRequest", TIME),
        _element("RequestingSite", "lungnet phantom"),
        _element("ServicingSite", "lungnet phantom"),
        _element("TaskDescription", "Second unblinded read"),
        _element("CtImageFile", "removed"),
        _element("SeriesInstanceUid", series_uid),
        _element("DateService", DATE),
        _element("TimeService", TIME),
        _element("ResponseDescription", "1 - Reading complete"),
        _element("StudyInstanceUID", study_uid),
        "</ResponseHeader>",
    ]
    for number, readings in enumerate(sessions, 1):
        lines += ["<readingSession>", _element("annotationVersion", "3.12")]
        lines.append(_element("servicingRadiologistID", f"reader {number}"))
        for reading in readings:
            lines += _nodule(reading)
        lines.append("</readingSession>")
    lines.append("</LidcReadMessage>")
    return "\n".join(lines) + "\n"


def _nodule(reading: Reading) -> Iterable[str]:
    yield "<unblindedReadNodule>"
    yield _element("noduleID", reading.name)
    yield "<characteristics>"
    for tag, rating in zip(RATING_TAGS, reading.ratings, strict=True):
        if rating > 0:
            yield _element(tag, str(rating))
    yield "</characteristics>"
    for outline in reading.outlines:
        yield "<roi>"
        yield _element("imageZposition", outline.z_text)
        yield _element("imageSOP_UID", outline.sop_uid)
        yield _element("inclusion", "TRUE" if outline.inclusion else "FALSE")
        for x, y in outline.points_xy.tolist():
            yield f"<edgeMap>{_element('xCoord', str(x))}{_element('yCoord', str(y))}</edgeMap>"
        yield "</roi>"
    yield "</unblindedReadNodule>"


def _element(tag: str, text: str) -> str:
    return f"<{tag}>{escape(text)}</{tag}>"

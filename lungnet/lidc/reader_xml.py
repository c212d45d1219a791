"""Annotations from the XML that the archive lays beside a series (`LidcReadMessage`).

A reader's session lists nodules of at least 3 mm with an outline on every slice, smaller nodules with a
single point, and non-nodules with a single point. Only the first kind becomes an `Annotation`.
"""

import os
from pathlib import Path
from typing import NoReturn
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

import numpy as np
import numpy.typing as npt

from lungnet.ct import same_series
from lungnet.errors import InputError
from lungnet.lidc.annotation import Annotation, Contour, Scan

#: Elements of `characteristics`, in the order of `lungnet.lidc.RATINGS`.
_CHARACTERISTICS = (
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
_ROOT = "LidcReadMessage"


def read_reader_xml(path: str | os.PathLike[str], scan: Scan) -> list[Annotation]:
    """Reads the readers' outlines of nodules of at least 3 mm.

    Args:
        path: a `LidcReadMessage`, with or without a namespace.
        scan: the series it must be about; each contour is put on the slice of it that lies nearest.

    Returns:
        The annotations with ids 1, 2, ... in the order of the file. Ratings that a reader left out are 0.

    Raises:
        InputError: the file cannot be read, is broken or not a `LidcReadMessage`, declares a document type
            or entities, names another series, or an outline is malformed or lies outside the series.
    """
    return annotations_in(parse_xml(Path(path)), Path(path), scan)


def annotations_in(root: Element, path: Path, scan: Scan) -> list[Annotation]:
    """Does the work of `read_reader_xml` on what was parsed from `path`.

    Raises:
        InputError: as `read_reader_xml`, save that the file can be read and is well-formed.
    """
    if root.tag != _ROOT:
        raise InputError(
            f"{path} is not a file of LIDC's readers: expected <{_ROOT}>. Received: <{root.tag}>"
        )
    series_uid = series_of(root)
    if not same_series(series_uid, scan.series_uid):
        raise InputError(
            f"{path} annotates another series than the one it lies beside: expected SeriesInstanceUid "
            f"{scan.series_uid}. Received: {series_uid or 'none'}"
        )
    annotations: list[Annotation] = []
    for nodule in root.iterfind("readingSession/unblindedReadNodule"):
        what = f"{path}: nodule {_text(nodule, 'noduleID') or 'without noduleID'}"
        outlines = nodule.findall("roi")
        if all(len(roi.findall("edgeMap")) == 1 for roi in outlines):
            continue
        contours = [_contour(roi, scan, what) for roi in outlines]
        contours.sort(key=lambda contour: contour.z_mm)
        ratings = tuple(_rating(nodule, name, what) for name in _CHARACTERISTICS)
        annotations.append(Annotation(len(annotations) + 1, scan.scan_id, ratings, tuple(contours)))
    return annotations


def series_of(root: Element) -> str:
    """Returns the Series Instance UID that a parsed `LidcReadMessage` names, empty if none."""
    return _text(root, "ResponseHeader/SeriesInstanceUid")


def parse_xml(path: Path) -> Element:
    """Parses a file of any namespace; tags come out without theirs.

    Raises:
        InputError: the file cannot be read or is not well-formed, or declares a document type: entities
            can reach other files and grow without bound, and no reader file has any.
    """

    def refuse(*_: object) -> NoReturn:
        raise InputError(f"{path} declares a document type or entities; reader files have none.")

    builder = TreeBuilder()
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartDoctypeDeclHandler = refuse
    parser.EntityDeclHandler = refuse
    parser.StartElementHandler = lambda name, attributes: builder.start(name.rpartition(" ")[2], attributes)
    parser.EndElementHandler = lambda name: builder.end(name.rpartition(" ")[2])
    parser.CharacterDataHandler = builder.data
    try:
        parser.Parse(path.read_bytes(), True)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}.") from error
    except (expat.ExpatError, LookupError) as error:
        raise InputError(f"{path} is not well-formed XML ({error}).") from error
    return builder.close()


def _contour(roi: Element, scan: Scan, what: str) -> Contour:
    z_mm = _slice_z_mm(_text(roi, "imageZposition"), scan, what)
    inclusion = _text(roi, "inclusion").upper()
    if inclusion not in ("TRUE", "FALSE"):
        raise InputError(f"{what}: inclusion must be TRUE or FALSE. Received: {inclusion!r}")
    return Contour(z_mm, inclusion == "TRUE", _points(roi, what))


def _slice_z_mm(text: str, scan: Scan, what: str) -> float:
    try:
        stated = float(text)
    except ValueError:
        raise InputError(f"{what}: imageZposition must be a number. Received: {text!r}") from None
    slice_z_mm = np.asarray(scan.slice_z_mm)
    nearest = float(slice_z_mm[np.abs(slice_z_mm - stated).argmin()])
    if not abs(nearest - stated) <= scan.slice_spacing_mm / 2:
        raise InputError(
            f"{what} lies on no slice of the series, whose slices span z = {scan.slice_z_mm[0]:g} to "
            f"{scan.slice_z_mm[-1]:g} mm. Received: imageZposition={text}"
        )
    return nearest


def _points(roi: Element, what: str) -> npt.NDArray[np.int32]:
    texts = [(_text(edge, "xCoord"), _text(edge, "yCoord")) for edge in roi.iterfind("edgeMap")]
    if not texts:
        raise InputError(f"{what}: a roi has no edgeMap; expected at least one.")
    for pair in texts:
        if not all(text.isascii() and text.isdigit() and len(text) < 7 for text in pair):
            raise InputError(f"{what}: xCoord and yCoord must be whole pixels. Received: {pair}")
    points_xy = np.array(texts).astype(np.int32)
    points_xy.flags.writeable = False
    return points_xy


def _rating(nodule: Element, name: str, what: str) -> int:
    text = _text(nodule, f"characteristics/{name}")
    if not text:
        return 0
    if text not in ("1", "2", "3", "4", "5", "6"):
        raise InputError(f"{what}: {name} must be a rating from 1 to 6. Received: {text!r}")
    return int(text)


def _text(element: Element, place: str) -> str:
    return (element.findtext(place) or "").strip()

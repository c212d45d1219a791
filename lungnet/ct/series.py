"""Finding CT series below a folder, from headers alone."""

import logging
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from lungnet.ct import elements
from lungnet.ct.elements import Header, read_header
from lungnet.ct.errors import CTReadError
from lungnet.ct.identity import held_ids
from lungnet.ct.metaimage import holds_ct, mhd_ids

log = logging.getLogger(__name__)

#: CT, Enhanced CT and Legacy Converted Enhanced CT Image Storage.
CT_SOP_CLASSES = (
    "1.2.840.10008.5.1.4.1.1.2",
    "1.2.840.10008.5.1.4.1.1.2.1",
    "1.2.840.10008.5.1.4.1.1.2.2",
)


@dataclass(frozen=True)
class SeriesFiles:
    """The files of one CT series.

    Attributes:
        series_uid: Series Instance UID, or the keyed hash that stands for it.
        patient_id: Patient ID, or the keyed hash that stands for it.
        study_uid: Study Instance UID, or the keyed hash that stands for it; empty for MetaImage.
        folder: the deepest folder that holds all files.
        files: sorted by path; for MetaImage the header alone.
        kind: "dicom" or "mhd".
        broken: files in the same folders that are named `.dcm`, or begin like DICOM, and cannot be read;
            `read_series` refuses the series because of them.
    """

    series_uid: str
    patient_id: str
    study_uid: str
    folder: Path
    files: tuple[Path, ...]
    kind: Literal["dicom", "mhd"]
    broken: tuple[Path, ...] = ()


@dataclass
class Survey:
    """What a folder holds.

    Attributes:
        series: sorted by patient, study, series and folder.
        headers: of each series in DICOM by its `series_uid`, in the order of its `files`.
        broken: the error of each file that is not what its name says.
        left_out: how many DICOM files were left out, by reason.
    """

    series: list[SeriesFiles] = field(default_factory=list)
    headers: dict[str, list[Header]] = field(default_factory=dict)
    broken: dict[Path, CTReadError] = field(default_factory=dict)
    left_out: Counter[str] = field(default_factory=Counter)


def find_series(root: str | os.PathLike[str]) -> list[SeriesFiles]:
    """Finds every CT series below a folder, in DICOM or MetaImage (.mhd), without reading pixels.

    DICOM files are known by their content, whatever their names. Localisers, other modalities,
    DICOMDIR, hidden files and MetaImage of 8 bits (masks, such as LUNA16's lungs) are left out. Files of
    one Series Instance UID are one series, even from several folders. A file that cannot be read stands
    in `SeriesFiles.broken` of the series beside it; all of them are counted in the log.

    Args:
        root: folder to search, with all folders below it.

    Returns:
        Sorted by patient, study, series and folder; empty if there is none.

    Raises:
        CTReadError: `root` or a folder below it cannot be searched.
    """
    found = survey(root)
    if found.broken:
        log.warning("%d file(s) are not what their names say and were left out", len(found.broken))
    return found.series


def survey(root: str | os.PathLike[str]) -> Survey:
    """Does the work of `find_series`, and keeps headers and reasons.

    Raises:
        CTReadError: `root` or a folder below it cannot be searched.
    """
    root = Path(root)
    if not root.is_dir():
        raise CTReadError(f"{root} is not a folder that exists; expected one with CT series.")
    found = Survey()
    ids: dict[str, tuple[str, str]] = {}
    for path in _files(root):
        try:
            if path.suffix.lower() == ".mhd":
                _add_mhd(found, path)
                continue
            header = read_header(path)
        except CTReadError as error:
            found.broken[path] = error
            continue
        if header is None:
            continue
        if reason := why_not_ct(header):
            found.left_out[reason] += 1
            continue
        if not header.text(elements.SERIES_UID):
            found.broken[path] = CTReadError(f"{path} has no (0020,000E) Series Instance UID.")
            continue
        patient_id, study_uid, series_uid = header_ids(header)
        ids.setdefault(series_uid, (patient_id, study_uid))
        found.headers.setdefault(series_uid, []).append(header)
    for series_uid, headers in found.headers.items():
        found.series.append(_series_files(series_uid, *ids[series_uid], headers, found.broken))
    found.series.sort(key=lambda one: (one.patient_id, one.study_uid, one.series_uid, one.folder))
    return found


def why_not_ct(header: Header) -> str:
    """Returns why a DICOM file is no slice of a CT series, or an empty text if it is one."""
    if "LOCALIZER" in header.text(elements.IMAGE_TYPE).upper().split("\\"):
        return "localiser"
    sop_class = header.text(elements.SOP_CLASS_UID)
    if (sop_class and sop_class not in CT_SOP_CLASSES) or header.text(elements.MODALITY) != "CT":
        return "not a CT image"
    return ""


def header_ids(header: Header) -> tuple[str, str, str]:
    """Returns (patient id, study UID, series UID) of a file as lungnet holds them."""
    tags = (elements.PATIENT_ID, elements.STUDY_UID, elements.SERIES_UID)
    return held_ids(*(header.text(tag) for tag in tags))


def _files(root: Path) -> Iterator[Path]:
    """Yields the files below `root`, sorted, through links, each folder once."""
    seen = set()
    for folder, folders, names in os.walk(root, followlinks=True, onerror=_refuse_folder):
        status = os.stat(folder)  # noqa: PTH116 (a string is at hand)
        if (status.st_dev, status.st_ino) in seen:
            folders.clear()
            continue
        seen.add((status.st_dev, status.st_ino))
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        # macOS leaves "._000001.dcm" beside "000001.dcm": not an image.
        yield from (Path(folder, name) for name in sorted(names) if not name.startswith("."))


def _refuse_folder(error: OSError) -> None:
    raise CTReadError(f"{error.filename} cannot be searched: {error.strerror}.") from error


def _add_mhd(found: Survey, path: Path) -> None:
    if not holds_ct(path):
        found.left_out["MetaImage of 8 bits"] += 1
        return
    series_uid, patient_id = mhd_ids(path)
    found.series.append(SeriesFiles(series_uid, patient_id, "", path.parent, (path,), "mhd"))


def _series_files(
    series_uid: str, patient_id: str, study_uid: str, headers: list[Header], broken: dict[Path, CTReadError]
) -> SeriesFiles:
    folders = {header.path.parent for header in headers}
    beside = tuple(path for path in broken if path.parent in folders and path.suffix.lower() != ".mhd")
    files = tuple(header.path for header in headers)
    folder = Path(os.path.commonpath(folders))
    return SeriesFiles(series_uid, patient_id, study_uid, folder, files, "dicom", beside)

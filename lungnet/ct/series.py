"""Finding CT series below a folder, from headers alone."""

import dataclasses
import logging
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NoReturn

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
        series: what was found.
        headers: of each series in DICOM by its `series_uid`, in the order of its `files`, if they were to
            be kept: some 3 kB a file.
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
    parts: list[SeriesFiles] = []
    broken = 0
    for folder in folders_below(root):
        found = survey_folder(folder)
        parts += found.series
        broken += len(found.broken)
    warn_of_broken(broken)
    return join_series(parts)


def survey(root: str | os.PathLike[str], before_file: Callable[[], None] = lambda: None) -> Survey:
    """Does the work of `find_series`, and keeps headers and reasons.

    Args:
        root: as for `find_series`.
        before_file: called before each file; what it raises ends the work.

    Raises:
        CTReadError: `root` or a folder below it cannot be searched.
    """
    whole = Survey()
    for folder in folders_below(root):
        found = survey_folder(folder, keep_headers=True, before_file=before_file)
        whole.series += found.series
        for series_uid, headers in found.headers.items():
            whole.headers.setdefault(series_uid, []).extend(headers)
        whole.broken |= found.broken
        whole.left_out += found.left_out
    whole.series = join_series(whole.series)
    return whole


def folders_below(root: str | os.PathLike[str]) -> Iterator[Path]:
    """Yields `root` and the folders below it, sorted, through links, each once; hidden ones are left out.

    Raises:
        CTReadError: `root` or a folder below it cannot be searched.
    """
    root = Path(root)
    if not root.is_dir():
        raise CTReadError(f"{root} is not a folder that exists; expected one with CT series.")
    seen = set()
    for folder, folders, _ in os.walk(root, followlinks=True, onerror=_refuse_folder):
        status = os.stat(folder)  # noqa: PTH116 (a string is at hand)
        if (status.st_dev, status.st_ino) in seen:
            folders.clear()
            continue
        seen.add((status.st_dev, status.st_ino))
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield Path(folder)


def survey_folder(
    folder: Path, *, keep_headers: bool = False, before_file: Callable[[], None] = lambda: None
) -> Survey:
    """Says what the files of one folder are, those in the folders below it left out.

    Raises:
        CTReadError: the folder cannot be searched.
    """
    found = Survey()
    ids: dict[str, tuple[str, str]] = {}
    files: dict[str, list[Path]] = {}
    for path in _files(folder):
        before_file()
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
        files.setdefault(series_uid, []).append(path)
        if keep_headers:
            found.headers.setdefault(series_uid, []).append(header)
    beside = tuple(path for path in found.broken if path.suffix.lower() != ".mhd")
    for series_uid, (patient_id, study_uid) in ids.items():
        paths = tuple(files[series_uid])
        found.series.append(SeriesFiles(series_uid, patient_id, study_uid, folder, paths, "dicom", beside))
    return found


def join_series(parts: Iterable[SeriesFiles]) -> list[SeriesFiles]:
    """Joins what several folders hold of one series.

    Args:
        parts: the series of each folder, in the order of `folders_below`.

    Returns:
        Sorted by patient, study, series and folder.
    """
    joined: dict[tuple[str, ...], SeriesFiles] = {}
    for part in parts:
        key = (part.series_uid,) if part.kind == "dicom" else (part.series_uid, str(part.files[0]))
        joined[key] = _join(joined[key], part) if key in joined else part
    return sorted(
        joined.values(), key=lambda one: (one.patient_id, one.study_uid, one.series_uid, one.folder)
    )


def warn_of_broken(count: int) -> None:
    """Logs how many files were left out, without a path: a patient's name may stand in it."""
    if count:
        log.warning("%d file(s) are not what their names say and were left out", count)


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


def _order(one: SeriesFiles) -> tuple[str, str, str, Path]:
    return one.patient_id, one.study_uid, one.series_uid, one.folder


def _files(folder: Path) -> Iterator[Path]:
    try:
        with os.scandir(folder) as entries:
            names = sorted(entry.name for entry in entries if not entry.is_dir())
    except OSError as error:
        _refuse_folder(error)
    # macOS leaves "._000001.dcm" beside "000001.dcm": not an image.
    yield from (folder / name for name in names if not name.startswith("."))


def _refuse_folder(error: OSError) -> NoReturn:
    raise CTReadError(f"{error.filename} cannot be searched: {error.strerror}.") from error


def _add_mhd(found: Survey, path: Path) -> None:
    if not holds_ct(path):
        found.left_out["MetaImage of 8 bits"] += 1
        return
    series_uid, patient_id = mhd_ids(path)
    found.series.append(SeriesFiles(series_uid, patient_id, "", path.parent, (path,), "mhd"))


def _join(one: SeriesFiles, other: SeriesFiles) -> SeriesFiles:
    return dataclasses.replace(
        one,
        folder=Path(os.path.commonpath([one.folder, other.folder])),
        files=one.files + other.files,
        broken=one.broken + other.broken,
    )

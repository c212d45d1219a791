"""Candidates and detections as LUNA16 exchanges them: CSV with positions in LPS millimetres."""

import csv
import io
import math
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from lungnet.ct.identity import is_hashed
from lungnet.errors import InputError
from lungnet.files import write_text

_REQUIRED = ("seriesuid", "coordX", "coordY", "coordZ")


@dataclass(frozen=True)
class Candidate:
    """A place in a series that may be a nodule.

    Attributes:
        series_uid: Series Instance UID, or the hash that stands for it (`lungnet.ct.same_series`).
        center_xyz_lps_mm: its centre in the DICOM patient frame.
        probability: of being a nodule, 0 to 1, or None if nothing has judged it.
        label: LUNA16's `class`, 1 for a nodule, or None if the file does not say.
        diameter_mm: LUNA16's `diameter_mm`, or None if the file does not say.
    """

    series_uid: str
    center_xyz_lps_mm: tuple[float, float, float]
    probability: float | None = None
    label: int | None = None
    diameter_mm: float | None = None


def read_candidates(path: str | os.PathLike[str]) -> list[Candidate]:
    """Reads a CSV with the columns `seriesuid,coordX,coordY,coordZ`, in any order.

    The columns `probability`, `class` and `diameter_mm` are read where they are, an empty field means
    None; any other column is ignored.

    Args:
        path: the CSV file.

    Returns:
        The candidates in the order of the file.

    Raises:
        InputError: the file cannot be read, lacks a column, or a line (named by its number) holds no
            finite number, a probability outside 0..1, a class other than 0 and 1, or too few fields.
    """
    path = Path(path)
    reader = csv.DictReader(io.StringIO(_text(path), newline=""), skipinitialspace=True)
    missing = [name for name in _REQUIRED if name not in (reader.fieldnames or ())]
    if missing:
        raise InputError(
            f"{path} has no column {', '.join(missing)}; expected the columns {','.join(_REQUIRED)}. "
            f"Received: {','.join(reader.fieldnames or ()) or 'an empty file'}"
        )
    try:
        return [_candidate(row, f"{path}, line {reader.line_num}") for row in reader]
    except csv.Error as error:
        raise InputError(f"{path}, line {reader.line_num}: not CSV ({error}).") from error


def read_series_uids(path: str | os.PathLike[str]) -> list[str]:
    """Reads the list of series of an evaluation, such as LUNA16's `seriesuids.csv`: one UID a line.

    A heading `seriesuid` and empty lines are skipped, and so is whatever stands after a comma.

    Args:
        path: the file.

    Returns:
        The UIDs in the order of the file.

    Raises:
        InputError: the file cannot be read, lists no series or one of them twice, or holds something else
            than UIDs (digits and dots) and the hashes that stand for them in lungnet.
    """
    path = Path(path)
    seen: dict[str, int] = {}
    for number, line in enumerate(_text(path).splitlines(), 1):
        uid = line.partition(",")[0].strip()
        if not uid or (uid == "seriesuid" and not seen):
            continue
        if not (is_hashed(uid) or set(uid) <= set("0123456789.")):
            raise InputError(f"{path}, line {number}: expected a Series Instance UID. Received: {uid[:64]!r}")
        if uid in seen:
            raise InputError(f"{path}, line {number}: series {uid} stands on line {seen[uid]} already.")
        seen[uid] = number
    if not seen:
        raise InputError(f"{path} lists no series; expected one Series Instance UID a line.")
    return list(seen)


def format_candidates(candidates: Iterable[Candidate]) -> str:
    """Returns CSV text with the columns `seriesuid,coordX,coordY,coordZ,probability`.

    Numbers are written so that reading gives the same ones; the `probability` column is left out where
    no candidate has one, and left empty for those that have none.

    Args:
        candidates: in the order in which they are to stand.
    """
    rows = list(candidates)
    judged = any(row.probability is not None for row in rows) or not rows
    table = io.StringIO(newline="")
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow([*_REQUIRED, "probability"] if judged else _REQUIRED)
    for row in rows:
        fields = [row.series_uid, *(repr(float(value)) for value in row.center_xyz_lps_mm)]
        if judged:
            fields.append("" if row.probability is None else repr(float(row.probability)))
        writer.writerow(fields)
    return table.getvalue()


def write_candidates(path: str | os.PathLike[str], candidates: Iterable[Candidate]) -> None:
    """Writes `format_candidates` to a file, atomically.

    Args:
        path: the CSV file, replaced if it is there.
        candidates: in the order in which they are to stand.

    Raises:
        InputError: the file cannot be written.
    """
    write_text(path, format_candidates(candidates))


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}.") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not a CSV file: it is not text in UTF-8.") from error


def _candidate(row: dict[str, str | None], where: str) -> Candidate:
    if not (row["seriesuid"] or "").strip():
        raise InputError(f"{where}: seriesuid is empty.")
    x, y, z = (_number(row, name, where) for name in _REQUIRED[1:])
    if x is None or y is None or z is None:
        raise InputError(f"{where}: coordX, coordY and coordZ must be numbers. Received: an empty field")
    probability = _number(row, "probability", where)
    if probability is not None and not 0.0 <= probability <= 1.0:
        raise InputError(f"{where}: probability must be between 0 and 1. Received: {probability}")
    label = _number(row, "class", where)
    if label not in (None, 0.0, 1.0):
        raise InputError(f"{where}: class must be 0 or 1. Received: {label:g}")
    return Candidate(
        series_uid=(row["seriesuid"] or "").strip(),
        center_xyz_lps_mm=(x, y, z),
        probability=probability,
        label=None if label is None else int(label),
        diameter_mm=_number(row, "diameter_mm", where),
    )


def _number(row: dict[str, str | None], name: str, where: str) -> float | None:
    text = (row.get(name) or "").strip()
    if not text:
        return None
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise InputError(f"{where}: {name} must be a finite number. Received: {text!r}")
    return number

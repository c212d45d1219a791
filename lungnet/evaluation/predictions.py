"""Predictions as CSV: one line a patch, so that any other tool can measure them again."""

import csv
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lungnet.errors import InputError
from lungnet.evaluation.checks import Floats, check_probabilities
from lungnet.files import atomic_path

#: Columns before the probabilities, in this order.
COLUMNS = ("index", "split", "patient_id", "group_id", "series_uid", "nodule_id", "label", "source")

#: Column of a row of Table 1: this and the row's key.
PREFIX = "probability_"


@dataclass(frozen=True, eq=False)
class Predictions:
    """What every classifier said of every patch; all sequences are of one length.

    Attributes:
        split: "train", "validation" or "eval".
        patient_id: of each patch.
        group_id: of each patch, what the split never parts.
        series_uid: of each patch.
        nodule_id: of each patch, -1 for none.
        labels: 0 or 1.
        source: "real" or "synthetic".
        probabilities: row key (`gan_cae_calm` ...) -> float64 `(n,)` in [0, 1].
    """

    split: Sequence[str]
    patient_id: Sequence[str]
    group_id: Sequence[str]
    series_uid: Sequence[str]
    nodule_id: Sequence[int] | npt.NDArray[np.int64]
    labels: Sequence[int] | npt.NDArray[np.int64]
    source: Sequence[str]
    probabilities: Mapping[str, Floats]

    def __len__(self) -> int:
        return len(self.labels)


def write_predictions(path: str | os.PathLike[str], predictions: Predictions) -> None:
    """Writes UTF-8 CSV with the `COLUMNS` and `probability_<row>` for each row, atomically.

    Probabilities keep every digit: they are read back exactly.

    Raises:
        InputError: columns differ in length, a probability is NaN or outside [0, 1], an evaluation
            patch is synthetic, or the file cannot be written.
    """
    count = len(predictions)
    columns = {
        "split": predictions.split,
        "patient_id": predictions.patient_id,
        "group_id": predictions.group_id,
        "series_uid": predictions.series_uid,
        "nodule_id": predictions.nodule_id,
        "label": predictions.labels,
        "source": predictions.source,
    }
    for name, values in columns.items():
        if len(values) != count:
            raise InputError(f"{name} must have {count} entries, as the labels. Received: {len(values)}")
    if any(
        split == "eval" and source == "synthetic"
        for split, source in zip(predictions.split, predictions.source, strict=True)
    ):
        raise InputError("Patches of the evaluation split must be real. Received: a synthetic one")
    rows = {
        row: check_probabilities(values, count, f"{PREFIX}{row}")
        for row, values in predictions.probabilities.items()
    }
    with atomic_path(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([*COLUMNS, *(f"{PREFIX}{row}" for row in rows)])
        for index, known in enumerate(zip(*columns.values(), strict=True)):
            writer.writerow([index, *known, *(repr(float(values[index])) for values in rows.values())])


def read_predictions(path: str | os.PathLike[str]) -> Predictions:
    """Reads what `write_predictions` wrote.

    Raises:
        InputError: the file is missing or is not UTF-8, a column is missing, a line has another number
            of fields, or a number is not one.
    """
    path = Path(path)
    try:
        with path.open(encoding="utf-8", newline="") as file:
            lines = list(csv.reader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"Cannot read predictions from {path}: {error}.") from error
    header = lines[0] if lines else []
    missing = [name for name in COLUMNS if name not in header]
    if missing:
        raise InputError(f"{path} must have the columns {', '.join(COLUMNS)}. Missing: {', '.join(missing)}")
    for number, line in enumerate(lines[1:], start=2):
        if len(line) != len(header):
            raise InputError(f"{path}, line {number}: expected {len(header)} fields. Received: {len(line)}")
    by_name = {name: [line[k] for line in lines[1:]] for k, name in enumerate(header)}
    try:
        labels = np.array([int(value) for value in by_name["label"]], dtype=np.int64)
        nodule_id = np.array([int(value) for value in by_name["nodule_id"]], dtype=np.int64)
        probabilities = {
            name.removeprefix(PREFIX): np.array([float(value) for value in values])
            for name, values in by_name.items()
            if name.startswith(PREFIX)
        }
    except ValueError as error:
        raise InputError(f"{path} holds something that is not a number: {error}.") from error
    for row, values in probabilities.items():
        check_probabilities(values, len(labels), f"{path}, {PREFIX}{row}")
    return Predictions(
        split=by_name["split"],
        patient_id=by_name["patient_id"],
        group_id=by_name["group_id"],
        series_uid=by_name["series_uid"],
        nodule_id=nodule_id,
        labels=labels,
        source=by_name["source"],
        probabilities=probabilities,
    )

"""Predictions of all runs of a cross-validation as one CSV file."""

import csv
import os
from collections.abc import Iterator, Sequence

import numpy as np

from lungnet.evaluation.fold_runs import FoldRun
from lungnet.evaluation.predictions import PREFIX
from lungnet.files import atomic_path

#: Columns before those of the rows.
COLUMNS = (
    *("fold", "seed", "head_seed", "index"),
    *("patient_id", "group_id", "series_uid", "nodule_id", "label"),
)

#: Column of what a row calls a patch at its threshold: this and the row's key.
DECISION = "decision_"


def write_fold_predictions(path: str | os.PathLike[str], runs: Sequence[FoldRun]) -> None:
    """Writes UTF-8 CSV, a line for each patch of each run, atomically.

    After the `COLUMNS` come `probability_<row>` and `decision_<row>` (0 or 1) for each row; both are empty
    in runs without the row. `index` counts the evaluation patches of a run. Probabilities keep every digit.

    Raises:
        InputError: the file cannot be written.
    """
    rows = list(dict.fromkeys(row for run in runs for row in run.rows))
    with atomic_path(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([*COLUMNS, *(name + row for row in rows for name in (PREFIX, DECISION))])
        for run in runs:
            writer.writerows(_lines(run, rows))


def _lines(run: FoldRun, rows: Sequence[str]) -> Iterator[list[object]]:
    p = run.predictions
    told: list[list[object]] = []
    for row in rows:
        if row not in run.rows:
            told += [[""] * len(p), [""] * len(p)]
            continue
        probabilities = np.asarray(p.probabilities[row], np.float64)
        called = (probabilities >= run.thresholds[row]).astype(int)
        told += [list(map(repr, probabilities.tolist())), called.tolist()]
    known = (p.patient_id, p.group_id, p.series_uid, p.nodule_id, p.labels)
    for index, values in enumerate(zip(*known, *told, strict=True)):
        yield [run.fold, run.seed, run.head_seed, index, *values]

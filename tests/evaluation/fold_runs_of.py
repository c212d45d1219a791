"""Runs of a cross-validation, made by hand."""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from lungnet.evaluation import FoldRun, Predictions


def fold_run(
    fold: int,
    labels: npt.ArrayLike,
    groups: npt.ArrayLike,
    probabilities: Mapping[str, npt.ArrayLike],
    seed: int = 0,
    head_seed: int = 0,
    thresholds: Mapping[str, float] | None = None,
) -> FoldRun:
    labels, names = np.asarray(labels), np.asarray(groups).tolist()
    count = len(labels)
    predictions = Predictions(
        split=["eval"] * count,
        patient_id=names,
        group_id=names,
        series_uid=[f"series of {group}" for group in names],
        nodule_id=np.where(labels == 1, np.arange(count), -1),
        labels=labels,
        source=["real"] * count,
        probabilities={row: np.asarray(values, np.float64) for row, values in probabilities.items()},
    )
    return FoldRun(fold, seed, head_seed, predictions, thresholds or dict.fromkeys(probabilities, 0.5))


def random_runs(
    folds: int = 3,
    groups_per_fold: int = 4,
    per_group: int = 12,
    seeds: Sequence[int] = (0, 1),
    head_seeds: int = 2,
    noise: float = 0.35,
) -> list[FoldRun]:
    """Runs in which row `a` and row `b` have head seeds, and row `c` was trained once for each seed."""
    runs = []
    for fold in range(folds):
        rng = np.random.default_rng([fold])
        count = groups_per_fold * per_group
        groups = np.repeat([f"g{fold * groups_per_fold + k:02d}" for k in range(groups_per_fold)], per_group)
        labels = np.arange(count) % 3 == 0
        hard = 0.5 * labels + rng.normal(0.25, noise, count)  # the same for all rows
        for seed in seeds:
            for head in range(head_seeds):
                rows = {
                    "a": np.clip(hard + rng.normal(0.02, 0.1, count), 0.0, 1.0),
                    "b": np.clip(hard + rng.normal(0.0, 0.1, count), 0.0, 1.0),
                    **({} if head else {"c": np.clip(rng.random(count), 0.0, 1.0)}),
                }
                thresholds = {"a": 0.5, "b": 0.45, "c": 0.6}
                runs.append(fold_run(fold, labels.astype(int), groups, rows, seed, head, thresholds))
    return runs


def with_rows(run: FoldRun, probabilities: Mapping[str, np.ndarray]) -> FoldRun:
    """The run with other rows."""
    return dataclasses.replace(
        run,
        predictions=dataclasses.replace(run.predictions, probabilities=dict(probabilities)),
        thresholds={row: run.thresholds.get(row, 0.5) for row in probabilities},
    )

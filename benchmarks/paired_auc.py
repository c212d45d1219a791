"""Two classifiers' AUCs over folds and seeds, compared on the same patches."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from lungnet.evaluation.auc import RankedScores

_RESAMPLES = 2000

Runs = Sequence[dict[str, Any]]


def paired_auc(folds: Sequence[tuple[np.ndarray, Runs, Runs]], seed: int = 0) -> dict[str, Any]:
    """Compares two classifiers over folds and seeds on the same evaluation patches.

    Returns:
        Means of both AUCs and of the difference over folds and seeds; the interval that resampled
        patches give to the latter; the differences of all folds and seeds.
    """
    rng = np.random.default_rng(seed)
    values: list[list[np.ndarray]] = [[], []]
    for labels, *pair in folds:
        weights = rng.multinomial(len(labels), np.full(len(labels), 1 / len(labels)), _RESAMPLES)
        weights = np.concatenate([np.ones((1, len(labels))), weights])  # the first one is the patches'
        columns = np.arange(len(labels))
        for of_one, runs in zip(values, pair, strict=True):
            for run in runs:
                scores = RankedScores(labels == 1, np.array(run["probability"]), columns)
                of_one.append(scores.auc(weights.astype(np.float64)))
    one, other = (np.stack(of_one) for of_one in values)
    difference = (one - other).mean(axis=0)
    return {
        "auc": [float(one[:, 0].mean()), float(other[:, 0].mean())],
        "difference": float(difference[0]),
        "interval_95": np.quantile(difference[1:], [0.025, 0.975]).tolist(),
        "differences": (one - other)[:, 0].tolist(),
    }


def difference_words(compared: Mapping[str, Any]) -> tuple[str, str]:
    """Returns the difference with its interval, and in how many runs it is positive, for a table.

    Args:
        compared: what `paired_auc` returned.
    """
    low, high = compared["interval_95"]
    differences = compared["differences"]
    higher = sum(difference > 0 for difference in differences)
    return f"{compared['difference']:+.4f} ({low:+.4f} to {high:+.4f})", f"{higher} of {len(differences)}"

"""The measures of one classifier under many weightings of its patches at once.

A bootstrap resample is a weighting: a group drawn twice counts twice. The point value is the
weighting by ones, so that both come out of the same code.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from lungnet.evaluation.auc import RankedScores
from lungnet.evaluation.average_precision import RankedPrecision
from lungnet.evaluation.checks import (
    Codes,
    Floats,
    Labels,
    check_labels,
    check_probabilities,
    check_threshold,
    check_weights,
)

#: The columns of the paper's Table 1.
TABLE_METRICS = ("accuracy", "precision", "recall", "f1", "auc")

#: What is measured at each prevalence.
METRICS = (*TABLE_METRICS, "specificity", "balanced_accuracy", "average_precision")


class Samples(NamedTuple):
    """Measures of each weighting, float64 `(samples,)` each, NaN where one is undefined.

    Attributes:
        own: metric -> values at the prevalence that the weights give.
        balanced: metric -> values after reweighting both classes to one half.
        brier: mean squared difference of probability and label.
    """

    own: dict[str, Floats]
    balanced: dict[str, Floats]
    brier: Floats


class Scorer:
    """One classifier's answers, summed over units (groups or single patches).

    Args:
        y: bool `(n,)`, both classes present.
        p: float64 `(n,)` in [0, 1].
        threshold: a patch is called positive when `p >= threshold`.
        codes: int64 `(n,)`, the unit of each patch, 0 to `units - 1`.
        units: number of units.
    """

    def __init__(self, y: Labels, p: Floats, threshold: float, codes: Codes, units: int) -> None:
        called = p >= threshold
        cells = np.stack([y & called, ~y & called, ~y & ~called, y & ~called], axis=1)
        columns = [*cells.T.astype(np.float64), (p - y) ** 2]
        self._sums = np.stack([np.bincount(codes, column, minlength=units) for column in columns], axis=1)
        self._ranked = RankedScores(y, p, codes)
        self._precision = RankedPrecision(y, p, codes)

    def score(self, weights: Floats) -> Samples:
        """Returns the measures under each row of `weights`, float64 `(samples, units)`."""
        tp, fp, tn, fn, squared_error = (weights @ self._sums).T
        auc, precision = self._ranked.auc(weights), self._precision.measure(weights)
        true_rate, false_rate = _ratio(tp, tp + fn), _ratio(fp, fp + tn)
        own = threshold_metrics(tp, fp, tn, fn)
        own |= {"auc": auc, "average_precision": precision.own}
        balanced = threshold_metrics(true_rate, false_rate, 1.0 - false_rate, 1.0 - true_rate)
        balanced |= {"auc": auc, "average_precision": precision.balanced}
        brier = _ratio(squared_error, tp + fp + tn + fn)
        return Samples(own, balanced, brier)


def threshold_metrics(tp: Floats, fp: Floats, tn: Floats, fn: Floats) -> dict[str, Floats]:
    """Returns the measures that follow from a confusion matrix, NaN where the denominator is 0.

    Precision is undefined where nothing is called positive, recall without positives, specificity
    without negatives, F1 = 2 TP / (2 TP + FP + FN) only without both positives and positive calls.

    Args:
        tp: weight of the true positives, any shape; the others alike.
        fp: of the false positives.
        tn: of the true negatives.
        fn: of the false negatives.
    """
    recall, specificity = _ratio(tp, tp + fn), _ratio(tn, tn + fp)
    return {
        "accuracy": _ratio(tp + tn, tp + fp + tn + fn),
        "precision": _ratio(tp, tp + fp),
        "recall": recall,
        "f1": _ratio(2.0 * tp, 2.0 * tp + fp + fn),
        "specificity": specificity,
        "balanced_accuracy": (recall + specificity) / 2.0,
    }


def weighted_metrics(
    y: npt.ArrayLike, p: npt.ArrayLike, threshold: float = 0.5, weights: npt.ArrayLike | None = None
) -> dict[str, float]:
    """Measures of one classifier, without intervals.

    Args:
        y: labels 0 or 1, `(n,)`, both present.
        p: probabilities in [0, 1], `(n,)`.
        threshold: a patch is called positive when `p >= threshold`.
        weights: of the patches, `(n,)`; None weighs them equally.

    Returns:
        The `METRICS` and `brier`; NaN where one is undefined.

    Raises:
        InputError: lengths differ, one class only, a probability that is NaN or outside [0, 1], a
            threshold outside [0, 1], or a negative weight.

    Example:
        >>> weighted_metrics([0, 0, 1, 1], [0.1, 0.6, 0.4, 0.9])["f1"]
        0.5
    """
    labels = check_labels(y)
    scores = check_probabilities(p, len(labels))
    columns = np.arange(len(labels), dtype=np.int64)
    scorer = Scorer(labels, scores, check_threshold(threshold), columns, len(labels))
    samples = scorer.score(check_weights(weights, len(labels))[None])
    return {**{name: float(samples.own[name][0]) for name in METRICS}, "brier": float(samples.brier[0])}


def _ratio(numerator: Floats, denominator: Floats) -> Floats:
    undefined = np.full(np.shape(denominator), np.nan)
    return np.divide(numerator, denominator, out=undefined, where=denominator > 0)

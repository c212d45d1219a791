"""Curves over all thresholds: ROC (the paper's Figure 6) and precision against recall."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lungnet.evaluation.checks import Floats, check_labels, check_probabilities


@dataclass(frozen=True, eq=False)
class RocCurve:
    """False and true positive rates, float64 `(points,)` each, from (0, 0) to (1, 1).

    Attributes:
        false_positive_rate: not decreasing.
        true_positive_rate: not decreasing.
        thresholds: decreasing; a patch is called positive at `p >= threshold`. The first is infinite.
    """

    false_positive_rate: Floats
    true_positive_rate: Floats
    thresholds: Floats


@dataclass(frozen=True, eq=False)
class PrecisionRecallCurve:
    """Precision and recall, float64 `(points,)` each, by falling threshold.

    Attributes:
        precision: share of the positive calls that are right.
        recall: share of the positives that are called, not decreasing, up to 1.
        thresholds: decreasing; one for each distinct probability.
    """

    precision: Floats
    recall: Floats
    thresholds: Floats


def roc_curve(y: npt.ArrayLike, p: npt.ArrayLike) -> RocCurve:
    """Corners of the ROC curve; points on a straight line between two others are left out.

    Args:
        y: labels 0 or 1, `(n,)`, both present.
        p: probabilities in [0, 1], `(n,)`.

    Raises:
        InputError: lengths differ, one class only, or a probability that is NaN or outside [0, 1].
    """
    true, false, thresholds = _cumulative(y, p)
    true, false = np.concatenate([[0.0], true]), np.concatenate([[0.0], false])
    thresholds = np.concatenate([[np.inf], thresholds])
    # Counts are integers, so the test for a straight line is exact.
    turn = np.diff(true[:-1]) * np.diff(false[1:]) != np.diff(true[1:]) * np.diff(false[:-1])
    keep = np.concatenate([[True], turn, [True]])
    return RocCurve(false[keep] / false[-1], true[keep] / true[-1], thresholds[keep])


def precision_recall_curve(y: npt.ArrayLike, p: npt.ArrayLike) -> PrecisionRecallCurve:
    """Precision and recall at each distinct probability, at the set's own prevalence.

    Args:
        y: labels 0 or 1, `(n,)`, both present.
        p: probabilities in [0, 1], `(n,)`.

    Raises:
        InputError: lengths differ, one class only, or a probability that is NaN or outside [0, 1].
    """
    true, false, thresholds = _cumulative(y, p)
    return PrecisionRecallCurve(true / (true + false), true / true[-1], thresholds)


def _cumulative(y: npt.ArrayLike, p: npt.ArrayLike) -> tuple[Floats, Floats, Floats]:
    """Returns how many positives and negatives lie at or above each distinct probability."""
    labels = check_labels(y)
    scores = check_probabilities(p, len(labels))
    order = np.argsort(-scores, kind="stable")
    scores, labels = scores[order], labels[order]
    last_of_ties = np.append(scores[1:] != scores[:-1], True)
    true = np.cumsum(labels)[last_of_ties].astype(np.float64)
    false = np.cumsum(~labels)[last_of_ties].astype(np.float64)
    return true, false, scores[last_of_ties]

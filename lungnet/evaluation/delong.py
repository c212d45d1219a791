"""Intervals of the AUC without resampling, after DeLong, DeLong and Clarke-Pearson (Biometrics 44, 1988).

An AUC is the mean over all pairs of a positive and a negative of 1 (in the right order), 1/2 (tied) or 0.
A patch's placement is its mean over the pairs it is part of; the variances of the placements of the positives
and of the negatives, each over its own number, add up to that of the AUC. Patches count as independent:
where they come from few patients, intervals are too narrow, as those of a bootstrap over patches are.
"""

from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import norm, rankdata

from lungnet.errors import InputError
from lungnet.evaluation.checks import Floats, Labels, check_labels, check_probabilities


@dataclass(frozen=True)
class DelongEstimate:
    """An AUC, or the difference of two, with DeLong's interval.

    Attributes:
        value: the AUC, or the AUC of a less that of b.
        standard_error: of it; 0 where no pair is in the wrong order.
        low, high: normal interval; of an AUC cut at 0 and 1.
        p_value: two-sided, that the difference is 0; None for an AUC, and 1 where neither differs nor varies.
    """

    value: float
    standard_error: float
    low: float
    high: float
    p_value: float | None = None

    def to_json(self) -> dict[str, float | None]:
        """Returns the fields as a JSON object."""
        return asdict(self)


def delong_auc(y: npt.ArrayLike, p: npt.ArrayLike, confidence: float = 0.95) -> DelongEstimate:
    """Area under the ROC curve with DeLong's interval over single patches.

    Args:
        y: labels 0 or 1, `(n,)`, at least two of each.
        p: probabilities in [0, 1], `(n,)`.
        confidence: of the interval, in (0, 1).

    Raises:
        InputError: lengths differ, fewer than two patches of a class, or a probability that is NaN or
            outside [0, 1].
        ValueError: `confidence` is out of range.
    """
    labels = _checked(y)
    positives, negatives = placements(labels, check_probabilities(p, len(labels)))
    value = float(positives.mean())
    variance = positives.var(ddof=1) / len(positives) + negatives.var(ddof=1) / len(negatives)
    error = float(np.sqrt(variance))
    low, high = np.clip(_interval(value, error, confidence), 0.0, 1.0)
    return DelongEstimate(value, error, float(low), float(high))


def delong_difference(
    y: npt.ArrayLike, p_a: npt.ArrayLike, p_b: npt.ArrayLike, confidence: float = 0.95
) -> DelongEstimate:
    """AUC of classifier a less that of b on the same patches, which makes them correlated.

    Args:
        y: labels 0 or 1, `(n,)`, at least two of each.
        p_a: probabilities of classifier a, `(n,)`.
        p_b: probabilities of classifier b on the same patches.
        confidence: of the interval, in (0, 1).

    Raises:
        InputError: as `delong_auc`.
        ValueError: `confidence` is out of range.
    """
    labels = _checked(y)
    a = placements(labels, check_probabilities(p_a, len(labels), "p_a"))
    b = placements(labels, check_probabilities(p_b, len(labels), "p_b"))
    differences = [of_a - of_b for of_a, of_b in zip(a, b, strict=True)]
    value = float(differences[0].mean())
    error = float(np.sqrt(sum(each.var(ddof=1) / len(each) for each in differences)))
    low, high = _interval(value, error, confidence)
    deviations = abs(value) / error if error > 0.0 else np.inf
    p_value = 1.0 if value == 0.0 else float(2.0 * norm.sf(deviations))
    return DelongEstimate(value, error, float(low), float(high), p_value)


def placements(y: Labels, p: Floats) -> tuple[Floats, Floats]:
    """Returns for each positive the share of negatives below it, and for each negative of positives above it.

    Ties count half. Midranks give both in one sorting (Sun and Xu, IEEE Signal Processing Letters 21, 2014).

    Args:
        y: bool `(n,)`, both classes present.
        p: float64 `(n,)`.
    """
    ranks = rankdata(p)
    count_1, count_0 = int(y.sum()), int((~y).sum())
    positives = (ranks[y] - rankdata(p[y])) / count_0
    negatives = 1.0 - (ranks[~y] - rankdata(p[~y])) / count_1
    return positives, negatives


def _interval(value: float, error: float, confidence: float) -> Floats:
    if not 0.0 < confidence < 1.0:
        raise ValueError(f"confidence must lie between 0 and 1. Received: {confidence}")
    return value + error * np.array([-1.0, 1.0]) * norm.isf((1.0 - confidence) / 2.0)


def _checked(y: npt.ArrayLike) -> Labels:
    labels = check_labels(y)
    fewest = min(int(labels.sum()), int((~labels).sum()))
    if fewest < 2:
        raise InputError(f"DeLong's variance needs at least 2 patches of each class. Received: {fewest}")
    return labels

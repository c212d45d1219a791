"""Whether a probability of 0.8 is right eight times in ten."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lungnet.evaluation.checks import check_labels, check_probabilities

#: Bins of equal width over [0, 1].
BINS = 10


@dataclass(frozen=True)
class ReliabilityBin:
    """Patches whose probability lies in [low, high); the last bin includes 1.

    Attributes:
        low: lower edge.
        high: upper edge.
        patches: how many lie in it.
        mean_probability: of them, None if there are none.
        positive_fraction: share of them that is positive, None if there are none.
    """

    low: float
    high: float
    patches: int
    mean_probability: float | None
    positive_fraction: float | None


def reliability(y: npt.ArrayLike, p: npt.ArrayLike) -> tuple[ReliabilityBin, ...]:
    """Sorts patches into ten bins of equal width by probability.

    Args:
        y: labels 0 or 1, `(n,)`, both present.
        p: probabilities in [0, 1], `(n,)`.

    Raises:
        InputError: lengths differ, one class only, or a probability that is NaN or outside [0, 1].
    """
    labels = check_labels(y)
    scores = check_probabilities(p, len(labels))
    edges = np.arange(BINS + 1) / BINS
    index = np.searchsorted(edges[1:-1], scores, side="right")
    counts = np.bincount(index, minlength=BINS)
    probability = np.bincount(index, scores, minlength=BINS)
    positives = np.bincount(index, labels, minlength=BINS)
    return tuple(
        ReliabilityBin(
            low=float(edges[k]),
            high=float(edges[k + 1]),
            patches=int(counts[k]),
            mean_probability=float(probability[k] / counts[k]) if counts[k] else None,
            positive_fraction=float(positives[k] / counts[k]) if counts[k] else None,
        )
        for k in range(BINS)
    )


def expected_calibration_error(y: npt.ArrayLike, p: npt.ArrayLike) -> float:
    """Mean distance of probability and frequency over ten bins of equal width, weighed by their patches.

    No interval is given with it: a resample adds noise to every bin, and so lies above the value.

    Args:
        y: labels 0 or 1, `(n,)`, both present.
        p: probabilities in [0, 1], `(n,)`.

    Raises:
        InputError: lengths differ, one class only, or a probability that is NaN or outside [0, 1].

    Example:
        >>> round(expected_calibration_error([0, 1, 1, 1], [0.15, 0.15, 0.85, 0.95]), 3)
        0.225
    """
    return _error(reliability(y, p))


def _error(bins: tuple[ReliabilityBin, ...]) -> float:
    total = sum(each.patches for each in bins)
    gaps = (
        each.patches * abs(each.mean_probability - each.positive_fraction)
        for each in bins
        if each.mean_probability is not None and each.positive_fraction is not None
    )
    return sum(gaps) / total

"""Average precision: the area under precision against recall, exact and fast enough to be resampled."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from lungnet.evaluation.checks import (
    Codes,
    Floats,
    Labels,
    check_labels,
    check_probabilities,
    check_weights,
)


class AveragePrecision(NamedTuple):
    """The same scores at two prevalences, float64 `(samples,)` each, NaN where a class has no weight.

    Attributes:
        own: at the prevalence that the weights give.
        balanced: with as much weight of positives as of negatives.
    """

    own: Floats
    balanced: Floats


class Rates(NamedTuple):
    """What is called positive from each distinct score on, by falling score.

    Attributes:
        recall: float64 `(samples, thresholds)`, share of the positives; NaN where they have no weight.
        fallout: the same of the negatives, the false positive rate.
        prevalence: float64 `(samples,)`, share of positives that the weights give.
    """

    recall: Floats
    fallout: Floats
    prevalence: Floats


class RankedPrecision:
    """Scores sorted once, so that the average precision under many weightings costs no further sorting.

    Args:
        y: bool `(n,)`, both classes present.
        p: float64 `(n,)`, finite; only their order matters.
        codes: int64 `(n,)`, the column of the weights that holds each patch's weight.

    Attributes:
        thresholds: the distinct scores, falling.
    """

    def __init__(self, y: Labels, p: Floats, codes: Codes) -> None:
        order = np.argsort(-p, kind="stable")
        scores = p[order]
        self._columns = codes[order]
        self._positive = y[order]
        self._last_of_ties = np.flatnonzero(np.append(scores[1:] != scores[:-1], True))
        self.thresholds = scores[self._last_of_ties]

    def rates(self, weights: Floats) -> Rates:
        """Returns what is called positive at each threshold.

        Args:
            weights: float64 `(samples, columns)`, not negative.
        """
        weighted = weights[:, self._columns]
        true, false = (
            np.cumsum(np.where(mask, weighted, 0.0), axis=1)[:, self._last_of_ties]
            for mask in (self._positive, ~self._positive)
        )
        prevalence = _divided(true[:, -1], true[:, -1] + false[:, -1])
        return Rates(_divided(true, true[:, -1:]), _divided(false, false[:, -1:]), prevalence)

    def measure(self, weights: Floats) -> AveragePrecision:
        """Returns the average precision at the prevalence that the weights give, and at one half.

        Args:
            weights: float64 `(samples, columns)`, not negative.
        """
        rates = self.rates(weights)
        return AveragePrecision(
            average_precision_at(rates.prevalence[:, None], rates), average_precision_at(0.5, rates)
        )


def precision_at(prevalence: float | Floats, recall: Floats, fallout: Floats) -> Floats:
    """Returns pi R / (pi R + (1 - pi) F), NaN where nothing is called positive.

    Args:
        prevalence: pi, a number or an array that fits the others.
        recall: R, any shape.
        fallout: the false positive rate F, of the same shape.
    """
    right, wrong = prevalence * recall, (1.0 - prevalence) * fallout
    return _divided(right, right + wrong)


def average_precision_at(prevalence: float | Floats, rates: Rates) -> Floats:
    """Returns the sum over falling scores of precision times what each adds to recall, `(samples,)`.

    Args:
        prevalence: share of positives; a number, or `(samples, 1)`.
        rates: of each sample.
    """
    recall, fallout, _ = rates
    added = np.diff(recall, axis=1, prepend=0.0)
    # Where nothing is called yet, nothing is added to recall: any precision will do.
    area = np.einsum("ij,ij->i", added, np.nan_to_num(precision_at(prevalence, recall, fallout)))
    return np.where(np.isnan(recall[:, -1] + fallout[:, -1]), np.nan, area)


def average_precision(y: npt.ArrayLike, p: npt.ArrayLike, weights: npt.ArrayLike | None = None) -> float:
    """Mean of the precision at each recall, at the set's own prevalence; a guess gives the prevalence.

    Args:
        y: labels 0 or 1, `(n,)`, both present.
        p: probabilities in [0, 1], `(n,)`; those of equal ones are called together.
        weights: of the patches, `(n,)`; None weighs them equally.

    Returns:
        The average precision, in [0, 1]; NaN if a class has no weight.

    Raises:
        InputError: lengths differ, one class only, a probability that is NaN or outside [0, 1], or a
            negative weight.

    Example:
        >>> average_precision([1, 0, 1, 0], [0.9, 0.6, 0.5, 0.1]) == (1 + 2 / 3) / 2
        True
    """
    labels = check_labels(y)
    scores = check_probabilities(p, len(labels))
    ranked = RankedPrecision(labels, scores, np.arange(len(labels), dtype=np.int64))
    return float(ranked.measure(check_weights(weights, len(labels))[None]).own[0])


def _divided(part: Floats, whole: Floats) -> Floats:
    """NaN where the divisor is 0 or NaN."""
    whole = np.broadcast_to(whole, part.shape)
    return np.divide(part, whole, out=np.full(part.shape, np.nan), where=whole > 0)

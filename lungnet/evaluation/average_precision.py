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


class RankedPrecision:
    """Scores sorted once, so that the average precision under many weightings costs no further sorting.

    Args:
        y: bool `(n,)`, both classes present.
        p: float64 `(n,)`, finite; only their order matters.
        codes: int64 `(n,)`, the column of the weights that holds each patch's weight.
    """

    def __init__(self, y: Labels, p: Floats, codes: Codes) -> None:
        order = np.argsort(-p, kind="stable")
        scores = p[order]
        self._columns = codes[order]
        self._positive = y[order]
        self._last_of_ties = np.flatnonzero(np.append(scores[1:] != scores[:-1], True))

    def measure(self, weights: Floats) -> AveragePrecision:
        """Returns the sum over distinct scores, falling, of precision times what they add to recall.

        Args:
            weights: float64 `(samples, columns)`, not negative.
        """
        weighted = weights[:, self._columns]
        true, false = (
            np.cumsum(np.where(mask, weighted, 0.0), axis=1)[:, self._last_of_ties]
            for mask in (self._positive, ~self._positive)
        )
        recall, fallout = _divided(true, true[:, -1:]), _divided(false, false[:, -1:])
        added = np.diff(recall, axis=1, prepend=0.0)
        # Where nothing is called yet, nothing is added to recall: any precision will do.
        own, balanced = (
            np.einsum("ij,ij->i", added, np.nan_to_num(_divided(right, right + wrong)))
            for right, wrong in ((true, false), (recall, fallout))
        )
        undefined = np.isnan(recall[:, -1] + fallout[:, -1])
        return AveragePrecision(*(np.where(undefined, np.nan, values) for values in (own, balanced)))


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

"""Area under the ROC curve, exact and fast enough to be resampled."""

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


class RankedScores:
    """Scores sorted once, so that the AUC under many weightings costs no further sorting.

    Args:
        y: bool `(n,)`, both classes present.
        p: float64 `(n,)`, finite; only their order matters.
        codes: int64 `(n,)`, the column of the weights that holds each patch's weight.
    """

    def __init__(self, y: Labels, p: Floats, codes: Codes) -> None:
        positives = np.flatnonzero(y)
        negatives = np.flatnonzero(~y)
        negatives = negatives[np.argsort(p[negatives], kind="stable")]
        self._positive_columns = codes[positives]
        self._negative_columns = codes[negatives]
        self._below = np.searchsorted(p[negatives], p[positives], side="left")
        self._up_to = np.searchsorted(p[negatives], p[positives], side="right")

    def auc(self, weights: Floats) -> Floats:
        """Returns the weighted share of (positive, negative) pairs in the right order; ties count half.

        Args:
            weights: float64 `(samples, columns)`, not negative.

        Returns:
            float64 `(samples,)`, NaN where a class has no weight.
        """
        positive = weights[:, self._positive_columns]
        below = np.zeros((len(weights), len(self._negative_columns) + 1))
        np.cumsum(weights[:, self._negative_columns], axis=1, out=below[:, 1:])
        twice_ordered = np.einsum("ij,ij->i", positive, below[:, self._below] + below[:, self._up_to])
        twice_pairs = 2.0 * positive.sum(axis=1) * below[:, -1]
        return np.divide(twice_ordered, twice_pairs, out=np.full(len(weights), np.nan), where=twice_pairs > 0)


def roc_auc(y: npt.ArrayLike, p: npt.ArrayLike, weights: npt.ArrayLike | None = None) -> float:
    """Area under the ROC curve: the chance that a positive scores above a negative, ties counting half.

    Args:
        y: labels 0 or 1, `(n,)`, both present.
        p: probabilities in [0, 1], `(n,)`.
        weights: of the patches, `(n,)`; None weighs them equally.

    Returns:
        The AUC, in [0, 1]; NaN if a class has no weight.

    Raises:
        InputError: lengths differ, one class only, a probability that is NaN or outside [0, 1], or a
            negative weight.

    Example:
        >>> roc_auc([0, 0, 1, 1], [0.1, 0.5, 0.5, 0.9])
        0.875
    """
    labels = check_labels(y)
    scores = check_probabilities(p, len(labels))
    columns = np.arange(len(labels), dtype=np.int64)
    return float(RankedScores(labels, scores, columns).auc(check_weights(weights, len(labels))[None])[0])

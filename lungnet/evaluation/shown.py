"""Which evaluation patches a reader is shown: the worst errors, and right answers."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from lungnet.evaluation.checks import check_labels, check_probabilities

Indices = npt.NDArray[np.int64]


class Shown(NamedTuple):
    """Indices among the evaluation patches, int64 `(k,)` each.

    Attributes:
        false_negatives: the least probable first.
        true_positives: in the order of their probability.
        false_positives: the most probable first.
        true_negatives: in the order of their probability.
    """

    false_negatives: Indices
    true_positives: Indices
    false_positives: Indices
    true_negatives: Indices

    @property
    def all(self) -> Indices:
        """All of them, one kind after the other."""
        return np.concatenate(self)


def sort_answers(y: npt.ArrayLike, p: npt.ArrayLike, threshold: float) -> Shown:
    """Parts all patches by what was said of them.

    Args:
        y: labels 0 or 1, `(n,)`.
        p: probabilities in [0, 1], `(n,)`.
        threshold: a patch is called positive when `p >= threshold`.

    Raises:
        InputError: lengths differ, one class only, or a probability that is NaN or outside [0, 1].
    """
    positive = check_labels(y)
    scores = check_probabilities(p, len(positive))
    order = np.argsort(scores, kind="stable")
    called = scores >= threshold

    def those(which: npt.NDArray[np.bool_]) -> Indices:
        return order[which[order]]

    return Shown(
        those(positive & ~called),
        those(positive & called),
        those(~positive & called)[::-1],
        those(~positive & ~called),
    )


def choose_shown(y: npt.ArrayLike, p: npt.ArrayLike, threshold: float, each: int = 6) -> Shown:
    """Chooses the worst errors of either kind, and right answers from the least to the most probable.

    Args:
        y: labels 0 or 1, `(n,)`.
        p: probabilities in [0, 1], `(n,)`.
        threshold: a patch is called positive when `p >= threshold`.
        each: how many of each kind, at most.

    Raises:
        InputError: as `sort_answers`.
    """
    answers = sort_answers(y, p, threshold)
    return Shown(
        answers.false_negatives[:each],
        _evenly(answers.true_positives, each),
        answers.false_positives[:each],
        _evenly(answers.true_negatives, each),
    )


def _evenly(indices: Indices, count: int) -> Indices:
    return indices[np.linspace(0, len(indices) - 1, min(count, len(indices))).astype(int)]

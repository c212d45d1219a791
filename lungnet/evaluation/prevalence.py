"""Precision against recall at another prevalence than that of the evaluation set.

Recall and the false positive rate are the same at every prevalence; precision is not. Weighing positives and
negatives so that they have the shares pi and 1 - pi gives what a set of that prevalence would give, if its
positives and negatives are like these. What is measured at one nodule in hundreds of candidates thus hangs on
the few negatives that score highest, and its interval says so.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import beta

from lungnet.evaluation.bootstrap import Estimate, plan_resampling
from lungnet.evaluation.checks import (
    Codes,
    Floats,
    Labels,
    check_labels,
    check_probabilities,
    check_threshold,
    encode_groups,
)
from lungnet.evaluation.roc import PrecisionRecallCurve


@dataclass(frozen=True)
class AtPrevalence:
    """What a classifier's positive calls are worth at a prevalence.

    Attributes:
        prevalence: share of positives, in (0, 1).
        average_precision: area under the steps of precision against recall, ties at one step.
        precision: share of right ones among the calls at the threshold (positive predictive value); undefined
            where nothing is called positive.
        negative_predictive_value: share of right ones among the negative calls.
        false_positives: how many patches the false positive rate was measured on that was carried over; of
            hardly any, precision at a low prevalence is hardly known, whatever its interval says.
        least_precision: precision if the false positive rate lay at the upper end of its exact interval
            (Clopper and Pearson, over patches, of the same confidence) and recall where it was measured; None
            where nothing is called positive.
    """

    prevalence: float
    average_precision: Estimate
    precision: Estimate
    negative_predictive_value: Estimate
    false_positives: int
    least_precision: float | None

    def to_json(self) -> dict[str, Any]:
        """Returns the fields as a JSON object."""
        return {
            "prevalence": self.prevalence,
            "average_precision": self.average_precision.to_json(),
            "precision": self.precision.to_json(),
            "negative_predictive_value": self.negative_predictive_value.to_json(),
            "false_positives": self.false_positives,
            "least_precision": self.least_precision,
        }


class RankedCalls:
    """Scores sorted once, so that precision against recall under many weightings costs no further sorting.

    Args:
        y: bool `(n,)`, both classes present.
        p: float64 `(n,)`, finite; only their order matters.
        codes: int64 `(n,)`, the column of the weights that holds each patch's weight.
    """

    def __init__(self, y: Labels, p: Floats, codes: Codes) -> None:
        order = np.argsort(-p, kind="stable")
        self._positive = y[order]
        self._columns = codes[order]
        ranked = p[order]
        self._last_of_ties = np.flatnonzero(np.append(ranked[1:] != ranked[:-1], True))
        self.thresholds = ranked[self._last_of_ties]

    def rates(self, weights: Floats) -> tuple[Floats, Floats]:
        """Returns recall and false positive rate at each distinct score, by falling score.

        Args:
            weights: float64 `(samples, columns)`, not negative.

        Returns:
            float64 `(samples, thresholds)` each, NaN where a class has no weight.
        """
        of_patches = weights[:, self._columns]
        rates = []
        for chosen in (self._positive, ~self._positive):
            called = np.cumsum(of_patches * chosen, axis=1)
            total = called[:, -1:]
            share = np.divide(called, total, out=np.full(called.shape, np.nan), where=total > 0)
            rates.append(share[:, self._last_of_ties])
        return rates[0], rates[1]


def precision_at(prevalence: float, recall: Floats, false_positive_rate: Floats) -> Floats:
    """Returns pi R / (pi R + (1 - pi) F), NaN where nothing is called positive.

    Args:
        prevalence: pi.
        recall: R, any shape.
        false_positive_rate: F, of the same shape.
    """
    right, wrong = prevalence * recall, (1.0 - prevalence) * false_positive_rate
    return np.divide(right, right + wrong, out=np.full(np.shape(right), np.nan), where=right + wrong > 0)


def average_precision_at(prevalence: float, recall: Floats, false_positive_rate: Floats) -> Floats:
    """Returns the area under the steps of precision against recall, `(samples,)`, as scikit-learn sums it.

    Args:
        prevalence: share of positives.
        recall: float64 `(samples, thresholds)`, not decreasing.
        false_positive_rate: float64 `(samples, thresholds)`, not decreasing.
    """
    precision = precision_at(prevalence, recall, false_positive_rate)
    gained = np.diff(recall, axis=1, prepend=0.0)
    area = np.where(gained > 0, precision * gained, 0.0).sum(axis=1)
    return np.where(np.isnan(recall[:, -1]) | np.isnan(false_positive_rate[:, -1]), np.nan, area)


def curve_at(y: npt.ArrayLike, p: npt.ArrayLike, prevalence: float) -> PrecisionRecallCurve:
    """Precision and recall at each distinct probability, reweighted to a prevalence.

    Args:
        y: labels 0 or 1, `(n,)`, both present.
        p: probabilities in [0, 1], `(n,)`.
        prevalence: share of positives, in (0, 1).

    Raises:
        InputError: lengths differ, one class only, or a probability that is NaN or outside [0, 1].
        ValueError: `prevalence` is out of range.
    """
    labels = check_labels(y)
    scores = check_probabilities(p, len(labels))
    ranked = RankedCalls(labels, scores, np.arange(len(labels), dtype=np.int64))
    recall, false = (rate[0] for rate in ranked.rates(np.ones((1, len(labels)))))
    return PrecisionRecallCurve(precision_at(_checked(prevalence), recall, false), recall, ranked.thresholds)


def at_prevalences(
    y: npt.ArrayLike,
    p: npt.ArrayLike,
    groups: npt.ArrayLike | None,
    threshold: float,
    prevalences: dict[str, float],
    *,
    confidence: float = 0.95,
    resamples: int = 1000,
    min_groups: int = 10,
    seed: int = 0,
) -> dict[str, AtPrevalence]:
    """Average precision and predictive values, reweighted to each of several prevalences.

    Args:
        y: labels 0 or 1, `(n,)`, both present.
        p: probabilities in [0, 1], `(n,)`.
        groups: the patient, or what stands for one, of each patch; None if not known.
        threshold: a patch is called positive when `p >= threshold`.
        prevalences: name -> share of positives, in (0, 1).
        confidence, resamples, min_groups, seed: of the intervals, as for `classification_report`.

    Returns:
        name -> what holds at that prevalence, on the same resamples.

    Raises:
        InputError: as `classification_report`.
        ValueError: a prevalence, `confidence` or `resamples` is out of range.
    """
    labels = check_labels(y)
    scores = check_probabilities(p, len(labels))
    threshold = check_threshold(threshold)
    shares = {name: _checked(share) for name, share in prevalences.items()}
    codes, group_count = encode_groups(groups, len(labels))
    plan = plan_resampling(
        codes, group_count, confidence=confidence, resamples=resamples, min_groups=min_groups, seed=seed
    )
    ranked = RankedCalls(labels, scores, plan.codes)
    at_threshold = int(np.searchsorted(-ranked.thresholds, -threshold, side="right")) - 1

    def measured(weights: Floats) -> Floats:
        """Three measures at each prevalence, `(prevalences, 3, samples)`."""
        recall, false = ranked.rates(weights)
        none = np.zeros(len(weights))
        called = (recall[:, at_threshold], false[:, at_threshold]) if at_threshold >= 0 else (none, none)
        return np.stack(
            [
                np.stack(
                    [
                        average_precision_at(share, recall, false),
                        precision_at(share, *called),
                        precision_at(1.0 - share, 1.0 - called[1], 1.0 - called[0]),
                    ]
                )
                for share in shares.values()
            ]
        )

    values = measured(np.ones((1, plan.units)))[..., 0]
    samples = np.concatenate([measured(weights) for weights in plan.weights()], axis=-1)
    calls = scores >= threshold
    false_positives = int((~labels & calls).sum())
    recall = float(calls[labels].mean())
    most = float(beta.ppf((1.0 + confidence) / 2.0, false_positives + 1, (~labels & ~calls).sum()))
    most = 1.0 if np.isnan(most) else most  # every negative is called positive
    found = {}
    for index, (name, share) in enumerate(shares.items()):
        area, right, rightly_not = (plan.estimate(values[index, k], samples[index, k]) for k in range(3))
        least = float(precision_at(share, np.array(recall), np.array(most))) if calls.any() else None
        found[name] = AtPrevalence(share, area, right, rightly_not, false_positives, least)
    return found


def _checked(prevalence: float) -> float:
    if not 0.0 < prevalence < 1.0:
        raise ValueError(f"prevalence must lie between 0 and 1. Received: {prevalence}")
    return float(prevalence)

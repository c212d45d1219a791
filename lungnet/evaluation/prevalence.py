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

from lungnet.evaluation.average_precision import RankedPrecision, average_precision_at, precision_at
from lungnet.evaluation.bootstrap import Estimate, plan_resampling
from lungnet.evaluation.checks import (
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
    ranked = RankedPrecision(labels, scores, np.arange(len(labels), dtype=np.int64))
    recall, fallout = (rate[0] for rate in ranked.rates(np.ones((1, len(labels))))[:2])
    return PrecisionRecallCurve(
        precision_at(_checked(prevalence), recall, fallout), recall, ranked.thresholds
    )


def at_prevalence(
    y: npt.ArrayLike,
    p: npt.ArrayLike,
    groups: npt.ArrayLike | None,
    threshold: float,
    prevalence: float,
    *,
    confidence: float = 0.95,
    resamples: int = 1000,
    min_groups: int = 10,
    seed: int = 0,
) -> AtPrevalence:
    """Average precision and predictive values, reweighted to a prevalence.

    Args:
        y: labels 0 or 1, `(n,)`, both present.
        p: probabilities in [0, 1], `(n,)`.
        groups: the patient, or what stands for one, of each patch; None if not known.
        threshold: a patch is called positive when `p >= threshold`.
        prevalence: share of positives, in (0, 1).
        confidence, resamples, min_groups, seed: of the intervals, as for `classification_report`.

    Raises:
        InputError: as `classification_report`.
        ValueError: `prevalence`, `confidence` or `resamples` is out of range.
    """
    labels = check_labels(y)
    scores = check_probabilities(p, len(labels))
    threshold = check_threshold(threshold)
    share = _checked(prevalence)
    codes, group_count = encode_groups(groups, len(labels))
    plan = plan_resampling(
        codes, group_count, confidence=confidence, resamples=resamples, min_groups=min_groups, seed=seed
    )
    ranked = RankedPrecision(labels, scores, plan.codes)
    lowest_called = int((ranked.thresholds >= threshold).sum()) - 1

    def measured(weights: Floats) -> Floats:
        """Average precision, precision and negative predictive value, `(3, samples)`."""
        rates = ranked.rates(weights)
        recall, fallout = (
            rate[:, lowest_called] if lowest_called >= 0 else np.zeros(len(weights)) for rate in rates[:2]
        )
        return np.stack(
            [
                average_precision_at(share, rates),
                precision_at(share, recall, fallout),
                precision_at(1.0 - share, 1.0 - fallout, 1.0 - recall),
            ]
        )

    values = measured(np.ones((1, plan.units)))[:, 0]
    samples = np.concatenate([measured(weights) for weights in plan.weights()], axis=1)
    area, right, rightly_not = (plan.estimate(values[k], samples[k]) for k in range(3))
    called = scores >= threshold
    false_positives = int((~labels & called).sum())
    return AtPrevalence(
        share,
        area,
        right,
        rightly_not,
        false_positives,
        _least_precision(share, labels, called, confidence) if called.any() else None,
    )


def _least_precision(prevalence: float, labels: Labels, called: Labels, confidence: float) -> float:
    false_positives, true_negatives = (int((~labels & chosen).sum()) for chosen in (called, ~called))
    most = beta.ppf((1.0 + confidence) / 2.0, false_positives + 1, true_negatives) if true_negatives else 1.0
    return float(precision_at(prevalence, np.array(called[labels].mean()), np.array(most)))


def _checked(prevalence: float) -> float:
    if not 0.0 < prevalence < 1.0:
        raise ValueError(f"prevalence must lie between 0 and 1. Received: {prevalence}")
    return float(prevalence)

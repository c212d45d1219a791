"""Whether one classifier is better than another on the same patches."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from lungnet.evaluation.bootstrap import Estimate, Unit, plan_resampling
from lungnet.evaluation.checks import check_labels, check_probabilities, check_threshold, encode_groups
from lungnet.evaluation.metrics import draw
from lungnet.evaluation.scorer import METRICS, Scorer


@dataclass(frozen=True)
class PairedDifference:
    """The metric of classifier a less that of classifier b.

    Attributes:
        metric: name of the metric.
        difference: its value and interval. An interval that leaves out 0 speaks for a difference.
        interval_unit: "group", or "patch" where there are too few groups.
        interval_note: what a reader has to know of the interval, in words.
    """

    metric: str
    difference: Estimate
    interval_unit: Unit
    interval_note: str

    def to_json(self) -> dict[str, Any]:
        """Returns the fields as a JSON object."""
        return {
            "metric": self.metric,
            "difference": self.difference.to_json(),
            "interval_unit": self.interval_unit,
            "interval_note": self.interval_note,
        }


def paired_difference(
    y: npt.ArrayLike,
    p_a: npt.ArrayLike,
    p_b: npt.ArrayLike,
    groups: npt.ArrayLike | None,
    metric: str = "auc",
    *,
    threshold_a: float = 0.5,
    threshold_b: float = 0.5,
    confidence: float = 0.95,
    resamples: int = 1000,
    min_groups: int = 10,
    seed: int = 0,
) -> PairedDifference:
    """Difference of a metric between two classifiers, with an interval over groups.

    Each resample is judged by both: what is hard in it is hard for both and cancels, so that the
    interval is narrower than that of two separate ones.

    Args:
        y: labels 0 or 1, `(n,)`, both present.
        p_a: probabilities of classifier a, `(n,)`.
        p_b: probabilities of classifier b on the same patches.
        groups: the patient, or what stands for one, of each patch; None if not known.
        metric: one of `METRICS`, at the set's own prevalence.
        threshold_a: from which a calls a patch positive.
        threshold_b: from which b does.
        confidence: of the interval, in (0, 1).
        resamples: behind the interval, at least 1.
        min_groups: with fewer groups the interval is over patches.
        seed: of the resamples.

    Raises:
        InputError: lengths differ, labels other than 0 and 1 or of one class, a probability that is
            NaN or outside [0, 1], a group without a name, or a threshold outside [0, 1].
        ValueError: `metric` is unknown, or `confidence` or `resamples` is out of range.
    """
    if metric not in METRICS:
        raise ValueError(f"metric must be one of {', '.join(METRICS)}. Received: {metric!r}")
    labels = check_labels(y)
    codes, group_count = encode_groups(groups, len(labels))
    plan = plan_resampling(
        codes, group_count, confidence=confidence, resamples=resamples, min_groups=min_groups, seed=seed
    )
    values, samples = [], []
    for name, p, threshold in (("p_a", p_a, threshold_a), ("p_b", p_b, threshold_b)):
        scores = check_probabilities(p, len(labels), name)
        scorer = Scorer(labels, scores, check_threshold(threshold), plan.codes, plan.units)
        values.append(scorer.score(np.ones((1, plan.units))).own[metric][0])
        samples.append(draw(scorer, plan).own[metric])
    difference = plan.estimate(values[0] - values[1], samples[0] - samples[1])
    return PairedDifference(metric, difference, plan.unit, plan.note)

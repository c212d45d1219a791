"""Table 1 of the paper for one classifier: five measures with intervals, and what they hide."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from lungnet.evaluation.bootstrap import Estimate, Resampling, Unit, plan_resampling
from lungnet.evaluation.calibration import ReliabilityBin, expected_calibration_error, reliability
from lungnet.evaluation.checks import (
    Floats,
    check_labels,
    check_probabilities,
    check_threshold,
    encode_groups,
)
from lungnet.evaluation.scorer import METRICS, Samples, Scorer


@dataclass(frozen=True)
class ClassificationReport:
    """How good a classifier is on one set of patches.

    Attributes:
        patches: how many.
        groups: how many distinct ones (patients); 0 if they are not known.
        positives: patches of label 1.
        prevalence: `positives / patches`.
        threshold: a patch is called positive when its probability is at least this.
        confusion: counts `tp`, `fp`, `tn`, `fn`.
        accuracy: at the set's own prevalence, as the seven that follow.
        precision: undefined if nothing is called positive.
        recall: sensitivity.
        f1: harmonic mean of precision and recall.
        auc: area under the ROC curve, ties counting half; the same at every prevalence.
        specificity: share of the negatives called negative.
        balanced_accuracy: mean of recall and specificity.
        average_precision: area under precision against recall.
        balanced: the same eight, by name, after reweighting to as many positives as negatives, the
            balance of the paper's evaluation set (section 6).
        brier: mean squared difference of probability and label, at the own prevalence.
        ece: expected calibration error over ten bins of equal width, at the own prevalence; without
            an interval, because resampling inflates it.
        reliability: the bins behind it.
        confidence: of the intervals.
        resamples: behind each interval.
        interval_unit: "group", or "patch" where there are too few groups.
        interval_note: what a reader has to know of the intervals, in words.
    """

    patches: int
    groups: int
    positives: int
    prevalence: float
    threshold: float
    confusion: Mapping[str, int]
    accuracy: Estimate
    precision: Estimate
    recall: Estimate
    f1: Estimate
    auc: Estimate
    specificity: Estimate
    balanced_accuracy: Estimate
    average_precision: Estimate
    balanced: Mapping[str, Estimate]
    brier: Estimate
    ece: float
    reliability: tuple[ReliabilityBin, ...]
    confidence: float
    resamples: int
    interval_unit: Unit
    interval_note: str

    def to_json(self) -> dict[str, Any]:
        """Returns a JSON object without NaN: an undefined number is None.

        `own` and `balanced` map each metric to `{value, low, high, undefined_resamples}`;
        `calibration` holds `brier`, `ece` and `bins`; the other keys are the attributes.
        """
        return {
            "patches": self.patches,
            "groups": self.groups,
            "positives": self.positives,
            "prevalence": self.prevalence,
            "threshold": self.threshold,
            "confusion": dict(self.confusion),
            "own": {name: getattr(self, name).to_json() for name in METRICS},
            "balanced": {name: self.balanced[name].to_json() for name in METRICS},
            "calibration": {
                "brier": self.brier.to_json(),
                "ece": self.ece,
                "bins": [asdict(each) for each in self.reliability],
            },
            "confidence": self.confidence,
            "resamples": self.resamples,
            "interval_unit": self.interval_unit,
            "interval_note": self.interval_note,
        }


def classification_report(
    y: npt.ArrayLike,
    p: npt.ArrayLike,
    groups: npt.ArrayLike | None,
    threshold: float = 0.5,
    *,
    confidence: float = 0.95,
    resamples: int = 1000,
    min_groups: int = 10,
    seed: int = 0,
) -> ClassificationReport:
    """Accuracy, precision, recall, F1 and AUC (Table 1) with intervals, plus calibration.

    Intervals are percentiles of bootstrap resamples of whole groups. With fewer than `min_groups`
    groups, or without any, single patches are drawn, and the report says so.

    Args:
        y: labels 0 or 1, `(n,)`, both present.
        p: probabilities in [0, 1], `(n,)`.
        groups: the patient, or what stands for one, of each patch, `(n,)`; None if not known.
        threshold: a patch is called positive when `p >= threshold`. It should be settled on other
            patients than these.
        confidence: of the intervals, in (0, 1).
        resamples: behind each interval, at least 1.
        min_groups: with fewer groups intervals are over patches.
        seed: of the resamples.

    Returns:
        The report; `.auc.value`, `.auc.low`, `.auc.high` and so on, `.to_json()`.

    Raises:
        InputError: lengths differ, labels other than 0 and 1 or of one class, a probability that is
            NaN or outside [0, 1], a group without a name, or a threshold outside [0, 1].
        ValueError: `confidence` or `resamples` is out of range.

    Example:
        >>> report = classification_report([0, 0, 1, 1], [0.1, 0.6, 0.4, 0.9], ["a", "a", "b", "b"])
        >>> report.accuracy.value, report.auc.value, report.interval_unit
        (0.5, 0.75, 'patch')
    """
    labels = check_labels(y)
    scores = check_probabilities(p, len(labels))
    threshold = check_threshold(threshold)
    codes, group_count = encode_groups(groups, len(labels))
    plan = plan_resampling(
        codes, group_count, confidence=confidence, resamples=resamples, min_groups=min_groups, seed=seed
    )
    scorer = Scorer(labels, scores, threshold, plan.codes, plan.units)
    point = scorer.score(np.ones((1, plan.units)))
    samples = draw(scorer, plan)
    own = {name: plan.estimate(point.own[name][0], samples.own[name]) for name in METRICS}
    called = scores >= threshold
    return ClassificationReport(
        patches=len(labels),
        groups=group_count,
        positives=int(labels.sum()),
        prevalence=float(labels.mean()),
        threshold=threshold,
        confusion={
            "tp": int((labels & called).sum()),
            "fp": int((~labels & called).sum()),
            "tn": int((~labels & ~called).sum()),
            "fn": int((labels & ~called).sum()),
        },
        **own,
        balanced={name: plan.estimate(point.balanced[name][0], samples.balanced[name]) for name in METRICS},
        brier=plan.estimate(point.brier[0], samples.brier),
        ece=expected_calibration_error(labels, scores),
        reliability=reliability(labels, scores),
        confidence=confidence,
        resamples=resamples,
        interval_unit=plan.unit,
        interval_note=plan.note,
    )


def draw(scorer: Scorer, plan: Resampling) -> Samples:
    """Returns the measures of every resample of `plan`, `(resamples,)` each."""
    parts = [scorer.score(weights) for weights in plan.weights()]

    def joined(rows: list[dict[str, Floats]]) -> dict[str, Floats]:
        return {name: np.concatenate([row[name] for row in rows]) for name in METRICS}

    return Samples(
        own=joined([part.own for part in parts]),
        balanced=joined([part.balanced for part in parts]),
        brier=np.concatenate([part.brier for part in parts]),
    )

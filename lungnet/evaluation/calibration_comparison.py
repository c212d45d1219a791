"""What each calibration makes of a classifier's logits: fitted on inner validation, judged on evaluation.

Which one is the best of them may be asked of validation alone; the evaluation set only says what that
choice, or another, comes to.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from lungnet.errors import InputError
from lungnet.evaluation.bootstrap import Estimate, Resampling, plan_resampling
from lungnet.evaluation.calibration import expected_calibration_error
from lungnet.evaluation.checks import Floats, Labels, check_labels, check_probabilities, encode_groups
from lungnet.models import CALIBRATION_METHODS, CalibrationMethod, fit_calibration

#: Parts of validation on each of which a calibration fitted on the others is judged.
FOLDS = 5
#: Keeps the log loss of a probability of 0 or 1 finite.
_LEAST_PROBABILITY = 1e-12


@dataclass(frozen=True, eq=False)
class CalibratedAs:
    """A classifier under one calibration.

    Attributes:
        method: of calibration; "none" is before any.
        ece: expected calibration error on evaluation, over ten bins of equal width.
        brier: mean squared difference of probability and label on evaluation.
        log_loss: mean negative logarithm of the probability of the true label on evaluation, in nats.
        validation_log_loss: the same on inner validation, each part of it under a calibration that was fitted
            on the others; None where a class has too few samples to be parted.
        probabilities: float64 `(n,)` on evaluation.
    """

    method: CalibrationMethod
    ece: float
    brier: Estimate
    log_loss: Estimate
    validation_log_loss: float | None
    probabilities: Floats

    def to_json(self) -> dict[str, Any]:
        """Returns the measures as a JSON object."""
        return {
            "ece": self.ece,
            "brier": self.brier.to_json(),
            "log_loss": self.log_loss.to_json(),
            "validation_log_loss": self.validation_log_loss,
        }


def compare_calibrations(
    y: npt.ArrayLike,
    logits: npt.ArrayLike,
    groups: npt.ArrayLike | None,
    validation_labels: npt.ArrayLike,
    validation_logits: npt.ArrayLike,
    *,
    confidence: float = 0.95,
    resamples: int = 1000,
    min_groups: int = 10,
    seed: int = 0,
) -> dict[CalibrationMethod, CalibratedAs]:
    """Fits every calibration on inner validation and judges it on evaluation.

    Args:
        y: evaluation labels 0 or 1, `(n,)`, both present.
        logits: the classifier's, before calibration, `(n,)`.
        groups: the patient, or what stands for one, of each evaluation patch; None if not known.
        validation_labels: 0 or 1, `(m,)`, both present.
        validation_logits: `(m,)`.
        confidence, resamples, min_groups, seed: of the intervals, as for `classification_report`; the seed
            also parts validation.

    Returns:
        Each of `CALIBRATION_METHODS`, on the same resamples.

    Raises:
        InputError: lengths differ, one class only, or a logit that is not finite.
        ValueError: `confidence` or `resamples` is out of range.
    """
    labels = check_labels(y)
    scores = np.asarray(logits, np.float64)
    if scores.shape != labels.shape or not np.isfinite(scores).all():
        raise InputError(
            f"logits must be finite numbers, one for each of the {len(labels)} labels. "
            f"Received: an array of shape {scores.shape}"
        )
    codes, group_count = encode_groups(groups, len(labels))
    plan = plan_resampling(
        codes, group_count, confidence=confidence, resamples=resamples, min_groups=min_groups, seed=seed
    )
    known, held = check_labels(validation_labels), np.asarray(validation_logits, np.float64)
    compared: dict[CalibrationMethod, CalibratedAs] = {}
    for method in CALIBRATION_METHODS:
        p = fit_calibration(method, held, known)(scores)
        compared[method] = CalibratedAs(
            method,
            expected_calibration_error(labels, p),
            _mean_over_patches(plan, (p - labels) ** 2),
            _mean_over_patches(plan, log_losses(labels, p)),
            _cross_validated(method, held, known, seed),
            p,
        )
    return compared


def best_on_validation(compared: Mapping[CalibrationMethod, CalibratedAs]) -> CalibrationMethod | None:
    """Returns the calibration of the least cross-validated log loss; None where there is none."""
    judged = [
        (one.validation_log_loss, method)
        for method, one in compared.items()
        if one.validation_log_loss is not None
    ]
    return min(judged)[1] if judged else None


def log_losses(y: Labels, p: Floats) -> Floats:
    """Returns the negative logarithm of the probability of each true label, `(n,)`, in nats."""
    right = np.where(y, p, 1.0 - p)
    return -np.log(np.maximum(right, _LEAST_PROBABILITY))


def log_loss(y: npt.ArrayLike, p: npt.ArrayLike) -> float:
    """Mean negative logarithm of the probability of the true label, in nats.

    Args:
        y: labels 0 or 1, `(n,)`, both present.
        p: probabilities in [0, 1], `(n,)`; 0 and 1 count as 1e-12 away from it.

    Raises:
        InputError: lengths differ, one class only, or a probability that is NaN or outside [0, 1].

    Example:
        >>> round(log_loss([0, 1], [0.5, 0.25]), 4)  # ln 2 and ln 4
        1.0397
    """
    labels = check_labels(y)
    return float(log_losses(labels, check_probabilities(p, len(labels))).mean())


def _mean_over_patches(plan: Resampling, values: Floats) -> Estimate:
    """Returns the mean of a value of each patch, with the plan's interval."""
    sums = np.bincount(plan.codes, values, minlength=plan.units)
    counts = np.bincount(plan.codes, minlength=plan.units).astype(np.float64)
    samples = np.concatenate([(weights @ sums) / (weights @ counts) for weights in plan.weights()])
    return plan.estimate(float(values.mean()), samples)


def _cross_validated(method: CalibrationMethod, logits: Floats, labels: Labels, seed: int) -> float | None:
    """Log loss of validation samples under calibrations that did not see them; both classes in every part."""
    if min(labels.sum(), (~labels).sum()) < 2 * FOLDS:
        return None
    rng = np.random.default_rng(seed)
    part = np.empty(len(labels), np.int64)
    for chosen in (labels, ~labels):
        part[chosen] = rng.permutation(int(chosen.sum())) % FOLDS
    losses = np.empty(len(labels))
    for fold in range(FOLDS):
        here = part == fold
        calibration = fit_calibration(method, logits[~here], labels[~here])
        losses[here] = log_losses(labels[here], calibration(logits[here]))
    return float(losses.mean())

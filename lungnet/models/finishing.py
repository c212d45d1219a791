"""A trained head becomes a classifier: calibration and threshold, from validation patches alone."""

from typing import NamedTuple

import keras
import numpy as np
import numpy.typing as npt

from .calibration import CalibrationMethod, fit_calibration
from .calm import CALM
from .classifier import PatchClassifier, assemble_classifier
from .threshold import ThresholdRule, decision_threshold

_CHUNK = 512


class Finished(NamedTuple):
    """A classifier and what was settled on validation.

    Attributes:
        classifier: with its calibration.
        threshold: of the rule that was asked for, from the validation patches, on the calibrated probability.
        validation_logits: float32 `(n,)`, what calibration and threshold follow from.
    """

    classifier: PatchClassifier
    threshold: float
    validation_logits: npt.NDArray[np.float32]


def finish_classifier(
    encoder: keras.Model | None,
    head: keras.Model,
    window_hu: tuple[float, float],
    validation_inputs: npt.NDArray[np.float32],
    validation_labels: npt.ArrayLike,
    method: CalibrationMethod = "platt",
    threshold_rule: ThresholdRule = "youden",
) -> Finished:
    """Calibrates a head, freezes its threshold, and joins it with its encoder.

    Args:
        encoder: as in `assemble_classifier`.
        head: a trained `CALM`, or a model to one logit.
        window_hu: window that both were trained with.
        validation_inputs: what the head takes, float32 `(n, ...)`, of inner-validation patches.
        validation_labels: 0 or 1 for each.
        method: of calibration (`fit_calibration`); "none" leaves probabilities as they come.
        threshold_rule: as `decision_threshold` takes it.

    Returns:
        The classifier, its threshold, and the logits behind them.

    Raises:
        InputError: the validation patches are all of one class.
    """
    logits = np.concatenate(
        [
            _logit(head, validation_inputs[start : start + _CHUNK])
            for start in range(0, max(len(validation_inputs), 1), _CHUNK)
        ]
    )
    calibration = fit_calibration(method, logits, validation_labels)
    classifier = assemble_classifier(encoder, head, window_hu, calibration)
    threshold = decision_threshold(calibration(logits), validation_labels, threshold_rule)
    return Finished(classifier, threshold, logits)


def _logit(head: keras.Model, inputs: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    logit = head.logit(inputs) if isinstance(head, CALM) else head(inputs, training=False)
    return np.asarray(logit, np.float32).reshape(-1)

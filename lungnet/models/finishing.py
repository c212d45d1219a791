"""A trained head becomes a classifier: calibration and threshold, from validation patches alone."""

from typing import Literal

import keras
import numpy as np
import numpy.typing as npt

from .calibration import Calibration, decision_threshold, fit_platt
from .calm import CALM
from .classifier import PatchClassifier, assemble_classifier

_CHUNK = 512


def finish_classifier(
    encoder: keras.Model | None,
    head: keras.Model,
    window_hu: tuple[float, float],
    validation_inputs: npt.NDArray[np.float32],
    validation_labels: npt.ArrayLike,
    method: Literal["platt", "none"] = "platt",
) -> tuple[PatchClassifier, float]:
    """Calibrates a head, freezes its threshold, and joins it with its encoder.

    Args:
        encoder: as in `assemble_classifier`.
        head: a trained `CALM`, or a model to one logit.
        window_hu: window that both were trained with.
        validation_inputs: what the head takes, float32 `(n, ...)`, of inner-validation patches.
        validation_labels: 0 or 1 for each.
        method: "platt", or "none" for probabilities as they come.

    Returns:
        The classifier, and the threshold on its probability that has the best balanced accuracy on the
        validation patches.

    Raises:
        InputError: the validation patches are all of one class.
    """
    logits = np.concatenate(
        [
            _logit(head, validation_inputs[start : start + _CHUNK])
            for start in range(0, max(len(validation_inputs), 1), _CHUNK)
        ]
    )
    calibration = fit_platt(logits, validation_labels) if method == "platt" else Calibration()
    classifier = assemble_classifier(encoder, head, window_hu, calibration)
    return classifier, decision_threshold(calibration(logits), validation_labels)


def _logit(head: keras.Model, inputs: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    logit = head.logit(inputs) if isinstance(head, CALM) else head(inputs, training=False)
    return np.asarray(logit, np.float32).reshape(-1)

"""Writes what CalmTrainer and BaselineTrainer make."""

from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from lungnet.config import CalibrationConfig
from lungnet.files import write_json
from lungnet.models import ClassifierMetadata, classifier_fingerprint, finish_classifier, save_classifier
from lungnet.pipeline import Artifact


def save_head(
    artifact: Artifact,
    head: keras.Model,
    encoder: keras.Model | None,
    window_hu: tuple[float, float],
    validation: tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]],
    training_labels: npt.NDArray[np.int64],
    row: str,
    history: Any,
    exec_properties: dict[str, Any],
) -> None:
    """Calibrates a trained head on validation, joins it with its encoder, and saves it as a `Classifier`.

    Args:
        artifact: where to.
        head, encoder, window_hu, validation: as `lungnet.models.finish_classifier` takes them; `validation`
            holds inputs and labels.
        training_labels: of everything the head was trained on.
        row: key in Table 1.
        history: JSON of what training went through.
        exec_properties: of the component, all of it fingerprinted.
    """
    calibration = CalibrationConfig(**exec_properties["calibration"])
    model, threshold, logits = finish_classifier(
        encoder,
        head,
        window_hu,
        *validation,
        method=calibration.method,
        threshold_rule=calibration.threshold,
    )
    metadata = ClassifierMetadata(
        row=row,
        task=exec_properties["task"],
        window_hu=window_hu,
        calibrator=model.calibration,
        threshold=threshold,
        training_prevalence=float(np.mean(training_labels)),
        fingerprint=classifier_fingerprint(model, exec_properties),
        features=0 if encoder is None else int(encoder.output_shape[-1]),
    )
    save_classifier(model, artifact.uri, metadata)
    write_json(
        artifact.uri / "validation.json",
        {"labels": np.asarray(validation[1]).tolist(), "logits": logits.tolist()},
    )
    write_json(artifact.uri / "history.json", history)
    artifact.properties.update(row=row, threshold=threshold, fingerprint=metadata.fingerprint)

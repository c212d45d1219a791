"""A classifier of the paper's size with untrained weights: speed does not depend on them."""

from pathlib import Path

import numpy as np

from lungnet.config import Config
from lungnet.models import (
    CALM,
    ClassifierMetadata,
    ConvolutionalAutoencoder,
    PatchClassifier,
    assemble_classifier,
    save_classifier,
)


def build_untrained(patches_hu: np.ndarray) -> PatchClassifier:
    """Builds 50-50-50 filters, two clusters and 128-32-2 neurons; the centres are two of the patches."""
    config = Config()
    encoder = ConvolutionalAutoencoder(config.cae).encoder
    head = CALM(config.calm, encoder.output_shape[-1])
    model = assemble_classifier(encoder, head, config.window_hu)
    features = np.asarray(model.head_input(patches_hu[: config.calm.clusters]))
    head.set_clusters(features, head.network_importance())
    return model


def save_untrained(model: PatchClassifier, path: Path) -> Path:
    """Writes it as `lungnet.export` takes it."""
    metadata = ClassifierMetadata(
        row="gan_cae_calm",
        task="nodule",
        window_hu=Config().window_hu,
        calibrator=model.calibration,
        threshold=0.5,
        training_prevalence=0.5,
        fingerprint="untrained",
    )
    save_classifier(model, path, metadata)
    return path

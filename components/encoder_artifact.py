"""Reads what CaeTrainer wrote."""

import json

import keras

from lungnet.pipeline import Artifact


def load_encoder(artifact: Artifact) -> tuple[keras.Model, tuple[float, float]]:
    """Returns the encoder, `(b, 40, 40, 1)` in [0, 1] to features, and the window that makes its input."""
    low, high = json.loads((artifact.uri / "encoder.json").read_text("utf-8"))["window_hu"]
    return keras.saving.load_model(artifact.uri / "encoder.keras", compile=False), (low, high)

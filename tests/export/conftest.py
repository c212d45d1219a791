"""A small classifier with the endpoints of a real one, written without lungnet.models."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

METADATA = {
    "lungnet_version": "0.1.0",
    "row": "gan_cae_calm",
    "task": "nodule",
    "window_hu": [-1000.0, 400.0],
    "calibrator": {"method": "platt", "scale": 1.7, "shift": 0.1},
    "threshold": 0.4375,
    "training_prevalence": 0.5,
    "fingerprint": "0" * 64,
    "features": 36,
}


def write_saved_model(path: Path, distance_of_centers: float = 1.0) -> Path:
    """Writes a convolution, two clusters and a linear classifier.

    Args:
        path: of the new folder.
        distance_of_centers: 0 puts both clusters at one place, so that every patch is ambiguous.
    """
    import tensorflow as tf

    patches = tf.TensorSpec((None, 40, 40), tf.int16, name="patches_hu")

    class Classifier(tf.Module):
        def __init__(self) -> None:
            super().__init__()
            rng = np.random.default_rng(5)
            self.kernel = tf.Variable(rng.normal(0, 0.3, (5, 5, 1, 4)).astype(np.float32))
            center = rng.uniform(0, 1, (1, 36)).astype(np.float32)
            step = distance_of_centers * rng.normal(0, 0.2, (1, 36)).astype(np.float32)
            self.centers = tf.Variable(np.concatenate([center + step, center - step]), trainable=False)
            self.weights = tf.Variable(rng.normal(0, 0.5, (38, 1)).astype(np.float32))
            self.calibration = tf.constant([1.7, 0.1])  # a captured constant, as Keras models have them

        def _explain(self, patches_hu):
            scaled = (tf.clip_by_value(tf.cast(patches_hu, tf.float32), -1000.0, 400.0) + 1000.0) / 1400.0
            maps = tf.nn.relu(tf.nn.conv2d(scaled[..., None], self.kernel, 2, "VALID"))
            features = tf.reshape(tf.nn.max_pool2d(maps, 6, 6, "VALID"), (-1, 36))
            distance = tf.reduce_sum(tf.abs(features[:, None] - self.centers), -1)
            cluster = tf.argmin(distance, axis=1)
            margin = tf.abs(distance[:, 0] - distance[:, 1]) / tf.reduce_sum(distance, 1)
            return {
                "probability": self._probability(features, cluster),
                "cluster": cluster,
                "cluster_margin": margin,
                "other_probability": self._probability(features, 1 - cluster),
            }

        def _probability(self, features, cluster):
            logit = tf.matmul(tf.concat([features, tf.one_hot(cluster, 2)], 1), self.weights)[:, 0]
            return tf.sigmoid(self.calibration[0] * logit + self.calibration[1])

        @tf.function(input_signature=[patches])
        def serving_default(self, patches_hu):
            found = self._explain(patches_hu)
            return {"probability": found["probability"], "cluster": found["cluster"]}

        @tf.function(input_signature=[patches])
        def explain(self, patches_hu):
            return self._explain(patches_hu)

    module = Classifier()
    signatures = {"serving_default": module.serving_default, "explain": module.explain}
    tf.saved_model.save(module, str(path / "Format-Serving"), signatures=signatures)
    (path / "classifier.json").write_text(json.dumps(METADATA))
    return path


@pytest.fixture(scope="session")
def saved_model(tmp_path_factory) -> Path:
    return write_saved_model(tmp_path_factory.mktemp("classifier"))


@pytest.fixture(scope="session")
def undecided_saved_model(tmp_path_factory) -> Path:
    """Both centres are one: every patch lies between the clusters."""
    return write_saved_model(tmp_path_factory.mktemp("undecided"), distance_of_centers=0.0)


def write_calm(path: Path, filters: tuple[int, int, int] = (4, 4, 4), padding: str = "valid") -> Path:
    """Writes an untrained classifier of the real kind, with clusters that both occur on sample patches."""
    from lungnet.config import CaeConfig, CalmConfig
    from lungnet.export import sample_patches
    from lungnet.models import (
        CALM,
        Calibration,
        ClassifierMetadata,
        ConvolutionalAutoencoder,
        HounsfieldWindow,
        assemble_classifier,
        save_classifier,
    )

    encoder = ConvolutionalAutoencoder(CaeConfig(filters=filters, padding=padding), seed=1).encoder
    head = CALM(CalmConfig(hidden=(8, 4)), encoder.output_shape[-1], seed=2)
    features = np.asarray(encoder(HounsfieldWindow()(sample_patches(40))))
    head.network.adapt(features)
    head.set_clusters(features[[3, 17]], head.network_importance())
    model = assemble_classifier(encoder, head, calibration=Calibration("platt", 1.5, -0.2))
    values: dict[str, Any] = {**METADATA, "calibrator": model.calibration, "window_hu": (-1000.0, 400.0)}
    save_classifier(model, path, ClassifierMetadata(**values))
    return path


@pytest.fixture(scope="session")
def calm_saved_model(tmp_path_factory) -> Path:
    return write_calm(tmp_path_factory.mktemp("calm") / "classifier")


@pytest.fixture(scope="session")
def exported(saved_model, tmp_path_factory):
    from lungnet.export import export_onnx

    return export_onnx(saved_model, tmp_path_factory.mktemp("onnx") / "classifier.onnx")

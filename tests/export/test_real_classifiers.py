"""Every kind of classifier that lungnet trains goes through: SavedModel, ONNX, serving."""

import numpy as np
import pytest

from lungnet.config import CaeConfig, CalmConfig
from lungnet.export import export_onnx, export_scanner, sample_patches
from lungnet.serving import NoduleClassifier

CAE = CaeConfig(filters=(4, 4, 4))
CALM_CONFIG = CalmConfig(hidden=(8, 4))


def encoder():
    from lungnet.models import ConvolutionalAutoencoder

    return ConvolutionalAutoencoder(CAE, seed=1).encoder


def calm_classifier():
    from lungnet.models import CALM, Calibration, HounsfieldWindow, assemble_classifier

    encode = encoder()
    head = CALM(CALM_CONFIG, encode.output_shape[-1], seed=2)
    features = np.asarray(encode(HounsfieldWindow()(sample_patches(40))))
    head.set_clusters(features[[3, 17]], head.network_importance())
    return assemble_classifier(encode, head, calibration=Calibration("platt", 1.5, -0.2))


def isotonic_classifier():
    """With knots on either side of the logits of sample patches, one of them steep."""
    from lungnet.models import assemble_classifier, fit_isotonic

    plain = calm_classifier()
    logits = np.asarray(plain.logit(sample_patches(200, seed=9)))
    labels = (logits + np.random.default_rng(0).normal(0, logits.std(), 200) > np.median(logits)).astype(int)
    calibration = fit_isotonic(logits, labels)
    assert len(calibration.knots) > 3
    return assemble_classifier(plain.encoder, plain.head, calibration=calibration)


def network_classifier():
    from lungnet.models import assemble_classifier
    from lungnet.models.feature_network import FeatureNetwork

    encode = encoder()
    return assemble_classifier(encode, FeatureNetwork(CALM_CONFIG, encode.output_shape[-1]))


def cnn_classifier():
    from lungnet.models import assemble_classifier, build_cnn

    return assemble_classifier(None, build_cnn(filters=(4, 4, 4), hidden=8))


@pytest.mark.parametrize(
    ("row", "build", "clusters"),
    [
        ("gan_cae_calm", calm_classifier, {0, 1}),
        ("gan_cae_calm", isotonic_classifier, {0, 1}),
        ("gan_cae_nn", network_classifier, {-1}),
        ("cnn", cnn_classifier, {-1}),
    ],
)
def test_serving_says_what_keras_says(row, build, clusters, tmp_path):
    from lungnet.models import ClassifierMetadata, load_classifier, save_classifier

    model = build()
    metadata = ClassifierMetadata(
        row=row,
        task="nodule",
        window_hu=(-1000.0, 400.0),
        calibrator=model.calibration,
        threshold=0.4375,
        training_prevalence=0.5,
        fingerprint="f" * 64,
    )
    save_classifier(model, tmp_path / "classifier", metadata)

    export = export_onnx(tmp_path / "classifier", tmp_path / "classifier.onnx")
    classifier = NoduleClassifier(export.path)
    patches_hu = sample_patches(60, seed=4)
    probability, cluster = classifier.predict_with_clusters(patches_hu)
    expected = model(patches_hu)
    saved, saved_cluster = load_classifier(tmp_path / "classifier").predict(patches_hu)

    np.testing.assert_allclose(probability, expected["probability"], atol=1e-5)
    np.testing.assert_allclose(probability, saved, atol=1e-5)
    np.testing.assert_array_equal(cluster, np.asarray(expected["cluster"]))
    np.testing.assert_array_equal(cluster, saved_cluster)
    assert set(cluster.tolist()) == clusters
    assert np.ptp(probability) > 1e-3
    assert classifier.metadata["row"] == row
    assert classifier.metadata["fingerprint"] == "f" * 64
    assert classifier.threshold == 0.4375

    scanner = export_scanner(tmp_path / "classifier", tmp_path / "scanner.onnx")
    assert scanner.parity.max_difference < 1e-5

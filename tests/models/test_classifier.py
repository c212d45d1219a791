import keras
import numpy as np
import pytest

from lungnet.config import CalmConfig
from lungnet.models.calibration import Calibration
from lungnet.models.calm import CALM
from lungnet.models.classifier import PatchClassifier, assemble_classifier

WINDOW = (-1000.0, 400.0)


def tiny_encoder() -> keras.Model:
    """Means of the four quarters."""
    patches = keras.Input((40, 40, 1))
    return keras.Model(patches, keras.layers.Flatten()(keras.layers.AveragePooling2D(20)(patches)))


@pytest.fixture
def head() -> CALM:
    model = CALM(CalmConfig(hidden=(8, 4)), 4)
    model.set_clusters([[0.0, 0.0, 0.0, 0.0], [1.0, 1.0, 1.0, 1.0]], [1.0, 1.0, 1.0, 1.0])
    return model


@pytest.fixture
def patches_hu() -> np.ndarray:
    rng = np.random.default_rng(0)
    level = rng.integers(-1300, 700, (30, 1, 1))
    return (level + rng.integers(-100, 100, (30, 40, 40))).astype(np.int16)


def test_from_hounsfield_units_to_probability_by_hand(head, patches_hu):
    classifier = assemble_classifier(tiny_encoder(), head, WINDOW, Calibration("platt", 2.0, -0.5))
    found = classifier(patches_hu)
    unit = np.clip((patches_hu.astype(np.float64) + 1000) / 1400, 0, 1)
    features = unit.reshape(30, 2, 20, 2, 20).mean(axis=(2, 4)).reshape(30, 4).astype(np.float32)
    logit = np.asarray(head.logit(features))
    probability, cluster = np.asarray(found["probability"]), np.asarray(found["cluster"])
    assert (probability.dtype, cluster.dtype) == (np.float32, np.int64)
    assert set(cluster.tolist()) == {0, 1}
    np.testing.assert_array_equal(cluster, features.sum(axis=1) > 2.0)
    np.testing.assert_allclose(probability, 1 / (1 + np.exp(0.5 - 2.0 * logit)), rtol=1e-4)
    np.testing.assert_allclose(classifier.logit(patches_hu), logit, rtol=1e-4, atol=1e-5)


def test_explain_agrees_with_call(head, patches_hu):
    classifier = assemble_classifier(tiny_encoder(), head, WINDOW)
    called, explained = classifier(patches_hu), classifier.explain(patches_hu)
    for name, value in called.items():
        np.testing.assert_array_equal(explained[name], value)
    assert (np.asarray(explained["cluster_margin"]) > 0).all()
    difference = np.asarray(explained["other_probability"]) - np.asarray(explained["probability"])
    assert np.abs(difference).max() > 1e-3


@pytest.mark.parametrize("shape", [(), (1,)])
def test_a_head_without_clusters_that_takes_patches(patches_hu, shape):
    patches = keras.Input((40, 40, 1))
    logit = keras.layers.Dense(1, kernel_initializer="ones")(keras.layers.GlobalAveragePooling2D()(patches))
    classifier = assemble_classifier(None, keras.Model(patches, keras.layers.Reshape(shape)(logit)), WINDOW)
    found = classifier.explain(patches_hu)
    mean = np.clip((patches_hu.astype(np.float64) + 1000) / 1400, 0, 1).mean(axis=(1, 2))
    np.testing.assert_allclose(found["probability"], 1 / (1 + np.exp(-mean)), rtol=1e-5)
    np.testing.assert_array_equal(found["other_probability"], found["probability"])
    assert np.asarray(found["cluster"]).tolist() == [-1] * 30
    assert np.asarray(found["cluster_margin"]).tolist() == [1.0] * 30


def test_keras_round_trip(head, patches_hu, tmp_path):
    classifier = assemble_classifier(tiny_encoder(), head, WINDOW, Calibration("platt", 2.0, -0.5))
    classifier.save(tmp_path / "classifier.keras")
    again = keras.models.load_model(tmp_path / "classifier.keras")
    assert isinstance(again, PatchClassifier)
    assert again.calibration == classifier.calibration
    for name, value in classifier(patches_hu).items():
        np.testing.assert_array_equal(again(patches_hu)[name], value)


def test_parts_that_do_not_fit_are_refused(head):
    patches = keras.Input((40, 40, 1))
    wide = keras.Model(patches, keras.layers.Flatten()(patches))
    with pytest.raises(ValueError, match=r"takes 4 features. Received: an encoder of 1600"):
        assemble_classifier(wide, head)
    with pytest.raises(ValueError, match="head must be built"):
        assemble_classifier(None, keras.Sequential([keras.layers.Dense(1)]))

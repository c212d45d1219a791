import numpy as np
import onnxruntime
import pytest
import tensorflow as tf
import tf2onnx

from lungnet.config import BaselineConfig
from lungnet.errors import InputError
from lungnet.models import (
    build_dense_autoencoder,
    dense_autoencoder,
    to_unit,
    train_ae_baseline,
    train_dense_autoencoder,
)
from tests.models.conftest import assert_same, tensorboard_points

WINDOW = (-1000.0, 400.0)
CONFIG = BaselineConfig(ae_units=64, ae_epochs=20, ae_batch_size=10, ae_learning_rate=1e-3, ae_tree_depth=3)


@pytest.fixture(scope="module")
def halves():
    """Patches that are bright above (label 1) or below (label 0)."""
    rng = np.random.default_rng(0)
    labels = np.arange(40) % 2
    above = np.arange(40)[:, None] < 20
    bright = above == (labels[:, None, None] == 1)
    return (np.where(bright, 0, -800) + rng.normal(0, 50, (40, 40, 40))).astype(np.int16), labels


@pytest.fixture(scope="module")
def trained(halves):
    return train_ae_baseline(halves[0], halves[1], CONFIG, WINDOW, seed=2)


def test_layers_of_the_paper():
    model = build_dense_autoencoder(BaselineConfig().ae_units, seed=0)
    assert model.get_layer("code").output.shape == (None, 1024)
    assert model.output_shape == (None, 40, 40, 1)
    assert model.count_params() == 1600 * 1024 + 1024 + 1024 * 1600 + 1600


def test_it_learns_to_reconstruct_and_repeats(halves):
    encoder, history = train_dense_autoencoder(halves[0], CONFIG, WINDOW, seed=2)
    errors = history["reconstruction_error"]
    assert len(errors) == 20
    assert errors[-1] < 0.6 * errors[0]
    assert encoder.output_shape == (None, 64)
    again, same = train_dense_autoencoder(halves[0], CONFIG, WINDOW, seed=2)
    assert same == history
    np.testing.assert_array_equal(again.get_weights()[0], encoder.get_weights()[0])


def test_validation_is_only_looked_at(halves, trained):
    held = halves[0][:7]
    watched = train_ae_baseline(halves[0], halves[1], CONFIG, WINDOW, seed=2, validation_hu=held)
    assert watched.history["reconstruction_error"] == trained.history["reconstruction_error"]
    errors = watched.history["validation_reconstruction_error"]
    assert len(errors) == 20
    # These patches are among those it learns from, and are judged after each epoch.
    assert errors[-1] == pytest.approx(watched.history["reconstruction_error"][-1], rel=0.3)
    assert "validation_reconstruction_error" not in trained.history


def test_interrupted_it_ends_as_if_it_had_not_been(halves, tmp_path, monkeypatch, train_with_interruptions):
    """The whole row, tree included."""
    monkeypatch.setattr(dense_autoencoder, "CHECKPOINT_UPDATES", 8)  # every second epoch of 4
    config = CONFIG.model_copy(update={"ae_epochs": 7, "ae_batch_size": 9})

    def train(folder="board", **arguments):
        given = halves[0], halves[1], config, WINDOW, 2, tmp_path / folder
        return train_ae_baseline(*given, validation_hu=halves[0][:5], **arguments)

    undisturbed = train("whole")
    resumed, first_reports = train_with_interruptions(train, [1, 5, 6])
    assert first_reports == [1, 5, 7]
    assert_same(resumed, undisturbed)
    unit = to_unit(halves[0], WINDOW)[..., None]
    np.testing.assert_array_equal(resumed.model(unit), undisturbed.model(unit))
    points = tensorboard_points(tmp_path / "board")
    assert points == tensorboard_points(tmp_path / "whole")
    assert points["ae/reconstruction"] == list(range(1, 8))


def test_tree_on_the_code_tells_the_classes_apart(halves, trained):
    patches_hu, labels = halves
    logits = np.asarray(trained.model(to_unit(patches_hu, WINDOW)[..., None]))
    assert logits.shape == (40,)
    np.testing.assert_array_equal(logits > 0, labels == 1)


def test_onnx_gives_the_same(halves, trained, tmp_path):
    unit = to_unit(halves[0], WINDOW)[..., None]
    signature = (tf.TensorSpec((None, 40, 40, 1), tf.float32, name="patches"),)
    function = tf.function(lambda patches: {"logit": trained.model(patches)}, input_signature=signature)
    tf2onnx.convert.from_function(function, signature, opset=17, output_path=str(tmp_path / "ae.onnx"))
    session = onnxruntime.InferenceSession(tmp_path / "ae.onnx", providers=["CPUExecutionProvider"])
    (logits,) = session.run(None, {session.get_inputs()[0].name: unit[:7]})
    np.testing.assert_allclose(logits, trained.model(unit[:7]), atol=1e-4)


def test_one_class_is_refused(halves):
    with pytest.raises(InputError, match=r"reference \[9\] takes labels of both classes"):
        train_ae_baseline(halves[0], np.ones(40), CONFIG, WINDOW, seed=0)


def test_fewer_patches_than_a_batch(halves):
    with pytest.raises(InputError, match=r"reference \[9\] has 9 training patches and batch_size is 10"):
        train_dense_autoencoder(halves[0][:9], CONFIG, WINDOW, seed=0)

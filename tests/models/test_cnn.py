import keras
import numpy as np
import onnxruntime
import pytest
import tensorflow as tf
import tf2onnx

from lungnet.config import BaselineConfig
from lungnet.errors import InputError
from lungnet.models import HounsfieldWindow, build_cnn, cnn, train_cnn
from lungnet.models.cnn import compile_for_training
from lungnet.models.validation import Validation
from tests.models.conftest import assert_same, tensorboard_points

WINDOW = (-1000.0, 400.0)
CONFIG = BaselineConfig(cnn_steps=20, cnn_batch_size=8)


@pytest.fixture(scope="module")
def discs():
    """Patches with a disc in the middle (label 1) or nothing but noise (label 0)."""
    rng = np.random.default_rng(0)
    rows, columns = np.mgrid[:40, :40] - 19.5
    labels = np.arange(48) % 2
    disc = (rows**2 + columns**2 < 36) & (labels[:, None, None] == 1)
    return (np.where(disc, 0, -800) + rng.normal(0, 60, (48, 40, 40))).astype(np.int16), labels


@pytest.fixture(scope="module")
def trained(discs):
    patches_hu, labels = discs
    return train_cnn(patches_hu, labels, patches_hu[:20], labels[:20], CONFIG, WINDOW, seed=1)


def test_layers_of_the_paper_and_one_logit_per_patch():
    network = build_cnn()
    shapes = [network.get_layer(f"pooling_{index}").output.shape[1:] for index in (1, 2, 3)]
    assert shapes == [(18, 18, 50), (8, 8, 50), (3, 3, 50)]
    logits = network(np.zeros((5, 40, 40, 1), np.float32))
    assert logits.shape == (5,)
    assert network.output_shape == (None,)


def test_it_learns(trained):
    assert trained.history["validation_auc"][-1] == 1.0
    assert trained.history["validation_loss"][-1] < 0.2
    assert trained.history["loss"][-1] < trained.history["loss"][0]
    assert trained.history["step"][-1] == 20


def test_same_seed_same_network(discs, trained):
    again = train_cnn(discs[0], discs[1], None, None, CONFIG, WINDOW, seed=1)
    for left, right in zip(again.model.get_weights(), trained.model.get_weights(), strict=True):
        np.testing.assert_array_equal(left, right)
    assert "validation_auc" not in again.history


def test_interrupted_it_ends_as_if_it_had_not_been(discs, tmp_path, monkeypatch, train_with_interruptions):
    """With symmetries, mixtures, a rate that falls, sums yet to be reported and the best weights so far."""
    augmented = {"cnn_flips": True, "cnn_shift": 1, "cnn_batch_norm": True, "cnn_cut_mix": 0.5}
    options = {"cnn_keep": "best", "cnn_learning_rate": 0.01, "cnn_steps": 14, "cnn_batch_size": 7}
    config = CONFIG.model_copy(update=augmented | options)
    monkeypatch.setattr(cnn, "REPORTS", 7)
    monkeypatch.setattr(cnn, "CHECKPOINT_UPDATES", 3)

    def train(folder="board", **arguments):
        patches_hu, labels = discs
        held = patches_hu[:20], labels[:20]
        return train_cnn(patches_hu, labels, *held, config, WINDOW, 1, tmp_path / folder, **arguments)

    undisturbed = train("whole")
    resumed, first_reports = train_with_interruptions(train, [2, 6, 10])
    assert first_reports == [2, 4, 10]  # from the beginning and from the checkpoints at 3 and 9
    assert_same(resumed, undisturbed)
    points = tensorboard_points(tmp_path / "board")
    assert points == tensorboard_points(tmp_path / "whole")
    assert points["cnn/validation_auc"] == [2, 4, 6, 8, 10, 12, 14]


def test_what_is_returned_draws_no_symmetries(trained, tmp_path):
    assert not any("dihedral" in layer.name for layer in trained.model.layers)
    trained.model.save(tmp_path / "cnn.keras")
    loaded = keras.models.load_model(tmp_path / "cnn.keras")
    patches = np.random.default_rng(0).random((3, 40, 40, 1), np.float32)
    np.testing.assert_array_equal(loaded(patches), trained.model(patches))


def test_onnx_from_hounsfield_units_gives_the_same(discs, tmp_path):
    patches_hu = discs[0][:5]
    window, network = HounsfieldWindow(*WINDOW), build_cnn(seed=3)
    signature = (tf.TensorSpec((None, 40, 40), tf.int16, name="patches_hu"),)
    function = tf.function(lambda patches: {"logit": network(window(patches))}, input_signature=signature)
    path = tmp_path / "cnn.onnx"
    tf2onnx.convert.from_function(function, signature, opset=17, output_path=str(path))
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (logits,) = session.run(["logit"], {"patches_hu": patches_hu})
    np.testing.assert_allclose(logits, network(window(patches_hu)), atol=1e-4)


@pytest.mark.parametrize("flips", [True, False])
def test_symmetries_only_while_training(flips):
    network = build_cnn(filters=(4,), kernels=(5,), hidden=16)
    trainer = compile_for_training(network, flips, 1e-3, 10, seed=0)
    patches = np.random.default_rng(0).random((8, 40, 40, 1), np.float32)
    np.testing.assert_allclose(trainer(patches), network(patches), atol=1e-6)
    assert np.allclose(trainer(patches, training=True), network(patches), atol=1e-6) != flips


def test_the_rate_falls_to_zero_along_a_cosine():
    trainer = compile_for_training(build_cnn(filters=(2,), kernels=(5,), hidden=2), False, 0.4, 10, 0)
    rates = [float(trainer.optimizer._learning_rate(step)) for step in (0, 5, 10)]
    np.testing.assert_allclose(rates, [0.4, 0.2, 0.0], atol=1e-6)


def test_the_rate_may_stay():
    network = build_cnn(filters=(2,), kernels=(5,), hidden=2)
    trainer = compile_for_training(network, False, 0.4, 10, 0, schedule="constant")
    trainer.optimizer.iterations.assign(10)
    assert float(trainer.optimizer.learning_rate) == pytest.approx(0.4)


def test_dropout_only_while_training():
    network = build_cnn(filters=(4,), kernels=(5,), hidden=16, dropout=0.5)
    patches = np.random.default_rng(0).random((8, 40, 40, 1), np.float32)
    plain = build_cnn(filters=(4,), kernels=(5,), hidden=16)
    plain.set_weights(network.get_weights())
    np.testing.assert_array_equal(network(patches), plain(patches))
    assert not np.allclose(network(patches, training=True), plain(patches))


def test_it_ends_early_where_validation_no_longer_improves(discs, tmp_path):
    """Validation labels turned round: the AUC falls while it learns."""
    patches_hu, labels = discs
    config = CONFIG.model_copy(update={"cnn_early_stopping": 3, "cnn_dropout": 0.2, "cnn_keep": "best"})
    given = patches_hu, labels, patches_hu[:20], 1 - labels[:20], config, WINDOW, 1
    trained = train_cnn(*given, checkpoint_dir=tmp_path)
    auc = trained.history["validation_auc"]
    assert len(auc) == int(np.argmax(auc)) + 1 + 3 < 20
    assert_same(train_cnn(*given, checkpoint_dir=tmp_path), trained)


def test_weight_decay_is_decoupled_from_the_gradient():
    patches = keras.Input((40, 40, 1))
    pooled = keras.layers.GlobalAveragePooling2D()(patches)
    logit = keras.layers.Dense(1, use_bias=False, kernel_initializer="ones")(pooled)
    network = keras.Model(patches, keras.layers.Reshape(())(logit))
    trainer = compile_for_training(network, False, 0.1, 10, seed=0, weight_decay=0.5)
    trainer.train_on_batch(np.zeros((2, 40, 40, 1), np.float32), np.zeros(2, np.float32))
    # Black patches give no gradient: what is left is the rate times the decay.
    assert network.get_weights()[0].item() == pytest.approx(1 - 0.1 * 0.5)


def test_with_mixtures_it_learns_as_well(discs, trained):
    config = CONFIG.model_copy(update={"cnn_cut_mix": 1.0})
    mixed = train_cnn(discs[0], discs[1], discs[0][:20], discs[1][:20], config, WINDOW, seed=1)
    assert mixed.history["validation_auc"][-1] > 0.9
    assert mixed.history["loss"][-1] > 0.3 > trained.history["loss"][-1]  # half-and-half patches cost that
    assert mixed.history["validation_loss"][-1] > trained.history["validation_loss"][-1]


def test_the_best_weights_on_validation_may_be_kept(discs):
    """Validation labels turned round: the less is learnt, the better, so the best is not the last."""
    patches_hu, labels = discs
    held = patches_hu[:20], 1 - labels[:20]
    kept = {
        keep: train_cnn(patches_hu, labels, *held, CONFIG.model_copy(update={"cnn_keep": keep}), WINDOW, 1)
        for keep in ("last", "best")
    }
    assert kept["last"].history == kept["best"].history
    quality = list(
        zip(
            kept["best"].history["validation_auc"],
            [-loss for loss in kept["best"].history["validation_loss"]],
            strict=True,
        )
    )
    best = quality.index(max(quality))
    assert best < len(quality) - 1
    validation = Validation.of(*held, WINDOW)
    assert validation is not None
    for keep, at in (("last", -1), ("best", best)):
        told = validation.judge(kept[keep].model)
        assert (told["validation_auc"], -told["validation_loss"]) == pytest.approx(quality[at], abs=1e-6)


def test_without_validation_the_last_weights_are_kept(discs, trained):
    config = CONFIG.model_copy(update={"cnn_keep": "best"})
    again = train_cnn(discs[0], discs[1], None, None, config, WINDOW, seed=1)
    for left, right in zip(again.model.get_weights(), trained.model.get_weights(), strict=True):
        np.testing.assert_array_equal(left, right)


def test_one_class_is_refused(discs):
    patches_hu, labels = discs
    with pytest.raises(InputError, match=r"convolutional network takes labels of both classes.*\[0\]"):
        train_cnn(patches_hu, 0 * labels, None, None, CONFIG, WINDOW, seed=0)


def test_fewer_patches_than_a_batch(discs):
    patches_hu, labels = discs
    with pytest.raises(InputError, match=r"7 training patches and batch_size is 8.*zero steps"):
        train_cnn(patches_hu[:7], labels[:7], None, None, CONFIG, WINDOW, seed=0)

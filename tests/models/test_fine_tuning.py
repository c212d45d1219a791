import numpy as np
import pytest

from lungnet.config import CaeConfig
from lungnet.errors import InputError
from lungnet.models import ConvolutionalAutoencoder, fine_tune, fine_tuning
from lungnet.models.validation import Validation
from tests.models.conftest import assert_same, tensorboard_points

WINDOW = (-1000.0, 400.0)
CONFIG = CaeConfig(
    filters=(6, 6),
    kernels=(5, 3),
    batch_size=12,
    fine_tune_epochs=12,
    fine_tune_learning_rate=1e-2,
    fine_tune_flips=False,
)


@pytest.fixture(scope="module")
def textures():
    """Horizontal (label 1) against random (label 0) stripes: no difference in brightness."""
    rng = np.random.default_rng(0)
    labels = np.arange(48) % 2
    stripes = rng.normal(0, 200, (48, 40, 1)) * np.ones(40)
    noise = rng.normal(0, 200, (48, 40, 40))
    return (np.where(labels[:, None, None] == 1, stripes, noise) - 300).astype(np.int16), labels


@pytest.fixture(scope="module")
def encoder():
    return ConvolutionalAutoencoder(CONFIG, seed=2).encoder


def test_a_copy_learns_and_the_given_encoder_stays(encoder, textures):
    before = encoder.get_weights()
    patches_hu, labels = textures
    kept_back = slice(36, None)
    tuned, history = fine_tune(
        encoder,
        patches_hu[:36],
        labels[:36],
        patches_hu[kept_back],
        labels[kept_back],
        CONFIG,
        WINDOW,
        seed=0,
    )
    assert history["step"] == list(range(1, 13))
    assert history["loss"][-1] < 0.5 * history["loss"][0]
    assert max(history["validation_auc"]) == 1.0
    assert tuned.output_shape == encoder.output_shape
    assert [layer.name for layer in tuned.layers] == [layer.name for layer in encoder.layers]
    for left, right in zip(before, encoder.get_weights(), strict=True):
        np.testing.assert_array_equal(left, right)
    for left, right in zip(before, tuned.get_weights(), strict=True):
        assert not np.array_equal(left, right)


def test_same_seed_same_encoder(encoder, textures):
    config = CONFIG.model_copy(update={"fine_tune_epochs": 2, "fine_tune_flips": True})
    one, two, other = (
        fine_tune(encoder, textures[0], textures[1], None, None, config, WINDOW, seed).model.get_weights()[0]
        for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(one, two)
    assert not np.array_equal(one, other)


@pytest.mark.parametrize(("keep", "kept"), [("best", 2), ("last", 3)])
def test_the_best_epoch_or_the_last_is_kept(encoder, textures, monkeypatch, keep, kept):
    seen = []
    aucs = iter([0.6, 0.9, 0.9, 0.7])
    losses = iter([0.1, 0.5, 0.4, 0.1])

    def judge(self, network):
        seen.append(network.get_weights()[0].copy())
        return {"validation_auc": next(aucs), "validation_loss": next(losses)}

    monkeypatch.setattr(Validation, "judge", judge)
    config = CONFIG.model_copy(update={"fine_tune_epochs": 4, "fine_tune_keep": keep})
    patches_hu, labels = textures
    tuned, _ = fine_tune(encoder, patches_hu, labels, patches_hu, labels, config, WINDOW, seed=0)
    # The best is the third: an AUC like the second's, with less loss.
    assert [np.array_equal(tuned.get_weights()[0], weights) for weights in seen] == [
        epoch == kept for epoch in range(4)
    ]


def test_weight_decay_makes_weights_smaller(encoder, textures):
    def length(weight_decay):
        config = CONFIG.model_copy(update={"fine_tune_epochs": 2, "fine_tune_weight_decay": weight_decay})
        tuned, _ = fine_tune(encoder, textures[0], textures[1], None, None, config, WINDOW, seed=0)
        return np.linalg.norm(tuned.get_weights()[0])

    assert length(1.0) < length(0.0)


@pytest.mark.parametrize("validated", [True, False])
def test_interrupted_it_ends_as_if_it_had_not_been(
    encoder, textures, tmp_path, monkeypatch, train_with_interruptions, validated
):
    """With symmetries, a rate that falls, and an early best epoch or shifts and normalisation."""
    monkeypatch.setattr(fine_tuning, "CHECKPOINT_UPDATES", 4)  # epochs of 2: after 2 and 4 of them
    config = CONFIG.model_copy(update={"fine_tune_epochs": 5, "fine_tune_flips": True})
    if not validated:
        config = config.model_copy(update={"fine_tune_shift": 1, "fine_tune_batch_norm": True})
    patches_hu, labels = textures

    def train(folder="board", **arguments):
        held, held_labels = (patches_hu[36:], labels[36:]) if validated else (None, None)
        given = encoder, patches_hu[:35], labels[:35], held, held_labels, config, WINDOW, 0
        return fine_tune(*given, tmp_path / folder, **arguments)

    undisturbed = train("whole")
    resumed, first_reports = train_with_interruptions(train, [1, 3])
    assert first_reports == [1, 3]
    assert_same(resumed, undisturbed)
    if validated:  # what is put back comes from a checkpoint
        assert int(np.argmax(resumed.history["validation_auc"])) == 0
    assert tensorboard_points(tmp_path / "board") == tensorboard_points(tmp_path / "whole")
    assert_same(train(checkpoint_dir=tmp_path / "checkpoints"), undisturbed)  # nothing is left to do


def test_another_encoders_checkpoint_is_not_used(encoder, textures, tmp_path):
    config = CONFIG.model_copy(update={"fine_tune_epochs": 1})
    patches_hu, labels = textures
    other = ConvolutionalAutoencoder(CONFIG, seed=3).encoder
    for start in (encoder, other):
        first, second = (
            fine_tune(start, patches_hu, labels, None, None, config, WINDOW, 0, checkpoint_dir=folder)
            for folder in (None, tmp_path)
        )
        assert_same(second, first)


def test_symmetries_are_drawn_if_asked(encoder, textures):
    """A turned stripe is another patch, so that the same batches lead elsewhere."""
    still, turned = (
        CONFIG.model_copy(update={"fine_tune_epochs": 1, "fine_tune_flips": flips}) for flips in (False, True)
    )
    losses = [
        fine_tune(encoder, textures[0], textures[1], None, None, config, WINDOW, 0)[1]["loss"]
        for config in (still, turned)
    ]
    assert losses[0] != losses[1]


def test_no_epochs_no_change(encoder, textures):
    config = CONFIG.model_copy(update={"fine_tune_epochs": 0})
    tuned, history = fine_tune(encoder, textures[0], textures[1], None, None, config, WINDOW, seed=0)
    assert history == {}
    for left, right in zip(tuned.get_weights(), encoder.get_weights(), strict=True):
        np.testing.assert_array_equal(left, right)


def test_one_class_is_refused(encoder, textures):
    patches_hu, labels = textures
    with pytest.raises(InputError, match="Fine-tuning takes labels of both classes"):
        fine_tune(encoder, patches_hu, labels * 0, None, None, CONFIG, WINDOW, seed=0)

import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from lungnet.config import CaeConfig
from lungnet.errors import InputError
from lungnet.models import ConvolutionalAutoencoder, autoencoder_training, to_unit, train_autoencoder
from tests.models.conftest import assert_same, tensorboard_points

WINDOW = (-1000.0, 400.0)
SMALL = CaeConfig(filters=(4, 4), kernels=(5, 3), epochs=3, batch_size=10, learning_rate=0.02)


@pytest.fixture(scope="module")
def patches_hu():
    """Discs of different size and place on a dark ground."""
    rng = np.random.default_rng(0)
    rows, columns = np.mgrid[:40, :40]
    center_y, center_x, radius = (
        rng.uniform(low, high, (60, 1, 1)) for low, high in ((12, 28),) * 2 + ((3, 9),)
    )
    disc = (rows - center_y) ** 2 + (columns - center_x) ** 2 < radius**2
    return np.where(disc, 50, -850).astype(np.int16)


@pytest.fixture(scope="module")
def trained(patches_hu):
    return train_autoencoder(patches_hu, SMALL, WINDOW, 3)


def test_every_layer_learns_to_reconstruct(trained):
    for index in (1, 2):
        errors = trained.history[f"layer_{index}/reconstruction_error"]
        assert len(errors) == 3
        assert errors[-1] < 0.7 * errors[0]


def test_error_is_the_mean_square_per_value(trained, patches_hu):
    unit = to_unit(patches_hu, WINDOW)[..., None]
    error = np.mean((np.asarray(trained.model.stages[0](unit)) - unit) ** 2)
    assert error == pytest.approx(trained.history["layer_1/reconstruction_error"][-1], rel=0.3)


def test_layers_are_trained_one_after_the_other(trained, patches_hu):
    """The first layer does not change while the second learns: alone it comes out the same."""
    alone = SMALL.model_copy(update={"filters": (4,), "kernels": (5,)})
    first = train_autoencoder(patches_hu, alone, WINDOW, 3).model.stages[0]
    for left, right in zip(first.get_weights(), trained.model.stages[0].get_weights(), strict=True):
        np.testing.assert_array_equal(left, right)


def test_training_moves_every_weight(trained):
    start = ConvolutionalAutoencoder(SMALL, seed=3)
    for left, right in zip(start.weights, trained.model.weights, strict=True):
        assert not np.array_equal(left, right), left.path


def test_validation_is_only_looked_at(trained, patches_hu, tmp_path):
    held = patches_hu[::2]
    watched = train_autoencoder(patches_hu, SMALL, WINDOW, 3, tmp_path, validation_hu=held)
    for left, right in zip(watched.model.get_weights(), trained.model.get_weights(), strict=True):
        np.testing.assert_array_equal(left, right)
    assert watched.history["layer_2/reconstruction_error"] == trained.history["layer_2/reconstruction_error"]
    codes = to_unit(held, WINDOW)[..., None]
    for index, stage in enumerate(watched.model.stages, 1):
        errors = watched.history[f"layer_{index}/validation_reconstruction_error"]
        assert len(errors) == 3
        assert errors[-1] == pytest.approx(np.mean((np.asarray(stage(codes)) - codes) ** 2), rel=1e-4)
        codes = np.asarray(stage.encode(codes))
    tags = EventAccumulator(str(tmp_path)).Reload().Tags()["tensors"]
    assert {f"cae/layer_{index}/reconstruction" for index in (1, 2)} <= set(tags)


def test_progress_and_tensorboard(patches_hu, tmp_path):
    seen = []
    config = SMALL.model_copy(update={"epochs": 1, "denoising": 0.2, "tied": True})
    train_autoencoder(patches_hu[:10], config, WINDOW, 0, tmp_path, lambda *report: seen.append(report[:2]))
    assert seen == [(1, 2), (2, 2)]
    assert list(tmp_path.glob("events.out.tfevents.*"))


@pytest.mark.parametrize("stops", [[1], [3], [2, 5]])
def test_interrupted_it_ends_as_if_it_had_not_been(
    patches_hu, tmp_path, monkeypatch, train_with_interruptions, stops
):
    """Within a layer, between two, and both; with noise, momentum and a batch that spans two passes."""
    monkeypatch.setattr(autoencoder_training, "CHECKPOINT_UPDATES", 1)
    config = SMALL.model_copy(update={"denoising": 0.2, "batch_size": 13})

    def train(folder="board", **arguments):
        held = patches_hu[50:]
        given = patches_hu[:50], config, WINDOW, 3, tmp_path / folder
        return train_autoencoder(*given, validation_hu=held, **arguments)

    undisturbed = train("whole")
    resumed, first_reports = train_with_interruptions(train, stops)
    assert first_reports == [stop + 1 for stop in stops]
    assert_same(resumed, undisturbed)
    points = tensorboard_points(tmp_path / "board")
    assert points == tensorboard_points(tmp_path / "whole")
    assert points["cae/layer_2/validation_reconstruction_error"] == [1, 2, 3]
    assert points["cae/layer_1/reconstruction"] == [1, 2, 3]
    assert_same(train(checkpoint_dir=tmp_path / "checkpoints"), undisturbed)  # nothing is left to do


def test_fewer_patches_than_a_batch(patches_hu):
    with pytest.raises(InputError, match=r"autoencoder has 9 training patches and batch_size is 10.*zero"):
        train_autoencoder(patches_hu[:9], SMALL, WINDOW, 0)

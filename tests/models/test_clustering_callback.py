import json
import logging
from functools import partial
from itertools import pairwise
from unittest.mock import Mock

import keras
import numpy as np
import pytest

from lungnet.config import CalmConfig
from lungnet.errors import InputError
from lungnet.models import clustering_callback
from lungnet.models.calm import CALM
from lungnet.models.calm_training import compile_classifier
from lungnet.models.clustering_callback import ClusteringCallback

CONFIG = CalmConfig(hidden=(8, 4), batch_size=10, max_iterations=4, trees=10)


@pytest.fixture(scope="module")
def data() -> tuple[np.ndarray, np.ndarray]:
    """155 samples with 6 features, none of which forms clusters."""
    rng = np.random.default_rng(0)
    x = rng.random((155, 6)).astype(np.float32)
    return x, (x[:, 0] + x[:, 1] * x[:, 2] > 0.75).astype(np.int64)


class Watch(keras.callbacks.Callback):
    """Remembers, before the clustering callback moves it, what each epoch trained with."""

    def __init__(self, x: np.ndarray) -> None:
        super().__init__()
        self.x = x
        self.seen: list[tuple[np.ndarray, list[np.ndarray]]] = []

    def on_epoch_end(self, epoch, logs=None):
        self.seen.append((np.asarray(self.model.cluster(self.x)), self.model.get_weights()))


def fit(data, config=CONFIG, validation=None, before=(), **arguments):
    x, y = data
    model = CALM(config, x.shape[1])
    callback = ClusteringCallback(x, config, **arguments)
    compile_classifier(model, config, callback.steps_per_epoch)
    model.fit(
        callback.dataset(y),
        epochs=config.max_iterations,
        shuffle=False,
        validation_data=validation,
        callbacks=[*before, callback],
        verbose=0,
    )
    return model, callback


@pytest.fixture(scope="module")
def watched(data):
    """A training whose validation loss goes up and down, and every epoch of it.

    Returns:
        Model, callback, (assignment, weights) that each epoch trained with, and (assignment, batches)
        that it was given.
    """
    x, y = data
    config = CONFIG.model_copy(update={"learning_rate": 0.05, "max_iterations": 6})
    given: list[tuple[np.ndarray, list[np.ndarray]]] = []
    original = ClusteringCallback.batches

    def recorded(self):
        batches = list(original(self))
        given.append((self.assignment, batches))
        yield from batches

    watch = Watch(x)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ClusteringCallback, "batches", recorded)
        model, callback = fit(data, config, (x[:50], y[:50]), [watch])
    return model, callback, watch.seen, given


def with_weights(weights: list[np.ndarray]) -> CALM:
    model = CALM(CONFIG, 6)
    model.set_weights(weights)
    return model


def test_every_epoch_takes_every_sample_once_and_no_batch_mixes_clusters(watched):
    _, callback, seen, given = watched
    assert len(given) == len(seen) == 6
    for (assignment, batches), (trained_with, _) in zip(given, seen, strict=True):
        np.testing.assert_array_equal(assignment, trained_with)  # the order follows the latest assignment
        rows = np.concatenate(batches)
        np.testing.assert_array_equal(np.sort(rows), np.arange(155))
        assert len(batches) == callback.steps_per_epoch
        assert max(map(len, batches)) <= CONFIG.batch_size
        assert all(len(set(assignment[batch].tolist())) == 1 for batch in batches)
        np.testing.assert_array_equal(assignment[rows], np.sort(assignment))  # one cluster after the other
    assert len({np.concatenate(batches).tobytes() for _, batches in given}) == 6
    assert any((a != b).any() for (a, _), (b, _) in pairwise(given))  # else the above says little


@pytest.mark.parametrize("sizes", [(155, 0), (154, 1), (100, 55), (0, 155)])
def test_number_of_batches_does_not_depend_on_the_clusters(data, sizes):
    callback = ClusteringCallback(data[0], CONFIG)
    callback.assignment = np.repeat([0, 1], sizes)
    batches = list(callback.batches())
    assert len(batches) == callback.steps_per_epoch == 17
    assert min(map(len, batches)) >= 1


def test_what_is_kept_is_the_best_epoch_as_it_was_trained(data, watched):
    """Network, centres, importance and assignment all come from the iteration of the least loss."""
    model, callback, seen, _ = watched
    best = int(np.argmin(callback.history.validation_loss))
    assert callback.history.kept_iteration == best + 1
    assert best < 5  # or the last epoch would do as well
    assignment, weights = seen[best]
    for found, expected in zip(model.get_weights(), weights, strict=True):
        np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(callback.assignment, assignment)
    np.testing.assert_array_equal(np.asarray(model.cluster(data[0])), assignment)
    assert callback.history.cluster_sizes[best] == np.bincount(assignment, minlength=2).tolist()
    assert not callback.history.converged


def test_settled_is_kept_the_best_iteration_of_the_last_assignment(data, monkeypatch):
    """Iteration 1 loses least, but 3 and what follows trained with another assignment."""
    x, _ = data
    config = CONFIG.model_copy(update={"keep": "settled", "patience": 3})
    model = CALM(config, 6)
    callback = ClusteringCallback(x, config)
    callback.set_model(model)
    callback.on_train_begin()
    assignments = [np.roll(callback.assignment, shift) for shift in (0, 1, 2, 2, 2, 2)]
    losses, kept = [0.1, 0.2, 0.6, 0.5, 0.3, 0.4], []
    for epoch, loss in enumerate(losses):
        callback.assignment = assignments[epoch]
        following = assignments[min(epoch + 1, 5)]
        monkeypatch.setattr(callback, "_cluster", partial(setattr, callback, "assignment", following))
        monkeypatch.setattr(callback, "_report", lambda: None)
        model.network.dense[0].bias.assign(np.full(8, loss))
        callback.on_epoch_end(epoch, {"loss": 1.0, "val_loss": loss})
        kept.append(callback.history.kept_iteration)
    assert kept == [1, 2, 3, 4, 5, 5]
    assert callback.history.converged
    callback.on_train_end()
    np.testing.assert_array_equal(callback.assignment, assignments[-1])
    np.testing.assert_allclose(model.network.dense[0].bias.value, 0.3)


def test_importance_and_centres_move_after_each_epoch(data, watched):
    for (assignment, earlier), (_, later) in pairwise(watched[2]):
        before, after = with_weights(earlier), with_weights(later)
        np.testing.assert_allclose(after.importance.value, before.network_importance(), rtol=1e-6)
        for cluster, center in enumerate(after.centers.value.numpy()):
            (row,) = np.flatnonzero((data[0] == center).all(axis=1))
            assert assignment[row] == cluster  # a member of the cluster as it was


def test_without_validation_the_last_epoch_is_kept_as_it_was_trained(data):
    config = CONFIG.model_copy(update={"importance_smoothing": 0.75, "max_iterations": 2})
    watch = Watch(data[0])
    model, callback = fit(data, config, before=[watch])
    assert callback.history.kept_iteration == 2
    for found, expected in zip(model.get_weights(), watch.seen[-1][1], strict=True):
        np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(callback.assignment, watch.seen[-1][0])
    # and smoothing keeps its share of the importance before
    first = with_weights(watch.seen[0][1])
    expected = 0.75 * first.importance.value.numpy() + 0.25 * first.network_importance()
    np.testing.assert_allclose(model.importance.value, expected, rtol=1e-5)


def test_training_stops_when_nothing_changes(data, monkeypatch):
    """Centres that stay and a network that hardly learns leave every sample where it is."""
    monkeypatch.setattr(clustering_callback, "choose_centers", lambda now, *rest: now.centers.copy())
    forest = Mock(wraps=clustering_callback.out_of_bag_error)
    monkeypatch.setattr(clustering_callback, "out_of_bag_error", forest)
    config = CONFIG.model_copy(update={"learning_rate": 1e-12, "patience": 3, "max_iterations": 9})
    _, callback = fit(data, config)
    assert callback.history.changed == [0.0, 0.0, 0.0]
    assert callback.history.objective_change == [0.0, 0.0, 0.0]
    assert callback.history.converged
    assert forest.call_count == 1  # one forest tells of an assignment however often it is asked


def test_an_emptied_cluster_gets_the_sample_farthest_from_its_centre(caplog):
    x = np.array([[0.0], [1.0], [5.0], [2.0]], np.float32)
    model = CALM(CONFIG, 1)
    callback = ClusteringCallback(x, CONFIG)
    callback.set_model(model)
    centers = np.array([[0.5], [100.0]], np.float32)
    model.set_clusters(centers, np.ones(1))
    with caplog.at_level(logging.INFO, "lungnet.models.clustering_callback"):
        assert callback._reseed(centers, np.ones(1, np.float32))
    assert "cluster 1 was empty" in caplog.text
    assert callback.history.reseeded == [0]  # before the first iteration has ended
    assert model.centers.value.numpy().tolist() == [[0.5], [5.0]]
    assert callback.assignment.tolist() == [0, 0, 1, 0]
    assert not callback._reseed(centers, np.ones(1, np.float32))


def test_history_is_plain_and_its_variance_is_that_of_the_figure(data, watched):
    x, history = data[0], watched[1].history.to_dict()
    assert json.loads(json.dumps(history, allow_nan=False)) == history
    assert {len(v) for k, v in history.items() if isinstance(v, list) and k != "reseeded"} == {6}
    for (assignment, _), variance in zip(watched[2], history["intra_cluster_variance"], strict=True):
        means = np.stack([x[assignment == cluster].mean(axis=0) for cluster in assignment])
        assert variance == pytest.approx(float(np.square(x - means).sum(axis=1).mean()), rel=1e-5)


def test_another_model_is_refused(data):
    model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(2, activation="softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy")
    callback = ClusteringCallback(data[0], CONFIG)
    with pytest.raises(TypeError, match=r"trains a CALM. Received: Sequential"):
        model.fit(callback.dataset(data[1]), callbacks=[callback], shuffle=False, verbose=0)


def test_a_diverging_loss_is_named(data):
    config = CONFIG.model_copy(update={"learning_rate": 1e38})
    with pytest.raises(
        InputError, match=r"CALM diverged: the loss of iteration \d is .* lower learning_rate"
    ):
        fit(data, config)

import keras
import numpy as np
import pytest
import tensorflow as tf

from lungnet.config import CalmConfig
from lungnet.models.calm import CALM
from lungnet.models.dissimilarity import dissimilarity


def calm(clusters: int = 2, features: int = 6, seed: int = 0, **changes) -> CALM:
    """A CALM whose centres are random points, and 40 samples."""
    model = CALM(CalmConfig(clusters=clusters, hidden=(8, 4), **changes), features, seed)
    rng = np.random.default_rng(seed)
    model.set_clusters(rng.random((clusters, features)), rng.random(features))
    return model


@pytest.fixture
def samples() -> np.ndarray:
    return np.random.default_rng(9).random((40, 6), np.float32)


def test_the_papers_layers_by_default():
    model = CALM()
    shapes = [tuple(w.shape) for w in model.trainable_weights]
    assert shapes == [(452, 128), (128,), (128, 32), (32,), (32, 2), (2,)]
    assert model.centers.shape == (2, 450)
    assert model.importance.shape == (450,)


@pytest.mark.parametrize("clusters", [2, 3, 5])
def test_cluster_is_the_nearest_centre(samples, clusters):
    model = calm(clusters)
    distances = dissimilarity(samples, model.centers.value.numpy(), model.importance.value.numpy())
    found = np.asarray(model.cluster(samples))
    assert found.dtype == np.int64
    assert len(set(found.tolist())) > 1
    np.testing.assert_array_equal(found, distances.argmin(axis=1))


def test_equal_distances_give_the_lower_cluster():
    model = calm(3, features=1)
    model.set_clusters([[2.0], [0.0], [2.0]], [1.0])
    assert np.asarray(model.cluster(np.array([[1.0], [2.0], [0.5]], np.float32))).tolist() == [0, 0, 1]


def test_probabilities_sum_to_one_and_agree_with_the_logit(samples):
    model = calm()
    probabilities = np.asarray(model(samples))
    np.testing.assert_allclose(probabilities.sum(axis=1), 1.0, rtol=1e-6)
    np.testing.assert_allclose(
        probabilities[:, 1], 1 / (1 + np.exp(-np.asarray(model.logit(samples)))), rtol=1e-5
    )


def test_the_cluster_is_an_input_of_the_network(samples):
    model = calm()
    found = model.explain(samples)
    one_hot = np.eye(2, dtype=np.float32)
    for cluster, logit in ((found.cluster, found.logit), (1 - found.cluster, found.other_logit)):
        both = np.asarray(model.network(samples, one_hot[np.asarray(cluster)]))
        np.testing.assert_allclose(logit, both[:, 1] - both[:, 0], rtol=1e-6)
    assert np.abs(np.asarray(found.logit) - np.asarray(found.other_logit)).min() > 0


def test_margin_and_second_cluster_by_hand():
    model = calm(3, features=1)
    model.set_clusters([[0.0], [4.0], [10.0]], [0.5])
    # x = 3 lies 1.5, 0.5 and 3.5 away, x = 7 lies 3.5, 1.5 and 1.5 away, x = 0 on a centre.
    x = np.array([[3.0], [7.0], [0.0]], np.float32)
    np.testing.assert_allclose(model.cluster_margin(x), [0.5, 0.0, 1.0])
    found = model.explain(x)
    second = np.asarray(model.network(x, np.eye(3, dtype=np.float32)[[0, 2, 1]]))
    np.testing.assert_allclose(found.other_logit, second[:, 1] - second[:, 0], rtol=1e-6)


def test_margin_where_centres_coincide_is_zero_not_nan():
    model = calm(features=1)
    model.set_clusters([[1.0], [1.0]], [1.0])
    assert np.asarray(model.cluster_margin(np.array([[1.0]], np.float32))).tolist() == [0.0]


def test_importance_averages_fc1_over_neurons_without_the_one_hot_columns():
    absolute, signed = calm(), calm(importance="signed")
    kernel = np.random.default_rng(3).normal(size=(8, 8))
    for model in (absolute, signed):
        model.network.dense[0].kernel.assign(kernel)
    np.testing.assert_allclose(absolute.network_importance(), np.abs(kernel[:6]).mean(axis=1), rtol=1e-6)
    np.testing.assert_allclose(signed.network_importance(), kernel[:6].mean(axis=1), rtol=1e-5, atol=1e-7)
    assert (signed.network_importance() < 0).any()


def test_importance_counts_the_standardisation(samples):
    model = calm()
    before = model.network_importance()
    model.network.adapt(samples * 10)
    np.testing.assert_allclose(
        model.network_importance(), before * np.asarray(model.network.scale.value), rtol=1e-5
    )


def test_confident_mistakes_keep_their_loss():
    """Cross entropy must come from the logits: a clipped softmax would stop at 16.1 with no gradient."""
    model = calm(features=1, l2=0.0)
    model.network.dense[2].bias.assign([60.0, 0.0])
    model.compile(optimizer="sgd", loss="sparse_categorical_crossentropy", jit_compile=False)
    for layer in model.network.dense[:2]:
        layer.kernel.assign(np.zeros(layer.kernel.shape))
    loss = model.train_on_batch(np.zeros((4, 1), np.float32), np.ones(4, np.int64))
    assert loss == pytest.approx(60.0, rel=1e-5)


def test_keras_round_trip(samples, tmp_path):
    model = calm(3)
    model.network.adapt(samples)
    model.save(tmp_path / "calm.keras")
    again = keras.models.load_model(tmp_path / "calm.keras")
    assert isinstance(again, CALM)
    assert again.config == model.config
    for name in ("centers", "importance"):
        np.testing.assert_array_equal(getattr(again, name).value, getattr(model, name).value)
    np.testing.assert_array_equal(again(samples), model(samples))


def test_saved_model_round_trip(samples, tmp_path):
    model = calm()
    expected = model(samples)
    model.export(tmp_path / "saved", verbose=False)
    again = tf.saved_model.load(str(tmp_path / "saved"))
    np.testing.assert_allclose(again.serve(samples), expected, rtol=1e-6)

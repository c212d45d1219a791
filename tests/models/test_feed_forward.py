import keras
import numpy as np
import pytest

from lungnet.models.feed_forward import FeedForward


def layer(**changes) -> FeedForward:
    network = FeedForward(**{"features": 4, "clusters": 2, "hidden": (5, 3), **changes})
    network.build()
    return network


def test_two_logits_by_hand():
    network = layer(features=1, clusters=1, hidden=(1, 1), leaky_slope=0.5)
    fc1, fc2, fc3 = network.dense
    fc1.set_weights([np.array([[2.0], [-10.0]]), np.array([1.0])])  # x, and the one-hot column
    fc2.set_weights([np.array([[1.0]]), np.array([0.0])])
    fc3.set_weights([np.array([[1.0, -1.0]]), np.array([0.0, 0.25])])
    network.offset.assign([1.0])
    network.scale.assign([3.0])
    # x = 2: standardised 3, FC1 6 + 1 = 7. In the cluster: 7 - 10 = -3, twice halved -0.75.
    found = np.asarray(network(np.array([[2.0], [2.0]]), np.array([[0.0], [1.0]])))
    np.testing.assert_allclose(found, [[7.0, -6.75], [-0.75, 1.0]])


def test_adapt_standardises_and_silences_what_is_constant():
    rng = np.random.default_rng(0)
    x = rng.normal(5.0, 2.0, (500, 4)).astype(np.float32)
    x[:, 3] = 0.1
    network = layer()
    network.adapt(x)
    scaled = (x - np.asarray(network.offset.value)) * np.asarray(network.scale.value)
    np.testing.assert_allclose(scaled.mean(axis=0), 0.0, atol=1e-5)
    np.testing.assert_allclose(scaled.std(axis=0)[:3], 1.0, rtol=1e-5)
    one_hot = np.eye(2, dtype=np.float32)[[0]]
    woken = x[:1].copy()
    woken[:, 3] = 1e3
    np.testing.assert_array_equal(network(woken, one_hot), network(x[:1], one_hot))


def test_a_rare_feature_does_not_drown_the_others():
    x = np.random.default_rng(0).normal(size=(10_000, 4)).astype(np.float32)
    x[:, 3] = 0.0
    x[0, 3] = 1.0
    network = layer()
    network.adapt(x)
    assert np.asarray(network.scale.value)[3] == pytest.approx(25.0)  # not 100, though its spread is 0.01


def test_features_of_very_different_size_count_alike():
    x = np.random.default_rng(0).normal(size=(500, 4)).astype(np.float32)
    sizes = np.array([1e-6, 1.0, 1e6, 1.0], np.float32)
    network, resized = layer(clusters=0), layer(clusters=0)
    network.adapt(x)
    resized.adapt(x * sizes)
    np.testing.assert_allclose(resized(x * sizes), network(x), rtol=1e-4, atol=1e-5)


def test_input_weights_act_on_raw_features():
    x = np.random.default_rng(1).normal(3.0, 2.0, (50, 4)).astype(np.float32)
    network = layer(clusters=0)
    network.adapt(x)
    kernel, bias = network.input_weights()
    first = network.dense[0]((x - np.asarray(network.offset.value)) * np.asarray(network.scale.value))
    np.testing.assert_allclose(x @ kernel + bias, first, atol=1e-5)


def test_dropout_leaves_neurons_out_while_training_alone():
    network = layer(features=1, clusters=0, hidden=(4000, 1), dropout=0.25)
    fc1, fc2, fc3 = network.dense
    fc1.set_weights([np.ones((1, 4000)), np.zeros(4000)])
    fc2.set_weights([np.ones((4000, 1)), np.zeros(1)])
    fc3.set_weights([np.array([[1.0, 0.0]]), np.zeros(2)])
    x = np.ones((200, 1), np.float32)
    assert (np.asarray(network(x))[:, 0] == 4000.0).all()
    # Of 4,000 neurons 3,000 are left, each times 4 / 3; the sum in turn is left in three samples of four.
    sums = np.asarray(network(x, training=True))[:, 0]
    kept = sums[sums > 0]
    assert 0.6 < len(kept) / 200 < 0.9
    assert kept.mean() == pytest.approx(4000 * 4 / 3, rel=0.01)
    assert kept.std() == pytest.approx(4 / 3 * np.sqrt(4000 * 0.25 / 0.75), rel=0.25)
    assert len(np.unique(kept)) > 50  # each sample has neurons of its own left out


def test_seed_and_regularisation():
    first, again, other = layer(seed=1), layer(seed=1), layer(seed=2)
    np.testing.assert_array_equal(first.dense[0].kernel.value, again.dense[0].kernel.value)
    assert not np.array_equal(first.dense[0].kernel.value, other.dense[0].kernel.value)
    squares = sum(float(np.square(np.asarray(d.kernel.value)).sum()) for d in first.dense)
    assert float(sum(first.losses)) == pytest.approx(5e-5 * squares, rel=1e-5)


def test_config_round_trip():
    network = layer(leaky_slope=0.2, l2=1e-3, seed=7)
    again = FeedForward.from_config(network.get_config())
    assert again.get_config() == network.get_config()
    assert keras.saving.get_registered_name(FeedForward) == "lungnet>FeedForward"

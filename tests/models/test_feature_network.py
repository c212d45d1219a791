import keras
import numpy as np

from lungnet.config import CalmConfig
from lungnet.models.calm import CALM
from lungnet.models.feature_network import FeatureNetwork


def test_it_is_calms_network_without_clusters():
    network, calm = FeatureNetwork(), CALM()
    expected = [tuple(w.shape) for w in calm.network.trainable_weights]
    expected[0] = (450, 128)  # no one-hot columns
    assert [tuple(w.shape) for w in network.trainable_weights] == expected


def test_its_logit_is_the_log_odds_of_the_softmax():
    network = FeatureNetwork(CalmConfig(hidden=(8, 4)), 5, seed=1)
    x = np.random.default_rng(0).random((6, 5), np.float32)
    probability = np.asarray(keras.ops.softmax(network.network(x)))[:, 1]
    np.testing.assert_allclose(network(x), np.log(probability / (1 - probability)), atol=1e-5)


def test_round_trip(tmp_path):
    network = FeatureNetwork(CalmConfig(hidden=(8, 4)), 5, seed=1)
    x = np.random.default_rng(0).random((6, 5), np.float32)
    network.save(tmp_path / "network.keras")
    np.testing.assert_array_equal(keras.models.load_model(tmp_path / "network.keras")(x), network(x))

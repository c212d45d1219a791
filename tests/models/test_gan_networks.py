import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from lungnet.models import build_critic, build_generator


def test_shapes_range_and_widths():
    generator, critic = build_generator(7, 3, seed=0), build_critic(3, seed=0)
    patches = generator(np.random.default_rng(0).standard_normal((5, 7)).astype(np.float32))
    assert patches.shape == (5, 40, 40, 1)
    assert float(np.min(patches)) >= 0
    assert float(np.max(patches)) <= 1
    assert critic(patches).shape == (5, 1)
    assert [critic.get_layer(f"down_{size}").filters for size in (20, 10, 5)] == [3, 6, 12]
    assert generator.get_layer("map_5").output.shape[1:] == (5, 5, 12)


@pytest.mark.parametrize("network", [build_generator(7, 2, 0), build_critic(2, 0)])
def test_no_layer_mixes_the_samples_of_a_batch(network):
    assert not any(isinstance(layer, layers.BatchNormalization) for layer in network.layers)


def test_seeded_weights():
    one, two, other = (build_critic(2, seed).get_weights()[0] for seed in (0, 0, 1))
    np.testing.assert_array_equal(one, two)
    assert not np.array_equal(one, other)


def test_saved_model_round_trip(tmp_path):
    generator = build_generator(7, 2, seed=0)
    generator.export(tmp_path / "generator", verbose=False)
    latent = np.random.default_rng(0).standard_normal((3, 7)).astype(np.float32)
    loaded = tf.saved_model.load(tmp_path / "generator")
    np.testing.assert_allclose(loaded.serve(latent), generator(latent), atol=1e-6)

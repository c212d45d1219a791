"""The space that nothing was trained for."""

import keras
import numpy as np
import pytest

from lungnet.errors import InputError
from lungnet.evaluation import random_features
from lungnet.evaluation.random_features import LAYERS, _draw_weights

WINDOW = (-1000.0, 400.0)
#: Three weights as they were drawn when the measure was made: others make another measure.
FIRST = [0.1096126064658165, -0.2928308844566345, 0.047098129987716675]


@pytest.fixture
def patches():
    return np.random.default_rng(0).integers(-1000, 400, (70, 40, 40)).astype(np.int16)


def test_equals_the_same_network_in_keras(patches):
    inputs = keras.Input((40, 40, 1))
    maps = inputs
    convolutions = []
    for channels, size, pool in LAYERS:
        convolutions.append(keras.layers.Conv2D(channels, size, activation="relu"))
        maps = keras.layers.AveragePooling2D(pool)(convolutions[-1](maps))
    network = keras.Model(inputs, keras.layers.Flatten()(maps))
    for layer, weights in zip(convolutions, _draw_weights(), strict=True):
        layer.set_weights(weights)
    unit = ((patches.astype(np.float32) + 1000) / 700 - 1)[..., None]
    expected = np.asarray(network(unit))
    found = random_features(patches, WINDOW)
    assert found.shape == expected.shape == (70, 256)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_they_are_the_same_in_every_run(patches):
    kernel, _ = _draw_weights()[0]
    np.testing.assert_allclose(kernel[0, :3, 0, 0], FIRST, rtol=1e-6)
    np.testing.assert_array_equal(random_features(patches, WINDOW), random_features(patches, WINDOW))
    np.testing.assert_allclose(
        random_features(patches, WINDOW)[:3], random_features(patches[:3], WINDOW), rtol=1e-5, atol=1e-6
    )


def test_texture_and_brightness_both_move_them(patches):
    flat = np.full((1, 40, 40), -300, np.int16)
    base = random_features(flat, WINDOW)
    for other in (flat + np.int16(300), patches[:1]):
        assert np.abs(random_features(other, WINDOW) - base).max() > 0.05


def test_values_outside_the_window_are_clipped():
    low, lower = (np.full((1, 40, 40), value, np.int16) for value in (-1000, -2000))
    np.testing.assert_array_equal(random_features(low, WINDOW), random_features(lower, WINDOW))


def test_bad_input_is_refused(patches):
    with pytest.raises(InputError, match="at least one patch"):
        random_features(patches[:0], WINDOW)
    with pytest.raises(ValueError, match="window_hu must be increasing"):
        random_features(patches, (400.0, -1000.0))

import keras
import numpy as np
import pytest

from lungnet.models import Distribution
from lungnet.models.reconstruction import CHUNK, reconstruction_error


@pytest.fixture
def half():
    """A model that gives back half of what it gets."""
    inputs = keras.Input((2,))
    dense = keras.layers.Dense(2, use_bias=False)
    model = keras.Model(inputs, dense(inputs))
    dense.set_weights([0.5 * np.eye(2)])
    model.compile(optimizer="sgd", loss="mean_squared_error", jit_compile=False)
    return model


def error(model, inputs):
    return reconstruction_error(Distribution().looks(model), inputs)


def test_error_by_hand(half):
    # (2 - 1)^2 = 1 and (4 - 2)^2 = 4 of four values, the others 0.
    assert error(half, np.array([[2.0, 0.0], [0.0, 4.0]], np.float32)) == pytest.approx(5 / 4)


def test_every_input_counts_the_same_however_they_are_parted(half):
    inputs = np.random.default_rng(0).random((CHUNK + 3, 2), np.float32)
    before = half.get_weights()[0].copy()
    assert error(half, inputs) == pytest.approx(np.mean((inputs / 2) ** 2), rel=1e-5)
    np.testing.assert_array_equal(half.get_weights()[0], before)


def test_no_inputs(half):
    with pytest.raises(ValueError, match="at least one"):
        error(half, np.zeros((0, 2), np.float32))

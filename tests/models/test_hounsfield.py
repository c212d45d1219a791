import keras
import numpy as np
import pytest

from lungnet.models import HounsfieldWindow, to_hounsfield, to_unit

WINDOW = (-1000.0, 400.0)


def test_by_hand():
    patches = np.array([[-32768, -1000, -650], [-300, 400, 32767]], np.int16)
    expected = [[0, 0, 0.25], [0.5, 1, 1]]
    np.testing.assert_allclose(to_unit(patches, WINDOW), expected, rtol=1e-6)
    layer = HounsfieldWindow(*WINDOW)
    np.testing.assert_allclose(layer(patches[None])[0, :, :, 0], expected, rtol=1e-6)


def test_layer_and_function_agree():
    patches = np.random.default_rng(0).integers(-1200, 700, (4, 40, 40)).astype(np.int16)
    unit = np.asarray(HounsfieldWindow(-1000, 400)(patches))
    assert unit.shape == (4, 40, 40, 1)
    assert unit.dtype == np.float32
    np.testing.assert_allclose(unit[..., 0], to_unit(patches, WINDOW), atol=1e-7)


def test_whole_units_within_the_window_come_back():
    every = np.arange(-1000, 401, dtype=np.int16)
    np.testing.assert_array_equal(to_hounsfield(to_unit(every, WINDOW), WINDOW), every)


def test_values_outside_the_unit_interval_are_clipped():
    assert to_hounsfield([-0.5, 1.5], WINDOW).tolist() == [-1000, 400]


def test_symbolic_int16_becomes_float32_and_the_layer_is_saved(tmp_path):
    patches = keras.Input((40, 40), dtype="int16")
    model = keras.Model(patches, HounsfieldWindow(-900, 300)(patches))
    assert model.output_shape == (None, 40, 40, 1)
    model.save(tmp_path / "window.keras")
    loaded = keras.models.load_model(tmp_path / "window.keras")
    hu = np.full((1, 40, 40), 0, np.int16)
    np.testing.assert_allclose(loaded(hu), 0.75, rtol=1e-6)


@pytest.mark.parametrize(
    "refuse", [lambda w: to_unit([0], w), lambda w: to_hounsfield([0], w), lambda w: HounsfieldWindow(*w)]
)
def test_a_window_must_increase(refuse):
    with pytest.raises(ValueError, match=r"must be increasing\. Received: window_hu=\(400"):
        refuse((400, -1000))

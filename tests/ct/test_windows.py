"""Axial windows."""

import numpy as np
import pytest

from lungnet.ct import OUTSIDE_HU, Volume, extract


@pytest.fixture(scope="module")
def volume() -> Volume:
    hu = np.random.default_rng(2).integers(-900, 900, (5, 60, 70)).astype(np.int16)
    return Volume(hu, (2.5, 0.7, 0.7), (0.0, 0.0, 0.0))


def slowly(volume: Volume, center, size: int) -> np.ndarray:
    """One window pixel by pixel; round() is half to even."""
    z, row, column = (round(float(c)) for c in center)
    window = np.full((size, size), OUTSIDE_HU, np.int16)
    for i in range(size):
        for j in range(size):
            place = (z, row - size // 2 + i, column - size // 2 + j)
            if all(0 <= p < side for p, side in zip(place, volume.hu.shape, strict=True)):
                window[i, j] = volume.hu[place]
    return window


def test_window_is_rows_minus_20_to_plus_19(volume):
    window = extract(volume, [(3, 30, 40)])
    assert window.dtype == np.int16 and window.shape == (1, 40, 40)
    assert np.array_equal(window[0], volume.hu[3, 10:50, 20:60])


def test_centres_are_rounded_half_to_even(volume):
    windows = extract(volume, [(0.5, 30.5, 31.5), (1.5, 29.5, 32.49)])
    assert np.array_equal(windows[0], volume.hu[0, 10:50, 12:52])
    assert np.array_equal(windows[1], volume.hu[2, 10:50, 12:52])


@pytest.mark.parametrize("size", [1, 7, 40, 64])
def test_any_centre_equals_pixel_by_pixel(volume, size):
    centers = np.random.default_rng(4).uniform((-2, -30, -30), (7, 90, 100), (60, 3))
    windows = extract(volume, centers, size)
    for window, center in zip(windows, centers, strict=True):
        assert np.array_equal(window, slowly(volume, center, size))


def test_far_outside_is_air(volume):
    assert (extract(volume, [(-1, 30, 30), (5, 30, 30), (0, 1e9, 0), (0, 0, -1e9)]) == -1000).all()


def test_no_centres_give_no_windows(volume):
    assert extract(volume, []).shape == (0, 40, 40)
    assert extract(volume, np.empty((0, 3))).shape == (0, 40, 40)


def test_windows_are_copies(volume):
    before = volume.hu.copy()
    extract(volume, [(2, 30, 30)])[...] = 0
    assert np.array_equal(volume.hu, before)


def test_refuses_other_shapes(volume):
    with pytest.raises(ValueError, match=r"shape \(n, 3\). Received: shape=\(3,\)"):
        extract(volume, (1, 2, 3))
    with pytest.raises(ValueError, match="must be finite"):
        extract(volume, [(0, np.nan, 1)])
    with pytest.raises(ValueError, match="size must be at least 1"):
        extract(volume, [(0, 1, 1)], size=0)

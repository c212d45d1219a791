import numpy as np
import pytest

from lungnet.phantom.fields import coarse_offsets, refine, smooth_noise


def test_offsets_lie_between_the_pixels_they_stand_for():
    # Four pixels of 0.5 mm a point: pixels 0..3 have their middle at 1.5, which is 0.75 mm from pixel 0.
    np.testing.assert_allclose(coarse_offsets(12, 0.5, 0.0), [0.75, 2.75, 4.75])


def test_refining_reproduces_what_is_linear():
    at = coarse_offsets(64, 1.0, 0.0)
    fine = refine(at[:, None] - 3 * at)
    pixels = np.arange(64.0)
    inner = slice(8, -8)  # towards the rim the nearest points are repeated
    np.testing.assert_allclose(fine[inner, inner], (pixels[:, None] - 3 * pixels)[inner, inner], atol=1e-4)
    assert fine.dtype == np.float32


def test_refining_keeps_a_constant_everywhere():
    np.testing.assert_allclose(refine(np.full((5, 7), 3.25, np.float32)), np.full((20, 28), 3.25))


def test_noise_has_unit_variance_and_is_smooth():
    noise = smooth_noise(np.random.default_rng(1), (40, 120, 120), (8, 20, 20))
    assert noise.dtype == np.float32
    assert noise.mean() == pytest.approx(0.0, abs=0.1)
    assert noise.std() == pytest.approx(1.0, abs=0.1)
    # Neighbours differ far less than independent values, whose difference has a deviation of 1.41.
    assert np.diff(noise, axis=2).std() < 0.4


def test_noise_over_a_single_slice():
    assert smooth_noise(np.random.default_rng(1), (1, 8, 8), (2, 2, 2)).shape == (1, 8, 8)

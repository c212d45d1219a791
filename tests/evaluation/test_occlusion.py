"""Occlusion of classifiers that are known."""

import numpy as np
import pytest
from scipy.special import expit

from lungnet.errors import InputError
from lungnet.evaluation import occlusion_maps

RNG = np.random.default_rng(5)
PATCHES_HU = RNG.integers(-1000, 400, (3, 12, 12)).astype(np.int16)


def test_a_linear_model_by_hand():
    # Windows that do not overlap: a pixel gets the sum of weight * (value - fill) over its window.
    weights = np.arange(16.0).reshape(4, 4)
    patch = np.array([[[1, 2, 0, 0], [3, 4, 0, 0], [0, 0, 0, 5], [0, 0, 0, 0]]], np.int16)
    found = occlusion_maps(lambda patches: (patches * weights).sum((1, 2)), patch, 2, 2, fill_hu=1)
    upper_left = 0 * 0 + 1 * 1 + 4 * 2 + 5 * 3
    upper_right = -(2 + 3 + 6 + 7)
    lower_left = -(8 + 9 + 12 + 13)
    lower_right = -(10 + 14 + 15) + 11 * 4
    expected = np.kron([[upper_left, upper_right], [lower_left, lower_right]], np.ones((2, 2)))
    np.testing.assert_allclose(found[0], expected)


def test_a_pixel_gets_the_mean_of_the_windows_over_it():
    # Windows of 2 at columns 0 and 1 of three: the middle column lies under both.
    patch = np.array([[[6, 0, 0], [0, 0, 2]]], np.int16)
    found = occlusion_maps(lambda patches: patches.sum((1, 2)), patch, 2, 1, fill_hu=0)
    np.testing.assert_allclose(found[0], [[6, 4, 2], [6, 4, 2]])


def test_the_last_window_reaches_the_edge():
    patch = np.zeros((1, 7, 7), np.int16)
    patch[0, 6, 6] = 9
    found = occlusion_maps(lambda patches: patches.sum((1, 2)), patch, 4, 4)
    assert found[0, 6, 6] > 0
    assert found[0, 0, 0] == 0


def test_covering_with_the_background_changes_nothing_where_there_is_nothing_else():
    flat = np.full((2, 12, 12), -850, np.int16)
    assert not occlusion_maps(lambda patches: patches.mean((1, 2)), flat).any()
    assert occlusion_maps(lambda patches: patches.mean((1, 2)), flat[:0]).shape == (0, 12, 12)


def test_covering_what_a_model_looks_at_lowers_its_probability_and_nothing_else_does():
    def looks_at_the_corner(patches: np.ndarray) -> np.ndarray:
        return expit((patches[:, :4, :4].mean((1, 2)) + 300) / 200)

    patches = np.full((2, 40, 40), -850, np.int16)
    patches[:, :4, :4] = 100
    found = occlusion_maps(looks_at_the_corner, patches)
    assert (found[:, :4, :4] > 0.8).all()
    assert not found[:, 8:].any()
    assert not found[:, :, 8:].any()


def test_patches_do_not_meddle_with_one_another():
    def score(patches: np.ndarray) -> np.ndarray:
        return np.square(patches.astype(float)).mean((1, 2))

    together = occlusion_maps(score, PATCHES_HU, 5, 2)
    alone = [occlusion_maps(score, PATCHES_HU[k : k + 1], 5, 2)[0] for k in range(3)]
    np.testing.assert_allclose(together, alone)


@pytest.mark.parametrize(
    ("window_px", "stride_px", "message"),
    [
        (13, 4, "must fit into a patch of 12 x 12"),
        (0, 1, "must fit"),
        (4, 5, "within 1 to 4"),
        (4, 0, "within"),
    ],
)
def test_windows_that_leave_pixels_out_are_refused(window_px, stride_px, message):
    with pytest.raises(InputError, match=message):
        occlusion_maps(lambda patches: patches.sum((1, 2)), PATCHES_HU, window_px, stride_px)

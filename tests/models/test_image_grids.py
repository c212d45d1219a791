import numpy as np
import pytest

from lungnet.models import image_grid, side_by_side
from lungnet.models.image_grids import GAP_PX, evenly_chosen


def test_grid_by_hand():
    grid = image_grid(np.array([[[0.1]], [[0.2]], [[2.0]]]), columns=2)
    expected = np.array([[0.1, 1, 0.2, 1], [1, 1, 1, 1], [1, 1, 1, 1], [1, 1, 1, 1]], np.float32)
    np.testing.assert_array_equal(grid[0, :, :, 0], expected)


def test_a_grid_needs_an_image():
    with pytest.raises(ValueError, match="at least one image"):
        image_grid(np.zeros((0, 4, 4)))


def test_groups_stand_side_by_side_with_a_gap_and_white_below_the_shorter():
    left, right = np.zeros((2, 1, 1)), np.full((1, 1, 1), 0.5)
    both = side_by_side(left, right, columns=1)
    assert both.shape == (1, 4, 2 + GAP_PX + 2, 1)
    np.testing.assert_array_equal(both[0, :, :2, 0], image_grid(left, 1)[0, :, :, 0])
    np.testing.assert_array_equal(both[0, :2, -2:, 0], image_grid(right, 1)[0, :, :, 0])
    assert (both[0, :, 2:-2] == 1.0).all()
    assert (both[0, 2:, -2:] == 1.0).all()


def test_one_group_is_a_grid():
    images = np.random.default_rng(0).random((5, 3, 2))
    np.testing.assert_array_equal(side_by_side(images), image_grid(images))


def test_chosen_images_reach_from_the_first_to_the_last():
    assert evenly_chosen(np.arange(10), 4).tolist() == [0, 3, 6, 9]
    assert evenly_chosen(np.arange(3), 4).tolist() == [0, 1, 2]
    assert evenly_chosen(np.arange(0), 4).tolist() == []

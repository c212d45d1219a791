"""Spheres in voxels."""

import numpy as np
import pytest

from lungnet.ct import Stack
from lungnet.serving import Detection
from lungnet.serving.dicom_seg import label_spheres

SHAPE = (9, 20, 30)


@pytest.fixture
def stack() -> Stack:
    """Voxels of 2 x 1 x 0.5 mm from (10, 20, 30)."""
    return Stack([], [], (2.0, 1.0, 0.5), (10.0, 20.0, 30.0), np.eye(3))


def at(zyx, diameter_mm):
    z, y, x = zyx
    return Detection((10 + 0.5 * x, 20 + y, 30 + 2 * z), diameter_mm, 0.5, "1.2")


def test_by_hand(stack):
    # Radius 1 mm about (4, 10, 15): one row up and down, two columns either way, no other slice (2 mm).
    slices, labels = label_spheres(stack, SHAPE, [at((4, 10, 15), 2.0)])
    assert slices == [4]
    assert labels.shape == (1, 20, 30)
    assert {tuple(place) for place in np.argwhere(labels[0])} == {
        *((10, x) for x in (13, 14, 15, 16, 17)),
        *((y, 15) for y in (9, 11)),
    }


def test_slices_are_touched_up_to_the_radius(stack):
    assert label_spheres(stack, SHAPE, [at((4, 10, 15), 3.99)])[0] == [4]
    assert label_spheres(stack, SHAPE, [at((4, 10, 15), 4.01)])[0] == [3, 4, 5]
    assert label_spheres(stack, SHAPE, [at((1, 10, 15), 4.01), at((6, 10, 15), 1.0)])[0] == [0, 1, 2, 6]


def test_a_sphere_between_voxels_holds_the_nearest_one(stack):
    slices, labels = label_spheres(stack, SHAPE, [at((4.4, 10.4, 15.4), 0.1)])
    assert slices == [4]
    assert np.argwhere(labels[0]).tolist() == [[10, 15]]


def test_spheres_at_the_border_are_cut(stack):
    slices, labels = label_spheres(stack, SHAPE, [at((0, 0, 0), 8.0), at((8, 19, 29), 8.0)])
    assert slices == [0, 1, 2, 6, 7, 8]
    assert labels[0, 0, 0] == 1
    assert labels[-1, -1, -1] == 2
    assert labels.max() == 2


def test_volume_and_all_voxels(stack):
    one = at((4.2, 9.7, 15.3), 9.0)
    slices, labels = label_spheres(stack, SHAPE, [one])
    z, y, x = np.meshgrid(*map(np.arange, SHAPE), indexing="ij")
    inside = np.sqrt(((x - 15.3) / 2) ** 2 + (y - 9.7) ** 2 + (2 * (z - 4.2)) ** 2) <= 4.5
    assert slices == np.flatnonzero(inside.any(axis=(1, 2))).tolist()
    assert np.array_equal(labels > 0, inside[slices])


def test_where_spheres_overlap_the_relatively_nearer_has_the_voxel(stack):
    # Radii of 4 and 2 mm about rows 5 and 9.3: the border lies where d1 / 4 = d2 / 2, at row 7.87.
    first, second = at((4, 5, 15), 8.0), at((4, 9.3, 15), 4.0)
    _, labels = label_spheres(stack, SHAPE, [first, second])
    assert labels[2, :, 15].tolist() == [0] + [1] * 7 + [2] * 4 + [0] * 8
    _, swapped = label_spheres(stack, SHAPE, [second, first])
    assert np.array_equal(np.array([0, 2, 1])[swapped], labels)


def test_a_sphere_within_another_keeps_its_middle_and_a_twin_has_nothing(stack):
    _, labels = label_spheres(stack, SHAPE, [at((4, 10, 15), 9.0), at((4, 11, 15), 1.0)])
    assert (labels == 2).sum() >= 1
    _, labels = label_spheres(stack, SHAPE, [at((4, 10, 15), 6.0)] * 2)
    assert set(np.unique(labels)) == {0, 1}

"""Morphology of stacks: by hand, and as SciPy does it plane by plane."""

import numpy as np
import pytest
from scipy import ndimage

from lungnet.ct.planes import close_by, dilate, erode, fill_holes, open_by

RADII = [1.0, 2.0, 2.5, 4.27, 6.0]


@pytest.fixture(scope="module")
def noise() -> np.ndarray:
    """Blobs of all sizes, some at the border; the planes differ."""
    rng = np.random.default_rng(3)
    smooth = ndimage.gaussian_filter(rng.normal(size=(4, 37, 52)), (0, 1.5, 1.5))
    return smooth > 0.05


def mask_of(*rows: str) -> np.ndarray:
    return np.array([[[letter == "#" for letter in row] for row in rows]])


def disk(radius: float) -> np.ndarray:
    y, x = np.ogrid[-int(radius) : int(radius) + 1, -int(radius) : int(radius) + 1]
    return np.hypot(y, x) <= radius


def test_a_disk_by_hand():
    point = np.zeros((1, 5, 7), bool)
    point[0, 2, 3] = True
    assert np.array_equal(
        dilate(point, 2.0), mask_of("...#...", "..###..", ".#####.", "..###..", "...#...")
    )  # (1, 2) is 2.24 away
    assert dilate(point, 2.24)[0].sum() == 13 + 8
    assert np.array_equal(erode(dilate(point, 2.0), 2.0, beyond=False), point)


def test_what_lies_beyond_the_border():
    full = np.ones((1, 3, 4), bool)
    assert erode(full, 1.0, beyond=True).all()
    assert np.array_equal(erode(full, 1.0, beyond=False), mask_of("....", ".##.", "...."))
    assert open_by(full, 1.0).all()  # a patient wider than the image goes on


def test_holes_by_hand():
    mask = mask_of("#####.", "#..#..", "#####.", ".#.##.", "..#...")
    filled = mask_of("#####.", "####..", "#####.", ".####.", "..#...")
    assert np.array_equal(fill_holes(mask), filled)
    one = mask_of("#####.", "#..#..", "#####.", ".####.", "..#...")
    assert np.array_equal(fill_holes(mask, largest=1), one)  # the hole of two pixels stays


@pytest.mark.parametrize("radius", RADII)
def test_as_scipy_does_it_plane_by_plane(noise, radius):
    for plane, wider, narrower, opened in zip(
        noise, dilate(noise, radius), erode(noise, radius, beyond=False), open_by(noise, radius), strict=True
    ):
        assert np.array_equal(wider, ndimage.binary_dilation(plane, disk(radius)))
        assert np.array_equal(narrower, ndimage.binary_erosion(plane, disk(radius)))
        reach = int(radius)
        continued = ndimage.binary_opening(np.pad(plane, reach, mode="edge"), disk(radius))
        assert np.array_equal(opened, continued[reach:-reach, reach:-reach])


@pytest.mark.parametrize("radius", RADII)
def test_closing_is_by_distance(noise, radius):
    for plane, closed in zip(noise, close_by(noise, radius), strict=True):
        padded = np.pad(plane, 10)
        near = ndimage.distance_transform_edt(~padded) <= radius
        expected = ndimage.distance_transform_edt(near) > radius
        assert np.array_equal(closed, expected[10:-10, 10:-10] | plane)


def test_holes_as_scipy_finds_them(noise):
    for plane, filled in zip(noise, fill_holes(noise), strict=True):
        assert np.array_equal(filled, ndimage.binary_fill_holes(plane))


def test_nothing_reaches_into_another_slice():
    mask = np.zeros((3, 9, 9), bool)
    mask[1, 4, 4] = True
    assert not dilate(mask, 3.0)[[0, 2]].any()
    ring = np.zeros((3, 9, 9), bool)
    ring[1, 2:7, 2:7] = True
    ring[1, 4, 4] = False
    assert fill_holes(ring).sum() == 25

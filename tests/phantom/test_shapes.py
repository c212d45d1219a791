import numpy as np
import pytest

from lungnet.phantom.shapes import capsule, cover, superellipse, union


def at(*values: float) -> np.ndarray:
    return np.array(values, np.float32)


def test_distance_to_a_circle_is_exact():
    distance = superellipse(at(0, 3, 6, 0), at(0, 4, 8, -5), 5.0, 5.0)
    np.testing.assert_allclose(distance, [-5, 0, 5, 0], atol=1e-4)


def test_distance_to_an_ellipse_is_exact_on_its_axes():
    np.testing.assert_allclose(superellipse(at(0, 0, 7), at(0, 3, 0), 4.0, 2.0), [-2, 1, 3], atol=1e-4)


def test_a_higher_power_fills_the_corners():
    assert superellipse(at(8), at(8), 10.0, 10.0, 2.0)[0] > 0 > superellipse(at(8), at(8), 10.0, 10.0, 4.0)[0]


def test_distance_to_a_capsule():
    # A line from (0, 0) to (10, 0), 2 thick: beside its middle, beyond its end, on it.
    distance = capsule(at(5, 14, 5), at(6, 3, 0), (0.0, 0.0), (10.0, 0.0), 2.0)
    np.testing.assert_allclose(distance, [4, 3, -2], atol=1e-6)


def test_union_takes_the_nearest_and_blending_only_adds():
    first, second = at(-1, 2, 0.5), at(3, -4, 0.5)
    np.testing.assert_array_equal(union(first, second), [-1, -4, 0.5])
    blended = union(first, second, blend_mm=2.0)
    assert (blended <= union(first, second)).all()
    # Where both are equally near, a quarter of the blending distance is added.
    assert blended[2] == pytest.approx(0.0)


def test_cover_is_half_on_the_surface():
    np.testing.assert_allclose(cover(at(-2, -0.25, 0, 0.5), 1.0), [1, 0.75, 0.5, 0])
    np.testing.assert_allclose(cover(at(-2, -0.25, 0, 0.5), -1.0), [0, 0.25, 0.5, 1])

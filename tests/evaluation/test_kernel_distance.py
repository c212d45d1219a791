"""KID: by hand, against scikit-learn, and what it must do."""

import numpy as np
import pytest
from sklearn.metrics.pairwise import polynomial_kernel

from lungnet.errors import InputError
from lungnet.evaluation import kernel_distance, squared_mmd


def test_by_hand():
    # Kernels (x y + 1)^3: within the reference 0, 1 it is 1; within 2, 3 it is 7^3; between 1, 1, 27, 64.
    assert squared_mmd([[0.0], [1.0]], [[2.0], [3.0]]) == pytest.approx(1 + 343 - 2 * (1 + 1 + 27 + 64) / 4)


def test_equals_scikit_learns_kernel_summed_in_loops():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(7, 5)), rng.normal(0.5, 1.0, size=(6, 5))
    k = {
        name: polynomial_kernel(a, b, degree=3, gamma=1 / 5, coef0=1)
        for name, a, b in (("xx", x, x), ("yy", y, y), ("xy", x, y))
    }
    expected = (
        np.mean([k["xx"][i, j] for i in range(7) for j in range(7) if i != j])
        + np.mean([k["yy"][i, j] for i in range(6) for j in range(6) if i != j])
        - 2 * k["xy"].mean()
    )
    assert squared_mmd(x, y) == pytest.approx(expected, rel=1e-12)


def test_it_has_no_bias():
    rng = np.random.default_rng(1)
    values = [squared_mmd(rng.normal(size=(12, 3)), rng.normal(size=(12, 3))) for _ in range(400)]
    assert abs(np.mean(values)) < 3 * np.std(values) / np.sqrt(len(values))
    assert min(values) < 0 < max(values)


def test_equal_samples_are_at_about_nothing_and_shifted_ones_farther_the_more_they_are_shifted():
    rng = np.random.default_rng(2)
    x, other = rng.normal(size=(300, 8)), rng.normal(size=(300, 8))
    same, floor, near, far = (
        kernel_distance(x, y, 50, 50).value for y in (x, other, other + 0.3, other + 1.0)
    )
    assert abs(same) < 0.1
    assert abs(floor) < 0.1
    assert max(same, floor) < near / 4 < far / 4


def test_the_mean_over_subsets_is_that_of_the_whole():
    rng = np.random.default_rng(3)
    x, y = rng.normal(size=(200, 4)), rng.normal(0.5, 1.0, size=(180, 4))
    found = kernel_distance(x, y, 60, 400, seed=5)
    assert (found.subset_size, found.subsets) == (60, 400)
    assert abs(found.value - squared_mmd(x, y)) < 4 * found.standard_error
    assert found == kernel_distance(x, y, 60, 400, seed=5)
    assert found != kernel_distance(x, y, 60, 400, seed=6)


def test_small_samples_make_small_subsets():
    x = np.random.default_rng(4).normal(size=(9, 2))
    found = kernel_distance(x, x + 1.0, 100, 10)
    assert found.subset_size == 4
    assert found.standard_error > 0


@pytest.mark.parametrize(
    ("reference", "tested", "message"),
    [
        (np.zeros((3, 2)), np.zeros((9, 2)), "reference must hold at least 4 patches. Received: 3"),
        (np.zeros((9, 2)), np.zeros((9, 3)), "same number of features. Received: 2 and 3"),
        (np.zeros((9, 2)), np.full((9, 2), np.nan), "tested must be finite"),
        (np.zeros(9), np.zeros((9, 1)), "reference must be two-dimensional"),
    ],
)
def test_what_is_no_sample_is_refused(reference, tested, message):
    with pytest.raises(InputError, match=message):
        kernel_distance(reference, tested)


def test_one_subset_has_no_spread():
    with pytest.raises(ValueError, match="must be at least 2"):
        kernel_distance(np.zeros((9, 2)), np.zeros((9, 2)), subsets=1)

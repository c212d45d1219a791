"""Precision, recall, density and coverage: by hand, against scikit-learn, and what they must do."""

import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors

from lungnet.errors import InputError
from lungnet.evaluation import manifold_metrics


def test_by_hand():
    # k = 1: radii of the real ones at 0, 1, 3, 10 are 1, 1, 2, 7; of the synthetic ones at 1.5, 2.5, 30
    # they are 1, 1, 27.5. 1.5 lies in the balls of 1 and 3, 2.5 in that of 3, 30 in none; 10 reaches 3.
    # The synthetic balls are [0.5, 2.5], [1.5, 3.5] and [2.5, 57.5]: 1, 3 and 10 lie in one.
    found = manifold_metrics([[0.0], [1.0], [3.0], [10.0]], [[1.5], [2.5], [30.0]], neighbours=1)
    assert found.precision == pytest.approx(2 / 3)
    assert found.recall == pytest.approx(3 / 4)
    assert found.density == pytest.approx(3 / 3)
    assert found.coverage == pytest.approx(2 / 4)


@pytest.mark.parametrize("neighbours", [1, 3, 5])
def test_equals_a_count_with_scikit_learn(neighbours):
    rng = np.random.default_rng(neighbours)
    real, fake = rng.normal(size=(40, 3)), rng.normal(0.4, 0.8, size=(30, 3))

    def radii(sample):
        # The first neighbour of a member is itself.
        return NearestNeighbors(n_neighbors=neighbours + 1).fit(sample).kneighbors(sample)[0][:, -1]

    def inside(point, members, reach):
        return [float(np.linalg.norm(point - m)) <= r for m, r in zip(members, reach, strict=True)]

    in_real = np.array([inside(f, real, radii(real)) for f in fake])
    in_fake = np.array([inside(r, fake, radii(fake)) for r in real])
    found = manifold_metrics(real, fake, neighbours)
    assert found.precision == pytest.approx(np.mean(in_real.any(axis=1)))
    assert found.recall == pytest.approx(np.mean(in_fake.any(axis=1)))
    assert found.density == pytest.approx(in_real.sum() / (neighbours * len(fake)))
    assert found.coverage == pytest.approx(np.mean(in_real.any(axis=0)))


def test_equal_samples_are_perfect():
    x = np.random.default_rng(0).normal(size=(60, 4))
    found = manifold_metrics(x, x, 5)
    assert (found.precision, found.recall, found.coverage) == (1.0, 1.0, 1.0)
    assert found.density >= 1.0  # each lies in its own ball, too


def test_a_shift_makes_all_four_worse():
    rng = np.random.default_rng(1)
    real, fake = rng.normal(size=(200, 4)), rng.normal(size=(200, 4))
    near, far = manifold_metrics(real, fake), manifold_metrics(real, fake + 2.0)
    for name in ("precision", "recall", "density", "coverage"):
        assert getattr(far, name) < getattr(near, name)


def test_a_single_good_patch_again_and_again_is_precise_and_covers_nothing():
    real = np.random.default_rng(2).normal(size=(100, 4))
    found = manifold_metrics(real, np.repeat(real[:1], 100, axis=0))
    assert found.precision == 1.0
    assert found.recall <= 0.01
    assert found.coverage < 0.2


def test_swapped_samples_swap_precision_and_recall():
    rng = np.random.default_rng(3)
    a, b = rng.normal(size=(50, 3)), rng.normal(0.5, 1.0, size=(50, 3))
    one, other = manifold_metrics(a, b), manifold_metrics(b, a)
    assert (one.precision, one.recall) == (other.recall, other.precision)


def test_too_few_are_refused():
    with pytest.raises(InputError, match=r"more than neighbours=5 patches\. Received: 9 and 5"):
        manifold_metrics(np.zeros((9, 2)), np.zeros((5, 2)))
    with pytest.raises(ValueError, match="neighbours must be at least 1"):
        manifold_metrics(np.zeros((9, 2)), np.zeros((9, 2)), 0)

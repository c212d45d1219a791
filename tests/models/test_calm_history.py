import numpy as np
import pytest

from lungnet.models.calm_history import CalmHistory, IntraClusterVariance


def test_variance_by_hand():
    """Means (1, 0) and (5, 1): squared distances 1, 1, 1, 1."""
    x = np.array([[0.0, 0.0], [2.0, 0.0], [5.0, 0.0], [5.0, 2.0]], np.float32)
    variance = IntraClusterVariance(x)
    assert variance(np.array([0, 0, 1, 1])) == pytest.approx(1.0)
    assert variance(np.zeros(4, np.int64)) == pytest.approx(np.square(x - x.mean(axis=0)).sum() / 4)
    assert variance(np.arange(4)) == pytest.approx(0.0)


def test_the_names_of_clusters_do_not_matter_and_a_finer_division_never_varies_more():
    rng = np.random.default_rng(0)
    x = rng.random((60, 5)).astype(np.float32) + 100.0  # far from the origin: no digits may be lost
    coarse, finer = rng.integers(0, 2, 60), rng.integers(0, 2, 60)
    variance = IntraClusterVariance(x)
    assert variance(coarse) == pytest.approx(variance(5 - coarse))
    assert variance(2 * coarse + finer) < variance(coarse)
    expected = np.mean(
        [
            np.square(r - x[coarse == c].mean(axis=0, dtype=float)).sum()
            for r, c in zip(x, coarse, strict=True)
        ]
    )
    assert variance(coarse) == pytest.approx(expected, rel=1e-6)


def test_the_history_is_a_copy():
    history = CalmHistory(loss=[1.0])
    history.to_dict()["loss"].append(2.0)
    assert history.loss == [1.0]

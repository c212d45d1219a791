import numpy as np
import pytest

from lungnet.export.cluster_ramps import ClusterRamps, cluster_ramps
from lungnet.models import dissimilarity


def differences(ramps: ClusterRamps, x: np.ndarray) -> np.ndarray:
    """d_l - d_0, `(n, clusters - 1)`, as `ClusterRamps` defines it."""
    within = np.minimum(np.maximum(x[:, None] - ramps.low, 0), ramps.span)
    return (within * ramps.weight).sum(axis=-1) + ramps.constant


def test_by_hand():
    # d_0 = 2 |x - 3| + |y - 0|, d_1 = 2 |x - 1| + |y - 4|
    ramps = cluster_ramps([[3.0, 0.0], [1.0, 4.0]], [2.0, 1.0])
    np.testing.assert_array_equal(ramps.low, [[1.0, 0.0]])
    np.testing.assert_array_equal(ramps.span, [[2.0, 4.0]])
    np.testing.assert_array_equal(ramps.weight, [[4.0, -2.0]])
    np.testing.assert_array_equal(ramps.constant, [0.0])
    x = np.array([[2.0, 2.0], [1.0, 4.0], [9.0, 9.0]], np.float32)
    np.testing.assert_array_equal(differences(ramps, x)[:, 0], [0.0, -8.0, 0.0])


@pytest.mark.parametrize("clusters", [2, 3, 5])
@pytest.mark.parametrize("signed", [False, True])
def test_equal_to_differences_of_dissimilarities(clusters, signed):
    rng = np.random.default_rng([clusters, signed])
    centers = np.maximum(rng.normal(0, 1, (clusters, 40)), 0).astype(np.float32)  # some features agree
    importance = rng.normal(0, 1, 40) if signed else rng.random(40)
    x = np.maximum(rng.normal(0, 2, (200, 40)), 0).astype(np.float32)
    distance = dissimilarity(x.astype(np.float64), centers, importance)
    np.testing.assert_allclose(
        differences(cluster_ramps(centers, importance), x), distance[:, 1:] - distance[:, :1], atol=1e-4
    )


def test_a_feature_in_which_centers_agree_says_nothing():
    ramps = cluster_ramps([[2.0, 5.0], [2.0, 5.0]], [1.0, 1.0])
    np.testing.assert_array_equal(differences(ramps, np.array([[-1.0, 70.0]])), [[0.0]])

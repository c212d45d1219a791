import numpy as np
import pytest

from lungnet.models.dissimilarity import (
    clustering_objective,
    dissimilarity,
    tensor_dissimilarity,
    total_dissimilarity,
)


def test_weighted_distance_by_hand():
    x = [[0.0, 0.0, 1.0], [2.0, -1.0, 0.0]]
    centers = [[0.0, 0.0, 0.0], [2.0, 1.0, 0.0]]
    # |differences| . (1, 0.5, 4): first sample (0, 0, 1) and (2, 1, 1), second (2, 1, 0) and (0, 2, 0)
    assert dissimilarity(x, centers, [1.0, 0.5, 4.0]).tolist() == [[4.0, 6.5], [2.5, 1.0]]


def test_signed_importance_may_be_negative():
    assert dissimilarity([[3.0, 0.0]], [[0.0, 0.0]], [-1.0, 1.0]).tolist() == [[-3.0]]


def test_objective_takes_the_nearest_centre():
    # Dissimilarities 1 and 9, 4 and 6, 8 and 2, each times 0.5.
    assert clustering_objective([[1.0], [4.0], [8.0]], [[0.0], [10.0]], [0.5]) == 3.5


def test_chunks_change_nothing():
    rng = np.random.default_rng(0)
    x, centers, importance = rng.random((2500, 7)), rng.random((3, 7)), rng.random(7)
    expected = (np.abs(x[:, None] - centers[None]) * importance).sum(-1)
    np.testing.assert_allclose(dissimilarity(x, centers, importance), expected, rtol=1e-12)


def test_float32_stays_float32_and_a_sample_is_at_no_distance_from_itself():
    x = np.random.default_rng(1).random((4, 5), np.float32)
    result = dissimilarity(x, x, np.ones(5, np.float32))
    assert result.dtype == np.float32
    assert np.diag(result).tolist() == [0.0] * 4
    np.testing.assert_array_equal(result, result.T)


def test_the_graph_computes_the_same():
    rng = np.random.default_rng(2)
    x, centers, importance = (
        rng.random((6, 9), np.float32),
        rng.random((3, 9), np.float32),
        rng.normal(size=9).astype(np.float32),
    )
    found = np.stack([np.asarray(d) for d in tensor_dissimilarity(x, centers, importance)], axis=1)
    np.testing.assert_allclose(found, dissimilarity(x, centers, importance), rtol=1e-5, atol=1e-6)


def test_totals_by_ranks_equal_totals_by_pairs():
    rng = np.random.default_rng(3)
    members = rng.integers(0, 4, (40, 6)).astype(np.float32)  # many ties
    members[:, 2] = 1.5  # a dead unit
    candidates = np.concatenate([members[:5], rng.normal(size=(3, 6)).astype(np.float32)])
    importance = rng.normal(size=6)
    importance[4] = 0.0
    expected = dissimilarity(members, candidates, importance).sum(axis=0)
    np.testing.assert_allclose(
        total_dissimilarity(candidates, members, importance), expected, rtol=1e-9, atol=1e-9
    )


@pytest.mark.parametrize(
    ("x", "centers", "importance"),
    [
        (np.zeros((2, 3)), np.zeros((2, 4)), np.zeros(3)),
        (np.zeros((2, 3)), np.zeros((2, 3)), np.zeros(2)),
        (np.zeros(3), np.zeros((2, 3)), np.zeros(3)),
    ],
)
def test_shapes_that_do_not_fit_are_refused(x, centers, importance):
    with pytest.raises(ValueError, match=r"must have the shapes .* Received: "):
        dissimilarity(x, centers, importance)

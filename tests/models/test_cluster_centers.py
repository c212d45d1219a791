from typing import get_args

import numpy as np
import pytest

from lungnet.config import CalmConfig
from lungnet.errors import InputError
from lungnet.models.cluster_centers import CENTER_RULES, choose_centers, initial_centers, out_of_bag_error

CONFIG = CalmConfig(trees=30)


@pytest.fixture(scope="module")
def two_groups() -> tuple[np.ndarray, np.ndarray]:
    """60 samples about (0, 0) and 60 about (9, 0), the latter's first one mislabelled as of the former."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(120, 2)).astype(np.float32)
    x[60:, 0] += 9
    assignment = np.repeat([0, 1], 60)
    assignment[60] = 0
    return x, assignment


def test_initial_centers_are_different_samples():
    x = np.array([[1.0], [1.0], [1.0], [2.0], [1.0]], np.float32)
    centers = initial_centers(x, 2, np.random.default_rng(0))
    assert sorted(centers[:, 0].tolist()) == [1.0, 2.0]
    with pytest.raises(InputError, match="hold 2 different samples; expected at least 3"):
        initial_centers(x, 3, np.random.default_rng(0))


def test_initial_centers_depend_on_the_generator_alone():
    x = np.random.default_rng(1).random((50, 3))
    first, again, other = (initial_centers(x, 2, np.random.default_rng(s)) for s in (4, 4, 5))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_a_misfit_has_the_largest_error(two_groups):
    x, assignment = two_groups
    error = out_of_bag_error(x, assignment, CONFIG, seed=0)
    assert ((error >= 0) & (error <= 1)).all()
    assert np.argmax(error) == 60
    assert error[60] > 0.8
    assert np.median(error) < 0.05


def test_errors_are_scikit_learns(two_groups):
    from sklearn.ensemble import RandomForestClassifier

    x, assignment = two_groups
    forest = RandomForestClassifier(30, max_samples=40, oob_score=True, random_state=3).fit(x, assignment)
    expected = 1 - forest.oob_decision_function_[np.arange(120), assignment]
    found = out_of_bag_error(x, assignment, CalmConfig(trees=30, forest_samples=40), seed=3)
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_a_sample_without_a_vote_counts_as_wrong(two_groups):
    x, assignment = two_groups
    error = out_of_bag_error(x, assignment, CalmConfig(trees=1, forest_samples=0), seed=0)
    assert (error == 1.0).mean() > 0.5  # a full bootstrap sample leaves about 37 % to vote on


def test_errors_repeat_and_follow_the_seed(two_groups):
    x, assignment = two_groups
    first, again, other = (out_of_bag_error(x, assignment, CONFIG, seed=s) for s in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


MEMBERS = np.array([[0.0], [1.0], [2.0], [10.0]])  # total dissimilarities 13, 11, 11, 27


@pytest.mark.parametrize(
    ("error", "row"),
    [
        ([0.1, 0.2, 0.3, 0.0], 3),  # the least error, however far out
        ([0.0, 0.2, 0.0, 0.0], 2),  # among equal errors the most central one
        ([0.0, 0.0, 0.0, 0.0], 1),  # among equally central ones the first
    ],
)
def test_the_papers_rule(error, row):
    assert CENTER_RULES["forest"](MEMBERS, np.array(error), MEMBERS[1], np.ones(1), 20) == row


@pytest.mark.parametrize(
    ("error", "center", "candidates", "row"),
    [
        ([0.1, 0.2, 0.3, 0.0], 10.0, 2, 0),  # of the two best samples the more central one
        ([0.1, 0.2, 0.3, 0.0], 10.0, 20, 1),  # of all samples the most central one
        ([0.1, 0.2, 0.3, 0.0], 10.0, 1, None),  # no better than the present centre
        ([0.1, 0.2, 0.3, 0.0], 1.5, 20, None),  # a present centre that is as central stays
    ],
)
def test_best_of_forest(error, center, candidates, row):
    found = CENTER_RULES["best_of_forest"](
        MEMBERS, np.array(error), np.array([center]), np.ones(1), candidates
    )
    assert found == row


def test_every_rule_of_the_configuration_exists():
    assert set(CENTER_RULES) == set(get_args(CalmConfig.model_fields["center_rule"].annotation))


def test_centers_are_members_of_their_clusters(two_groups):
    x, assignment = two_groups
    centers = choose_centers(x, assignment, np.zeros((2, 2), np.float32), np.ones(2), CONFIG, 0)
    for cluster in (0, 1):
        assert (x[assignment == cluster] == centers[cluster]).all(axis=1).any()
    assert centers[0, 0] < 4.5 < centers[1, 0]


def test_a_cluster_without_members_keeps_its_centre(two_groups):
    x, assignment = two_groups
    present = np.full((3, 2), 7.0, np.float32)
    centers = choose_centers(x, assignment, present, np.ones(2), CONFIG, 0)
    assert centers[2].tolist() == [7.0, 7.0]
    alone = choose_centers(x, np.zeros(120, np.int64), present, np.ones(2), CONFIG, 0)
    np.testing.assert_array_equal(alone, present)

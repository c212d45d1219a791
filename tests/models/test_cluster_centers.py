from typing import get_args

import numpy as np
import pytest

from lungnet.config import CalmConfig
from lungnet.errors import InputError
from lungnet.models.cluster_centers import (
    CENTER_RULES,
    Clustering,
    choose_centers,
    initial_centers,
    out_of_bag_error,
)
from lungnet.models.dissimilarity import clustering_objective, dissimilarity

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
    centers = initial_centers(x, 2, seed=0)
    assert sorted(centers[:, 0].tolist()) == [1.0, 2.0]
    with pytest.raises(InputError, match="hold 2 different samples; expected at least 3"):
        initial_centers(x, 3, seed=0)


def test_initial_centers_depend_on_the_seed_alone():
    x = np.random.default_rng(1).random((50, 3))
    first, again, other = (initial_centers(x, 2, seed=s) for s in (4, 4, 5))
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


MEMBERS = [0.0, 1.0, 2.0, 10.0]  # total dissimilarities 13, 11, 11, 27


def one_dimensional(values, assignment, error, centers) -> Clustering:
    """Samples with one feature that counts as it is."""
    column = np.array(values, np.float32)[:, None]
    return Clustering(
        column, np.array(assignment), np.array(error, float), np.array(centers, float)[:, None], np.ones(1)
    )


def chosen(now: Clustering, seed: int = 0, **config) -> list[float]:
    return choose_centers(now, CalmConfig(**config), seed)[:, 0].tolist()


@pytest.mark.parametrize(
    ("error", "center"),
    [
        ([0.1, 0.2, 0.3, 0.0], 10.0),  # the least error, however far out
        ([0.0, 0.2, 0.0, 0.0], 2.0),  # among equal errors the most central one
        ([0.0, 0.0, 0.0, 0.0], 1.0),  # among equally central ones the first
    ],
)
def test_the_papers_rule_with_ties_broken(error, center):
    now = one_dimensional([*MEMBERS, 50.0], [0, 0, 0, 0, 1], [*error, 0.9], [5.0, 6.0])
    assert chosen(now) == [center, 50.0]


def test_the_letter_breaks_no_ties():
    now = one_dimensional([*MEMBERS, 50.0], [0, 0, 0, 0, 1], [0.0, 0.2, 0.0, 0.0, 0.9], [5.0, 6.0])
    found = [chosen(now, seed, center_rule="any_of_forest") for seed in range(30)]
    assert {first for first, _ in found} == {0.0, 2.0, 10.0}
    assert {second for _, second in found} == {50.0}
    assert found == [chosen(now, seed, center_rule="any_of_forest") for seed in range(30)]


# Two clusters of three, the forest sure of two members of each: [0, 1, 2] and [10, 11, 14].
SIX = ([0.0, 1.0, 2.0, 10.0, 11.0, 14.0], [0, 0, 0, 1, 1, 1])


@pytest.mark.parametrize(
    ("error", "centers", "found"),
    [
        # 1 and 11 are the most central: objective 2 + 4 instead of 3 + 7.
        ([0.0, 0.0, 0.5, 0.5, 0.0, 0.0], [0.0, 14.0], [1.0, 11.0]),
        # The forest does not know 1 and 11 well, and 0 is no better than 2, nor 14 than 10.
        ([0.0, 0.5, 0.0, 0.0, 0.5, 0.0], [2.0, 10.0], [2.0, 10.0]),
        # Both centres in one cluster: 11 is worth more to the other one than 1 to either.
        ([0.0, 0.0, 0.5, 0.5, 0.0, 0.0], [0.0, 2.0], [11.0, 1.0]),
        # A present centre that is no sample, but better than any, stays.
        ([0.0, 0.0, 0.0, 0.0, 0.0, 0.0], [1.0, 11.0], [1.0, 11.0]),
    ],
)
def test_best_of_forest_by_hand(error, centers, found):
    assert chosen(one_dimensional(*SIX, error, centers), center_rule="best_of_forest") == found


def test_an_empty_cluster_gets_a_centre_that_helps():
    now = one_dimensional([*MEMBERS, 30.0], [0, 0, 0, 0, 2], np.zeros(5), [1.0, 99.0, 30.0])
    assert chosen(now, center_rule="best_of_forest") == [1.0, 10.0, 30.0]


def test_few_candidates_reach_from_the_centre_to_the_rim():
    """Of 0 ... 10 two candidates are 5, the most central, and 0, the first of the most remote."""
    values = [*range(11), 100.0]
    now = one_dimensional(values, [0] * 11 + [1], np.zeros(12), [3.0, 100.0])
    assert chosen(now, center_rule="best_of_forest", center_candidates=2) == [5.0, 100.0]
    alone = now._replace(centers=np.array([[5.0], [101.0]]))
    assert chosen(alone, center_rule="best_of_forest", center_candidates=1) == [5.0, 100.0]


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("seed", range(20))
def test_the_objective_never_rises_under_one_importance(seed, signed):
    """And it falls with the assignment that follows, until neither moves: within few rounds."""
    rng = np.random.default_rng(seed)
    x = rng.gamma(0.5, size=(150, 7)).astype(np.float32)
    importance = rng.normal(size=7) if signed else rng.random(7)
    config = CalmConfig(center_rule="best_of_forest", trees=5, clusters=3, center_candidates=5)
    centers = initial_centers(x, 3, seed)
    before, objectives = None, [clustering_objective(x, centers, importance)]
    for _ in range(40):
        assignment = dissimilarity(x, centers, importance).argmin(axis=1)
        if before is not None and (assignment == before).all():
            break
        before = assignment
        error = out_of_bag_error(x, assignment, config, seed=0)
        centers = choose_centers(Clustering(x, assignment, error, centers, importance), config, seed=0)
        objectives.append(clustering_objective(x, centers, importance))
    else:
        pytest.fail("the assignment does not settle")
    assert np.all(np.diff(objectives) <= 1e-9 * np.abs(objectives[1:]))
    assert objectives[-1] < objectives[0]


def test_the_letter_may_raise_the_objective():
    """So that the property above is one of the rule, not of the problem."""
    now = one_dimensional([*MEMBERS, 50.0], [0, 0, 0, 0, 1], [0.1, 0.2, 0.3, 0.0, 0.0], [1.0, 50.0])
    before = clustering_objective(now.features, now.centers, now.importance)
    after = clustering_objective(now.features, choose_centers(now, CalmConfig(), 0), now.importance)
    assert (before, after) == (11.0, 27.0)


def test_every_rule_of_the_configuration_exists():
    assert set(CENTER_RULES) == set(get_args(CalmConfig.model_fields["center_rule"].annotation))


@pytest.mark.parametrize("rule", ["forest", "any_of_forest"])
def test_centers_are_members_of_their_clusters(two_groups, rule):
    x, assignment = two_groups
    error = out_of_bag_error(x, assignment, CONFIG, seed=0)
    now = Clustering(x, assignment, error, np.full((3, 2), 7.0, np.float32), np.ones(2))
    centers = choose_centers(now, CONFIG.model_copy(update={"center_rule": rule}), 0)
    for cluster in (0, 1):
        assert (x[assignment == cluster] == centers[cluster]).all(axis=1).any()
    assert centers[0, 0] < 4.5 < centers[1, 0]
    assert centers[2].tolist() == [7.0, 7.0]  # without members it keeps its centre

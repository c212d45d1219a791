"""Average precision: by hand, against scikit-learn, and its properties."""

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from lungnet.errors import InputError
from lungnet.evaluation import average_precision
from lungnet.evaluation.average_precision import RankedPrecision


def test_four_patches_by_hand():
    # The first positive is the first called, the second the third: precision 1 and 2 / 3.
    assert average_precision([1, 0, 1, 0], [0.9, 0.6, 0.5, 0.1]) == pytest.approx((1 + 2 / 3) / 2)


def test_ties_are_called_together_by_hand():
    # One positive at 0.9; at 0.5 the other one comes with two negatives, so that 2 of 4 are right.
    assert average_precision([1, 0, 1, 0, 0], [0.9, 0.5, 0.5, 0.5, 0.1]) == pytest.approx((1 + 2 / 4) / 2)


def test_both_prevalences_by_hand():
    # A positive, a negative, a positive, two negatives. Balanced, a negative weighs 2 / 3 of a positive.
    y = np.array([1, 0, 1, 0, 0], bool)
    ranked = RankedPrecision(y, np.array([0.9, 0.8, 0.7, 0.2, 0.1]), np.arange(5))
    measured = ranked.measure(np.ones((1, 5)))
    assert measured.own[0] == pytest.approx((1 + 2 / 3) / 2)
    assert measured.balanced[0] == pytest.approx((1 + 2 / (2 + 2 / 3)) / 2)


@pytest.mark.parametrize("digits", [1, 2, 15])
def test_equals_scikit_learn_with_ties_and_weights(digits):
    rng = np.random.default_rng(digits)
    y = rng.integers(0, 2, 500)
    p = np.round(rng.random(500), digits)
    weights = rng.random(500) * rng.integers(0, 3, 500)
    assert average_precision(y, p) == pytest.approx(average_precision_score(y, p), abs=1e-12)
    expected = average_precision_score(y, p, sample_weight=weights)
    assert average_precision(y, p, weights) == pytest.approx(expected, abs=1e-12)


def test_many_weightings_at_once_are_each_its_own(scored):
    y, p, groups = scored
    codes = np.unique(groups, return_inverse=True)[1]
    weights = np.random.default_rng(0).integers(0, 3, (5, codes.max() + 1)).astype(float)
    measured = RankedPrecision(y.astype(bool), p, codes).measure(weights)
    for row, each in enumerate(weights):
        assert measured.own[row] == pytest.approx(average_precision(y, p, each[codes]), abs=1e-12)
        share = np.where(y == 1, 1.0 / (each[codes] @ y), 1.0 / (each[codes] @ (1 - y)))
        expected = average_precision(y, p, each[codes] * share)
        assert measured.balanced[row] == pytest.approx(expected, abs=1e-12)


def test_all_alike_gives_the_prevalence():
    assert average_precision([1, 0, 0, 0, 1], [0.5] * 5) == pytest.approx(2 / 5)


@pytest.mark.parametrize("weights", [[1, 0], [0, 1]])
def test_a_class_without_weight_has_none(weights):
    assert np.isnan(average_precision([0, 1], [0.2, 0.8], weights))


def test_probabilities_outside_zero_and_one_are_refused():
    with pytest.raises(InputError, match=r"probabilities must lie in \[0, 1\]"):
        average_precision([0, 1], [0.2, 1.8])

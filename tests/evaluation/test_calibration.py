"""Reliability and expected calibration error, by hand."""

import numpy as np
import pytest
from sklearn.calibration import calibration_curve

from lungnet.evaluation import expected_calibration_error, reliability


def test_four_points_by_hand():
    # Bin 1 holds 0.15, 0.15 with half positive: gap 0.35. Bins 8 and 9 hold a positive each: gaps 0.15, 0.05.
    error = expected_calibration_error([0, 1, 1, 1], [0.15, 0.15, 0.85, 0.95])
    assert error == pytest.approx((2 * 0.35 + 0.15 + 0.05) / 4, abs=1e-12)


def test_edges_belong_to_the_bin_above_and_one_to_the_last():
    y = [0, 1, 0, 1, 0]
    bins = reliability(y, [0.0, 0.1, 0.3, 0.7, 1.0])
    assert [each.patches for each in bins] == [1, 1, 0, 1, 0, 0, 0, 1, 0, 1]
    assert bins[2].mean_probability is None
    assert bins[2].positive_fraction is None
    assert (bins[3].low, bins[3].high) == (0.3, 0.4)


def test_equals_scikit_learn_bin_by_bin():
    rng = np.random.default_rng(3)
    p = rng.random(300)
    y = rng.random(300) < p**2
    fractions, probabilities = calibration_curve(y, p, n_bins=10)
    bins = reliability(y, p)
    assert [each.positive_fraction for each in bins] == pytest.approx(fractions.tolist())
    assert [each.mean_probability for each in bins] == pytest.approx(probabilities.tolist())


def test_certainty_that_is_always_right_has_no_error():
    assert expected_calibration_error([0, 1, 1], [0.0, 1.0, 1.0]) == 0.0


def test_certainty_that_is_always_wrong_has_error_one():
    assert expected_calibration_error([0, 1], [1.0, 0.0]) == 1.0

"""Differences between two classifiers on the same patches."""

import numpy as np
import pytest

from lungnet.errors import InputError
from lungnet.evaluation import Estimate, classification_report, paired_difference, roc_auc


def ends(estimate: Estimate) -> tuple[float, float]:
    """Both ends of an interval that must be there."""
    assert estimate.low is not None
    assert estimate.high is not None
    return estimate.low, estimate.high


def test_the_same_classifier_does_not_differ(scored):
    y, p, groups = scored
    difference = paired_difference(y, p, p, groups).difference
    assert (difference.value, difference.low, difference.high) == (0.0, 0.0, 0.0)


def test_value_is_a_less_b_and_swapping_changes_the_sign(scored):
    y, p, groups = scored
    worse = np.clip(p + np.random.default_rng(5).normal(0.0, 0.3, len(p)), 0.0, 1.0)
    forth = paired_difference(y, p, worse, groups).difference
    back = paired_difference(y, worse, p, groups).difference
    assert forth.value == pytest.approx(roc_auc(y, p) - roc_auc(y, worse))
    low, high = ends(forth)
    assert low > 0.0
    assert (back.value or 0.0) + (forth.value or 0.0) == pytest.approx(0.0, abs=1e-12)
    assert ends(back) == pytest.approx((-high, -low))


def test_pairing_narrows_the_interval(scored):
    y, p, groups = scored
    almost = np.clip(p + np.random.default_rng(6).normal(0.0, 0.02, len(p)), 0.0, 1.0)
    paired = ends(paired_difference(y, p, almost, groups).difference)
    single = ends(classification_report(y, p, groups).auc)
    assert paired[1] - paired[0] < 0.3 * (single[1] - single[0])


def test_thresholds_are_each_classifiers_own():
    y, p = [0, 0, 1, 1], [0.1, 0.2, 0.3, 0.4]
    result = paired_difference(y, p, p, None, "accuracy", threshold_a=0.25, threshold_b=0.5, resamples=20)
    assert result.difference.value == 0.5
    assert result.interval_unit == "patch"
    assert result.to_json()["metric"] == "accuracy"


def test_bad_input_is_named():
    with pytest.raises(InputError, match=r"p_b must lie in \[0, 1\]"):
        paired_difference([0, 1], [0.1, 0.2], [0.1, 2.0], None)
    with pytest.raises(ValueError, match=r"metric must be one of accuracy, .* Received: 'roc'"):
        paired_difference([0, 1], [0.1, 0.2], [0.1, 0.2], None, "roc")

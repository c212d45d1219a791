"""Precision against recall at another prevalence: by hand, and by scikit-learn's weights."""

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import average_precision_score, precision_recall_curve, precision_score

from lungnet.errors import InputError
from lungnet.evaluation import at_prevalence, classification_report, curve_at
from lungnet.hashing import stable_id

LUNA16 = 1351 / 551_065


def weights_for(y, prevalence):
    """What each patch weighs in a set of that prevalence."""
    share = y.mean()
    return np.where(y == 1, prevalence / share, (1 - prevalence) / (1 - share))


def test_by_hand():
    # Called at 0.5: one of two positives, one of four negatives. At 1 in 5: 0.1 of 0.1 + 0.2.
    y, p = [1, 1, 0, 0, 0, 0], [0.9, 0.3, 0.6, 0.2, 0.1, 0.1]
    found = at_prevalence(y, p, None, 0.5, 0.2, resamples=10)
    assert found.precision.value == pytest.approx(1 / 3)
    # Not called: one of two positives, three of four negatives.
    assert found.negative_predictive_value.value == pytest.approx(0.6 / (0.6 + 0.1))
    # Precision 1 up to a recall of 1/2, then (both positives, 1/4 of the negatives) 0.2 / (0.2 + 0.2).
    assert found.average_precision.value == pytest.approx(0.5 * 1 + 0.5 * 0.5)
    assert found.false_positives == 1
    # One of four: the exact interval ends where a chance of F leaves 2.5 % for one or none.
    most = stats.binomtest(1, 4).proportion_ci(0.95, "exact").high
    assert found.least_precision == pytest.approx(0.1 / (0.1 + 0.8 * most))


@pytest.mark.parametrize("prevalence", [LUNA16, 0.1, 0.5, 0.9])
def test_weights_of_scikit_learn_give_the_same(scored, prevalence):
    y, p, groups = scored
    weights = weights_for(y, prevalence)
    found = at_prevalence(y, p, groups, 0.45, prevalence, resamples=10)
    expected = average_precision_score(y, p, sample_weight=weights)
    assert found.average_precision.value == pytest.approx(expected, rel=1e-9)
    called = p >= 0.45
    assert found.precision.value == pytest.approx(precision_score(y, called, sample_weight=weights))
    expected = precision_score(1 - y, ~called, sample_weight=weights)
    assert found.negative_predictive_value.value == pytest.approx(expected)
    precision, recall, thresholds = precision_recall_curve(y, p, sample_weight=weights)
    curve = curve_at(y, p, prevalence)
    np.testing.assert_allclose(curve.thresholds[::-1], thresholds)
    np.testing.assert_allclose(curve.precision[::-1], precision[:-1])
    np.testing.assert_allclose(curve.recall[::-1], recall[:-1], atol=1e-12)


def test_the_own_prevalence_is_the_set_as_it_is(scored):
    y, p, groups = scored
    found = at_prevalence(y, p, groups, 0.45, float(y.mean()), resamples=10)
    assert found.average_precision.value == pytest.approx(average_precision_score(y, p))


def test_precision_falls_with_the_prevalence(scored):
    y, p, groups = scored
    shares = {"rare": LUNA16, "own": float(y.mean()), "balanced": 0.5}
    found = {name: at_prevalence(y, p, groups, 0.45, share, resamples=100) for name, share in shares.items()}
    for name in ("precision", "average_precision"):
        values = [getattr(found[key], name).value for key in shares]
        assert values == sorted(values) and values[0] < 0.2 * values[2]
    for each in found.values():
        low, value, high = each.precision.low, each.precision.value, each.precision.high
        assert low is not None and value is not None and high is not None
        assert low < value < high
        assert each.least_precision is not None and each.least_precision < value


def test_intervals_are_those_of_resampled_groups():
    """Five resamples, each scored by scikit-learn on the patches that were drawn."""
    rng = np.random.default_rng(0)
    y = (rng.random(120) < 0.4).astype(int)
    p = np.round(np.clip(0.3 * y + 0.5 * rng.random(120), 0, 1), 1)
    groups = np.repeat(np.arange(12), 10)
    found = at_prevalence(y, p, groups, 0.5, 0.02, resamples=5, confidence=0.5)
    drawn = np.random.default_rng([0, stable_id("bootstrap")]).integers(12, size=(5, 12))
    values = []
    for chosen in drawn:
        rows = np.concatenate([np.flatnonzero(groups == group) for group in chosen])
        values.append(average_precision_score(y[rows], p[rows], sample_weight=weights_for(y[rows], 0.02)))
    low, high = np.quantile(values, [0.25, 0.75])
    assert (found.average_precision.low, found.average_precision.high) == pytest.approx((low, high))


def test_no_false_positive_is_no_proof_of_precision():
    y, p = [1] * 10 + [0] * 90, [0.9] * 10 + [0.1] * 90
    found = at_prevalence(y, p, None, 0.5, LUNA16, resamples=10)
    assert (found.precision.value, found.precision.low) == (1.0, 1.0)
    # 90 negatives without a call: up to 4 % may be called.
    assert found.least_precision == pytest.approx(LUNA16 / (LUNA16 + (1 - LUNA16) * (1 - 0.025 ** (1 / 90))))
    assert found.least_precision is not None and found.least_precision < 0.06


def test_nothing_or_everything_is_called_positive():
    y, p = [1, 1, 0, 0], [0.4, 0.3, 0.2, 0.1]
    nothing = at_prevalence(y, p, None, 0.5, 0.5, resamples=10)
    assert (nothing.precision.value, nothing.least_precision) == (None, None)
    assert nothing.negative_predictive_value.value == 0.5
    everything = at_prevalence(y, p, None, 0.0, 0.5, resamples=10)
    assert (everything.precision.value, everything.least_precision) == (0.5, 0.5)
    assert everything.negative_predictive_value.value is None


def test_balanced_intervals_are_the_report_s(scored):
    y, p, groups = scored
    found = at_prevalence(y, p, groups, 0.45, 0.5, resamples=100)
    report = classification_report(y, p, groups, 0.45, resamples=100)
    for name in ("precision", "average_precision"):
        ours, theirs = getattr(found, name), report.balanced[name]
        assert (ours.value, ours.low, ours.high) == pytest.approx((theirs.value, theirs.low, theirs.high))


def test_refusals(scored):
    y, p, groups = scored
    with pytest.raises(ValueError, match=r"prevalence must lie between 0 and 1. Received: 1.0"):
        at_prevalence(y, p, groups, 0.5, 1.0)
    with pytest.raises(ValueError, match=r"Received: 0"):
        curve_at(y, p, 0)
    with pytest.raises(InputError, match="threshold must lie in"):
        at_prevalence(y, p, groups, 1.5, 0.5)

"""DeLong's intervals: by hand, from the definition, against resampling, scipy and scikit-learn."""

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import roc_auc_score

from lungnet.errors import InputError
from lungnet.evaluation import delong_auc, delong_difference, paired_difference
from lungnet.evaluation.bootstrap import plan_resampling
from lungnet.evaluation.metrics import draw
from lungnet.evaluation.scorer import Scorer


def two_readers(count=400, seed=0, decimals=2):
    """Labels and the probabilities of a better and a worse classifier that err on the same patches."""
    rng = np.random.default_rng(seed)
    y = (rng.random(count) < 0.3).astype(int)
    shared = rng.normal(0, 1, count)
    a = stats.norm.cdf(0.9 * y - 0.5 + 0.7 * shared + 0.5 * rng.normal(0, 1, count))
    b = stats.norm.cdf(0.6 * y - 0.5 + 0.7 * shared + 0.5 * rng.normal(0, 1, count))
    return y, np.round(a, decimals), np.round(b, decimals)


def covariance_from_the_definition(y, *classifiers):
    """Covariance of the AUCs `(k, k)`: all pairs one by one, equations 4 to 6 of the paper."""
    first, second = [], []
    for p in classifiers:
        positives, negatives = p[y == 1], p[y == 0]
        psi = np.array([[1.0 if x > z else 0.5 if x == z else 0.0 for z in negatives] for x in positives])
        first.append(psi.mean(axis=1))
        second.append(psi.mean(axis=0))
    return np.cov(first) / len(first[0]) + np.cov(second) / len(second[0])


def test_by_hand():
    # Positives 0.4, 0.8 and negatives 0.2, 0.4, 0.6: pairs 1 + 1/2 + 0 and 1 + 1 + 1, 4.5 of 6.
    # Placements of the positives 1/2, 1 (variance 1/8), of the negatives 1, 3/4, 1/2 (variance 1/16).
    found = delong_auc([1, 1, 0, 0, 0], [0.4, 0.8, 0.2, 0.4, 0.6])
    assert found.value == 0.75
    assert found.standard_error == pytest.approx(np.sqrt(1 / 8 / 2 + 1 / 16 / 3))
    assert found.high == 1.0  # 0.75 + 1.96 * 0.289 would lie beyond
    assert found.low == pytest.approx(0.75 - 1.959964 * found.standard_error)


def test_variance_is_that_of_the_definition():
    y, a, b = two_readers(150)
    covariance = covariance_from_the_definition(y, a, b)
    assert delong_auc(y, a).standard_error == pytest.approx(np.sqrt(covariance[0, 0]), rel=1e-10)
    difference = delong_difference(y, a, b)
    variance = covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1]
    assert difference.standard_error == pytest.approx(np.sqrt(variance), rel=1e-10)
    assert difference.p_value == pytest.approx(2 * stats.norm.sf(abs(difference.value) / np.sqrt(variance)))
    assert covariance[0, 1] > 0.3 * covariance[0, 0]  # and the correlation plays its part


def test_values_are_those_of_scipy_and_scikit_learn():
    y, a, b = two_readers()
    u = stats.mannwhitneyu(a[y == 1], a[y == 0]).statistic
    assert delong_auc(y, a).value == pytest.approx(u / (y.sum() * (1 - y).sum()), rel=1e-12)
    assert delong_auc(y, a).value == pytest.approx(roc_auc_score(y, a), rel=1e-12)
    expected = roc_auc_score(y, a) - roc_auc_score(y, b)
    assert delong_difference(y, a, b).value == pytest.approx(expected, rel=1e-9)


def test_the_bootstrap_over_patches_agrees():
    y, a, b = two_readers(1200, decimals=6)
    plan = plan_resampling(np.arange(1200), 0, confidence=0.95, resamples=2000, min_groups=10, seed=1)
    samples = draw(Scorer(y == 1, a, 0.5, plan.codes, plan.units), plan).own["auc"]
    found = delong_auc(y, a)
    assert found.standard_error == pytest.approx(samples.std(), rel=0.06)
    np.testing.assert_allclose([found.low, found.high], np.quantile(samples, [0.025, 0.975]), atol=0.004)
    difference = delong_difference(y, a, b)
    resampled = paired_difference(y, a, b, None, resamples=2000).difference
    assert difference.value == pytest.approx(resampled.value)
    assert difference.low == pytest.approx(resampled.low, abs=0.004)
    assert difference.high == pytest.approx(resampled.high, abs=0.004)
    assert difference.high - difference.low > 0.03  # against which 0.004 is little


def test_intervals_cover_what_they_promise():
    """Of 400 sets of 120 patches drawn from one truth, 95 % of the intervals hold its AUC."""
    truth = stats.norm.cdf(1.0 / np.sqrt(2.0))
    held = 0
    for seed in range(400):
        rng = np.random.default_rng(seed)
        y = np.arange(120) % 2
        found = delong_auc(y, stats.norm.cdf(rng.normal(y, 1.0)))
        held += found.low <= truth <= found.high
    assert 0.92 <= held / 400 <= 0.98


def test_the_order_of_patches_and_the_scale_of_scores_play_no_part():
    y, a, b = two_readers()
    order = np.random.default_rng(3).permutation(len(y))
    moved = delong_difference(y[order], a[order] ** 3, b[order])
    assert moved.value == pytest.approx(delong_difference(y, a, b).value)
    assert moved.standard_error == pytest.approx(delong_difference(y, a, b).standard_error)
    assert delong_difference(y, b, a).value == pytest.approx(-moved.value)


def test_nothing_to_tell_apart():
    same = delong_difference([0, 0, 1, 1], [0.1, 0.6, 0.4, 0.9], [0.1, 0.6, 0.4, 0.9])
    assert (same.value, same.standard_error, same.p_value) == (0.0, 0.0, 1.0)
    opposite = delong_difference([0, 0, 1, 1], [0.1, 0.2, 0.8, 0.9], [0.9, 0.8, 0.2, 0.1])
    assert (opposite.value, opposite.standard_error, opposite.p_value) == (1.0, 0.0, 0.0)
    assert delong_auc([0, 0, 1, 1], [0.1, 0.2, 0.8, 0.9]).low == 1.0


def test_refusals():
    with pytest.raises(InputError, match=r"at least 2 patches of each class. Received: 1"):
        delong_auc([0, 0, 1], [0.1, 0.2, 0.3])
    with pytest.raises(InputError, match="p_b must lie in"):
        delong_difference([0, 0, 1, 1], [0.1] * 4, [0.1, 0.2, 0.3, np.nan])
    with pytest.raises(ValueError, match=r"confidence must lie between 0 and 1. Received: 95"):
        delong_auc([0, 0, 1, 1], [0.1, 0.2, 0.3, 0.4], confidence=95)

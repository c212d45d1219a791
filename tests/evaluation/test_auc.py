"""AUC: by hand, against scikit-learn, and its symmetries."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from lungnet.errors import InputError
from lungnet.evaluation import roc_auc


def test_four_points_with_a_tie_by_hand():
    # Pairs (positive, negative): 0.5 > 0.1, 0.5 = 0.5, 0.9 > 0.1, 0.9 > 0.5, hence 3.5 of 4.
    assert roc_auc([0, 0, 1, 1], [0.1, 0.5, 0.5, 0.9]) == 3.5 / 4


def test_weights_by_hand():
    # The positive of weight 3 lies below the negative, the one of weight 1 above it.
    assert roc_auc([1, 0, 1], [0.2, 0.5, 0.8], weights=[3, 7, 1]) == 0.25


@pytest.mark.parametrize("digits", [1, 2, 15])
def test_equals_scikit_learn_with_ties_and_weights(digits):
    rng = np.random.default_rng(digits)
    y = rng.integers(0, 2, 500)
    p = np.round(rng.random(500), digits)
    weights = rng.random(500) * rng.integers(0, 3, 500)
    assert roc_auc(y, p) == pytest.approx(roc_auc_score(y, p), abs=1e-12)
    expected = roc_auc_score(y, p, sample_weight=weights)
    assert roc_auc(y, p, weights) == pytest.approx(expected, abs=1e-12)


def test_mirrored_scores_mirror_the_area(scored):
    y, p, _ = scored
    assert roc_auc(y, 1.0 - p) == pytest.approx(1.0 - roc_auc(y, p), abs=1e-12)
    assert roc_auc(1 - y, p) == pytest.approx(1.0 - roc_auc(y, p), abs=1e-12)


def test_whole_weights_are_repetitions(scored):
    y, p, _ = scored
    times = np.random.default_rng(0).integers(0, 4, len(y))
    assert roc_auc(y, p, times) == pytest.approx(roc_auc(np.repeat(y, times), np.repeat(p, times)), abs=1e-12)


def test_a_class_without_weight_has_no_area():
    assert np.isnan(roc_auc([0, 1], [0.2, 0.8], weights=[1, 0]))


def test_negative_weights_are_refused():
    with pytest.raises(InputError, match=r"weights must be 2 finite numbers of at least 0"):
        roc_auc([0, 1], [0.2, 0.8], weights=[1, -1])

"""Measures at a threshold: by hand, against scikit-learn, and after reweighting."""

import numpy as np
import pytest
from sklearn import metrics as sk

from lungnet.errors import InputError
from lungnet.evaluation import weighted_metrics
from lungnet.evaluation.scorer import Scorer, threshold_metrics


def test_confusion_of_ten_by_hand():
    values = threshold_metrics(*(np.array([float(n)]) for n in (3, 1, 4, 2)))
    expected = {
        "accuracy": 7 / 10,
        "precision": 3 / 4,
        "recall": 3 / 5,
        "f1": 6 / 9,
        "specificity": 4 / 5,
        "balanced_accuracy": 7 / 10,
    }
    assert {name: value[0] for name, value in values.items()} == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("threshold", [0.3, 0.5])
def test_equals_scikit_learn(scored, weighted, threshold):
    y, p, _ = scored
    weights = np.random.default_rng(1).random(len(y)) if weighted else None
    values = weighted_metrics(y, p, threshold, weights)
    called = p >= threshold
    how = {"sample_weight": weights}
    expected = {
        "accuracy": sk.accuracy_score(y, called, **how),
        "precision": sk.precision_score(y, called, **how),
        "recall": sk.recall_score(y, called, **how),
        "f1": sk.f1_score(y, called, **how),
        "auc": sk.roc_auc_score(y, p, **how),
        "specificity": sk.recall_score(1 - y, ~called, **how),
        "balanced_accuracy": sk.balanced_accuracy_score(y, called, **how),
        "average_precision": sk.average_precision_score(y, p, **how),
        "brier": sk.brier_score_loss(y, p, **how),
    }
    assert values == pytest.approx(expected, abs=1e-12)


def test_the_threshold_itself_is_positive():
    assert weighted_metrics([0, 1], [0.2, 0.5], 0.5)["recall"] == 1.0


def test_fifty_fifty_is_what_weights_make_of_it(scored):
    y, p, _ = scored
    weights = np.where(y == 1, 1.0 / y.sum(), 1.0 / (1 - y).sum())
    expected = weighted_metrics(y, p, 0.4, weights)
    scorer = Scorer(y.astype(bool), p, 0.4, np.arange(len(y)), len(y))
    balanced = scorer.score(np.ones((1, len(y)))).balanced
    assert {name: value[0] for name, value in balanced.items()} == pytest.approx(
        {name: expected[name] for name in balanced}, abs=1e-12
    )


def test_precision_without_a_positive_call_is_undefined_and_f1_is_zero():
    values = weighted_metrics([0, 1], [0.2, 0.3], 0.9)
    assert np.isnan(values["precision"])
    assert values["f1"] == values["recall"] == 0.0


@pytest.mark.parametrize("threshold", [-0.1, 1.1, float("nan"), float("inf")])
def test_thresholds_outside_zero_and_one_are_refused(threshold):
    with pytest.raises(InputError, match=r"threshold must lie in \[0, 1\]"):
        weighted_metrics([0, 1], [0.2, 0.3], threshold)

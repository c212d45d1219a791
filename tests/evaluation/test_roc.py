"""Curves: by hand and against scikit-learn."""

import numpy as np
import pytest
from sklearn import metrics as sk

from lungnet.errors import InputError
from lungnet.evaluation import precision_recall_curve, roc_auc, roc_curve


def test_roc_of_four_points_by_hand():
    curve = roc_curve([0, 0, 1, 1], [0.1, 0.5, 0.5, 0.9])
    # One positive, then a tied pair at once, then the last negative.
    assert curve.false_positive_rate.tolist() == [0.0, 0.0, 0.5, 1.0]
    assert curve.true_positive_rate.tolist() == [0.0, 0.5, 1.0, 1.0]
    assert curve.thresholds.tolist() == [np.inf, 0.9, 0.5, 0.1]


def test_points_on_a_line_are_left_out_and_the_area_stays(scored):
    y, p, _ = scored
    curve = roc_curve(y, p)
    area = np.trapezoid(curve.true_positive_rate, curve.false_positive_rate)
    assert area == pytest.approx(roc_auc(y, p), abs=1e-12)
    assert len(roc_curve([0, 0, 0, 1, 1], [0.1, 0.2, 0.3, 0.8, 0.9]).thresholds) == 3


def test_roc_corners_are_scikit_learns(scored):
    y, p, _ = scored
    curve = roc_curve(y, p)
    false, true, thresholds = sk.roc_curve(y, p, drop_intermediate=False)
    expected = {(round(a, 12), round(b, 12), c) for a, b, c in zip(false, true, thresholds, strict=True)}
    points = zip(
        curve.false_positive_rate.round(12), curve.true_positive_rate.round(12), curve.thresholds, strict=True
    )
    assert set(points) <= expected


def test_precision_and_recall_are_scikit_learns(scored):
    y, p, _ = scored
    curve = precision_recall_curve(y, p)
    precision, recall, thresholds = sk.precision_recall_curve(y, p)
    assert curve.thresholds[::-1] == pytest.approx(thresholds)
    assert curve.precision[::-1] == pytest.approx(precision[:-1])
    assert curve.recall[::-1] == pytest.approx(recall[:-1])


def test_one_class_has_no_curve():
    with pytest.raises(InputError, match="both classes"):
        roc_curve([1, 1], [0.2, 0.3])

"""Calibrations side by side: measures against scikit-learn, and none that saw what it is judged on."""

from typing import Any

import numpy as np
import pytest
from scipy.special import expit
from sklearn import metrics as sklearn_metrics

from lungnet.errors import InputError
from lungnet.evaluation import (
    best_on_validation,
    classification_report,
    compare_calibrations,
    expected_calibration_error,
    log_loss,
)
from lungnet.models import CALIBRATION_METHODS, CalibrationMethod, fit_calibration

ALL: dict[str, Any] = {"resamples": 50}


def overconfident(count, seed):
    """Labels, and logits three times as sure as they should be, with a third of the odds of a positive."""
    rng = np.random.default_rng(seed)
    truth = rng.normal(-0.5, 1.5, count)
    return (rng.random(count) < expit(truth)).astype(int), 3 * (truth + np.log(3))


def compared(count=2000):
    y, logits = overconfident(count, 1)
    return y, logits, compare_calibrations(y, logits, None, *overconfident(3000, 2), **ALL)


def test_before_is_the_sigmoid_and_after_is_better():
    _, logits, found = compared()
    assert tuple(found) == CALIBRATION_METHODS
    np.testing.assert_array_equal(found["none"].probabilities, expit(logits))
    for method in ("platt", "isotonic"):
        assert found[method].ece < 0.05 < 0.2 < found["none"].ece
        assert found[method].brier.high < found["none"].brier.low
        assert found[method].log_loss.high < found["none"].log_loss.low
    # A temperature cannot shift the odds: it mends a part.
    assert found["platt"].log_loss.value < found["temperature"].log_loss.value < found["none"].log_loss.value


def test_measures_are_scikit_learn_s():
    y, _, found = compared()
    for one in found.values():
        assert one.brier.value == pytest.approx(sklearn_metrics.brier_score_loss(y, one.probabilities))
        assert one.log_loss.value == pytest.approx(sklearn_metrics.log_loss(y, one.probabilities))
        assert one.ece == expected_calibration_error(y, one.probabilities)


def test_fitted_on_validation_alone():
    y, logits, found = compared()
    validation = overconfident(3000, 2)
    for method, one in found.items():
        expected = fit_calibration(method, validation[1], validation[0])(logits)
        np.testing.assert_array_equal(one.probabilities, expected)
    # Other evaluation labels change what is measured, and nothing that is fitted or chosen.
    turned = compare_calibrations(1 - y, logits, None, *validation, **ALL)
    for method, one in found.items():
        np.testing.assert_array_equal(turned[method].probabilities, one.probabilities)
        assert turned[method].validation_log_loss == one.validation_log_loss
    assert best_on_validation(turned) == best_on_validation(found) == "platt"


def test_cross_validation_does_not_fall_for_a_fit_to_noise():
    """On few samples isotonic regression fits best, and promises most that it cannot keep."""
    optimism: dict[CalibrationMethod, list[float]] = {"isotonic": [], "platt": []}
    y, evaluation_logits = overconfident(20, 99)
    for seed in range(8):
        labels, logits = overconfident(50, seed)
        found = compare_calibrations(y, evaluation_logits, None, labels, logits, resamples=1)
        for method, gaps in optimism.items():
            cross_validated = found[method].validation_log_loss
            assert cross_validated is not None
            fitted = log_loss(labels, fit_calibration(method, logits, labels)(logits))
            gaps.append(cross_validated - fitted)
    assert np.mean(optimism["isotonic"]) > 1.5 * np.mean(optimism["platt"]) > 0


def test_few_validation_samples_are_not_parted():
    y, logits = overconfident(100, 0)
    found = compare_calibrations(y, logits, None, [0] * 20 + [1] * 9, np.arange(29.0), **ALL)
    assert {one.validation_log_loss for one in found.values()} == {None}
    assert best_on_validation(found) is None
    assert found["platt"].to_json()["validation_log_loss"] is None


def test_intervals_are_over_groups():
    y, logits = overconfident(200, 3)
    validation = overconfident(300, 2)
    groups = np.repeat(np.arange(20), 10)
    apart = compare_calibrations(y, logits, groups, *validation, **ALL)["platt"].brier
    one_group_each = compare_calibrations(y, logits, np.arange(200), *validation, **ALL)["platt"].brier
    assert apart.value == one_group_each.value and apart.low != one_group_each.low
    p = compare_calibrations(y, logits, groups, *validation, **ALL)["platt"].probabilities
    expected = classification_report(y, p, groups, **ALL).brier
    assert (apart.low, apart.high) == pytest.approx((expected.low, expected.high))


def test_log_loss_by_hand_and_of_certainty():
    assert log_loss([0, 1], [0.5, 0.25]) == pytest.approx((np.log(2) + np.log(4)) / 2)
    assert log_loss([0, 1], [1.0, 1.0]) == pytest.approx(-np.log(1e-12) / 2)


def test_refusals():
    with pytest.raises(InputError, match=r"logits must be finite numbers, one for each of the 2 labels"):
        compare_calibrations([0, 1], [0.0, np.inf], None, [0, 1], [0.0, 1.0])
    with pytest.raises(InputError, match="both classes"):
        compare_calibrations([0, 1], [0.0, 1.0], None, [1, 1], [0.0, 1.0])
    with pytest.raises(InputError, match="Validation logits and labels must be of one length"):
        compare_calibrations([0, 1], [0.0, 1.0], None, [0, 1], [0.0, 1.0, 2.0])

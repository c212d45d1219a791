import json
from dataclasses import asdict

import numpy as np
import pytest
from scipy.special import expit
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.frozen import FrozenEstimator
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from lungnet.errors import InputError
from lungnet.models.calibration import (
    CALIBRATION_METHODS,
    Calibration,
    fit_calibration,
    fit_isotonic,
    fit_platt,
    fit_temperature,
)


class _Scores(ClassifierMixin, BaseEstimator):
    """A scikit-learn classifier whose decision is its only feature."""

    def fit(self, x, y):
        self.classes_ = np.unique(y)
        return self

    def decision_function(self, x):
        return x[:, 0]

    def predict(self, x):
        return (x[:, 0] > 0).astype(int)


def test_platt_recovers_what_made_the_labels():
    rng = np.random.default_rng(0)
    logits = rng.normal(3.0, 50.0, 40_000)
    labels = rng.random(40_000) < expit(0.04 * logits - 0.5)
    found = fit_platt(logits, labels.astype(int))
    assert found.method == "platt"
    assert found.scale == pytest.approx(0.04, rel=0.05)
    assert found.shift == pytest.approx(-0.5, abs=0.05)


def test_it_is_the_maximum_of_the_likelihood():
    logits, labels = np.array([-2.0, -1.0, 0.5, 1.0, 3.0, -0.5]), np.array([0, 0, 1, 0, 1, 1])
    target = np.where(labels == 1, 4 / 5, 1 / 5)  # three of each

    def loss(scale, shift):
        p = expit(scale * logits + shift)
        return -(target * np.log(p) + (1 - target) * np.log(1 - p)).sum()

    found = fit_platt(logits, labels)
    for step in (-1e-3, 1e-3):
        assert loss(found.scale, found.shift) < loss(found.scale + step, found.shift)
        assert loss(found.scale, found.shift) < loss(found.scale, found.shift + step)


def test_separable_samples_give_the_smoothed_targets():
    # Two logits can meet Platt's targets exactly: 3/4 for two positives, 1/5 for three negatives.
    found = fit_platt([-1.0, -1.0, -1.0, 1.0, 1.0], [0, 0, 0, 1, 1])
    np.testing.assert_allclose(found([-1.0, 1.0]), [0.2, 0.75], atol=1e-5)


def test_one_sample_of_each_and_constant_logits_are_finite():
    assert np.isfinite(fit_platt([-1.0, 1.0], [0, 1])([-1.0, 1.0])).all()
    constant = fit_platt([2.0, 2.0, 2.0, 2.0], [0, 0, 0, 1])
    # one positive of four: targets 2/3 once, 1/5 three times
    np.testing.assert_allclose(constant([2.0]), [(2 / 3 + 3 / 5) / 4], atol=1e-5)


def test_the_order_is_never_turned_round():
    found = fit_platt([3.0, 2.0, 1.0, -1.0, -2.0, -3.0], [0, 0, 0, 1, 1, 1])
    assert found.scale > 0
    np.testing.assert_allclose(found([-3.0, 3.0]), [0.5, 0.5], atol=0.01)


def test_no_calibration_is_the_sigmoid():
    assert Calibration()([0.0, np.log(3.0)]).tolist() == pytest.approx([0.5, 0.75])


def curved(count, seed):
    """Logits and the probabilities they stand for: right up to 0, too sure beyond; no scale fits both."""
    logits = np.random.default_rng(seed).normal(0.0, 2.5, count)
    return logits, expit(np.where(logits < 0, 1.0, 0.4) * logits)


CURVED_LOGITS, _probabilities = curved(3000, 3)
CURVED_LABELS = (np.random.default_rng(4).random(3000) < _probabilities).astype(int)


def test_platt_is_scikit_learn_s():
    """Its `_SigmoidCalibration` has Platt's targets too, and minimises by other means."""
    frozen = FrozenEstimator(_Scores().fit(CURVED_LOGITS[:, None], CURVED_LABELS))
    theirs = CalibratedClassifierCV(frozen, method="sigmoid").fit(CURVED_LOGITS[:, None], CURVED_LABELS)
    at = np.linspace(-8, 8, 33)
    expected = theirs.predict_proba(at[:, None])[:, 1]
    np.testing.assert_allclose(fit_platt(CURVED_LOGITS, CURVED_LABELS)(at), expected, atol=1e-4)


def test_temperature_is_scikit_learn_s():
    """A logistic regression without intercept, on each sample twice, weighted by its targets."""
    positives = int(CURVED_LABELS.sum())
    high, low = (positives + 1) / (positives + 2), 1 / (3000 - positives + 2)
    target = np.where(CURVED_LABELS == 1, high, low)
    theirs = LogisticRegression(C=np.inf, fit_intercept=False, tol=1e-10).fit(
        np.concatenate([CURVED_LOGITS, CURVED_LOGITS])[:, None],
        np.repeat([1, 0], 3000),
        sample_weight=np.concatenate([target, 1 - target]),
    )
    found = fit_temperature(CURVED_LOGITS, CURVED_LABELS)
    assert (found.method, found.shift, found.knots) == ("temperature", 0.0, ())
    assert found.scale == pytest.approx(theirs.coef_[0, 0], rel=1e-5)


def test_temperature_recovers_what_made_the_labels():
    rng = np.random.default_rng(0)
    logits = rng.normal(0.0, 50.0, 40_000)
    labels = rng.random(40_000) < expit(logits / 25)
    assert fit_temperature(logits, labels.astype(int)).scale == pytest.approx(1 / 25, rel=0.05)


def test_isotonic_by_hand():
    # Targets 1/5 and 4/5 (three of each): pools {-2, -1}: 1/5, {0, 1}: 1/2, {3, 4}: 4/5.
    logits = np.array([-2.0, -1.0, 0.0, 1.0, 3.0, 4.0])
    found = fit_isotonic(logits, [0, 0, 1, 0, 1, 1])
    np.testing.assert_allclose(found.knots, [-1.0, 0.0, 1.0, 3.0])
    tilt = 0.01 / logits.std()
    assert found.scale == pytest.approx(tilt)
    # Flat but for the tilt within pools, straight between them, and no end to it beyond.
    at = np.array([-9.0, -2.0, -1.0, -0.5, 0.0, 1.0, 2.0, 3.0, 4.0, 9.0])
    pools = np.log([1 / 4, 1 / 4, 1 / 4, 1 / 2, 1, 1, 2, 4, 4, 4])
    np.testing.assert_allclose(found.log_odds(at), pools + tilt * (at - logits.mean()))


def test_isotonic_pools_are_scikit_learn_s():
    """Where no rise between two pools reaches into them, and but for the tilt."""
    theirs = IsotonicRegression().fit(CURVED_LOGITS, CURVED_LABELS).predict(CURVED_LOGITS)
    found = fit_isotonic(CURVED_LOGITS, CURVED_LABELS)
    low, high = 1 / ((CURVED_LABELS == 0).sum() + 2), (CURVED_LABELS.sum() + 1) / (CURVED_LABELS.sum() + 2)
    expected = low + (high - low) * theirs
    rising = np.searchsorted(found.knots, CURVED_LOGITS) % 2 == 1
    assert rising.mean() < 0.2
    np.testing.assert_allclose(found(CURVED_LOGITS)[~rising], expected[~rising], atol=0.01)
    assert abs(found(CURVED_LOGITS).mean() - CURVED_LABELS.mean()) < 0.003


def test_isotonic_keeps_the_order_and_follows_a_curve():
    found = fit_isotonic(CURVED_LOGITS, CURVED_LABELS)
    at = np.sort(np.concatenate([np.linspace(-30, 30, 4001), found.knots]))
    rises = np.diff(found.log_odds(at))[np.diff(at) > 1e-6] / np.diff(at)[np.diff(at) > 1e-6]
    assert rises.min() > 0
    assert rises.max() < 20.02 / CURVED_LOGITS.std()
    logits, truth = curved(20_000, 9)
    errors = {
        method: np.mean((fit_calibration(method, CURVED_LOGITS, CURVED_LABELS)(logits) - truth) ** 2)
        for method in CALIBRATION_METHODS
    }
    assert min(errors, key=errors.__getitem__) == "isotonic"
    assert errors["isotonic"] < 0.6 * errors["platt"] < 0.6 * errors["none"]


def test_a_pool_of_one_sample_does_not_move_its_neighbours():
    """The highest sample alone is positive beyond a large pool; half of that pool is no surer for it."""
    logits = np.concatenate([np.linspace(-1.0, 1.0, 400), [1.5]])
    labels = np.append(np.arange(400) % 5 == 2, True).astype(int)  # one in five, all along
    found = fit_isotonic(logits, labels)
    np.testing.assert_allclose(found(np.linspace(-0.8, 0.9, 18)), 0.2, atol=0.02)
    assert found([1.5])[0] > 0.98


def test_isotonic_rises_no_faster_than_can_be_rounded():
    # One billionth between the classes: a line through both would be a step.
    found = fit_isotonic([-1.0, -1e-9, 1e-9, 1.0], [0, 0, 1, 1])
    rounded = found(np.array([-1e-6, 1e-6]))
    assert abs(rounded[1] - rounded[0]) < 1e-4
    np.testing.assert_allclose(found([-1.0, 0.0, 1.0]), [1 / 4, 1 / 2, 3 / 4], atol=0.005)


def test_rises_that_would_overlap_become_one():
    # Three pools within a millionth: shares 1/5, 1/2, 4/5 of two samples each.
    found = fit_isotonic(
        np.array([-2.0, 0.0, 1.0, 1.0, 2.0, 4.0]) * 1e-6 + [-1, 0, 0, 0, 0, 1], [0, 0, 1, 0, 1, 1]
    )
    assert len(found.knots) == 2
    assert found.bends[0] == pytest.approx(20 / np.std([-1, 0, 0, 0, 0, 1]), rel=1e-3)
    np.testing.assert_allclose(found([-1.0, 1e-6, 1.0]), [1 / 5, 1 / 2, 4 / 5], atol=0.01)


def test_isotonic_of_samples_in_the_wrong_order_is_their_prevalence_and_still_rises():
    found = fit_isotonic([3.0, 2.0, 1.0, -1.0], [0, 0, 0, 1])
    # Platt's targets of one positive and three negatives: 2/3 and three times 1/5.
    np.testing.assert_allclose(found([1.25]), [(2 / 3 + 3 / 5) / 4])
    assert 0 < found.scale < 0.01 and found.knots == ()


def test_a_calibration_survives_json():
    found = fit_isotonic(CURVED_LOGITS, CURVED_LABELS)
    assert Calibration(**json.loads(json.dumps(asdict(found)))) == found
    with pytest.raises(ValueError, match=r"equally many. Received: 1, 0"):
        Calibration("isotonic", knots=(0.0,))


def test_an_unknown_method_is_refused():
    with pytest.raises(ValueError, match=r"one of platt, temperature, isotonic, none. Received: 'beta'"):
        fit_calibration("beta", [0.0, 1.0], [0, 1])  # type: ignore[arg-type]


@pytest.mark.parametrize("function", [fit_platt, fit_temperature, fit_isotonic])
def test_refusals(function):
    with pytest.raises(InputError, match=r"both classes, 0 and 1, to calibrate on. Received: \[1\]"):
        function([0.1, 0.2], [1, 1])
    with pytest.raises(InputError, match=r"must be finite. Received: 1"):
        function([0.1, np.nan], [0, 1])
    with pytest.raises(InputError, match="one length"):
        function([0.1], [0, 1])
    with pytest.raises(InputError, match="both classes"):
        function([], [])

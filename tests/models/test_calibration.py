import numpy as np
import pytest
from scipy.special import expit

from lungnet.errors import InputError
from lungnet.models.calibration import Calibration, decision_threshold, fit_platt


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


@pytest.mark.parametrize(
    ("probabilities", "labels", "threshold"),
    [
        ([0.1, 0.2, 0.6, 0.9], [0, 0, 1, 1], 0.4),
        ([0.1, 0.2, 0.3, 0.4, 0.5], [0, 0, 1, 0, 1], 0.25),  # J = 2/3 there, 1/2 at 0.45
        ([0.3, 0.3, 0.3], [0, 1, 1], 0.5),  # nothing to tell apart
        ([0.2, 0.6], [1, 0], 0.4),  # worse than chance: the only threshold there is
        ([0.1, 0.3, 0.7, 0.8], [0, 1, 0, 1], 0.75),  # J = 1/2 at 0.2 as well, farther from 0.5
        ([0.125, 0.375, 0.625, 0.875], [0, 1, 0, 1], 0.25),  # and as near to 0.5: the lower one
    ],
)
def test_threshold_by_hand(probabilities, labels, threshold):
    assert decision_threshold(probabilities, labels) == pytest.approx(threshold)


def test_threshold_has_the_best_balanced_accuracy_and_ignores_the_order_of_samples():
    rng = np.random.default_rng(5)
    labels = (rng.random(200) < 0.3).astype(int)
    p = np.round(expit(rng.normal(labels * 1.5 - 1, 1.0)), 2)  # rounded: many ties

    def balanced(threshold):
        return (p[labels == 1] >= threshold).mean() + (p[labels == 0] < threshold).mean()

    found = decision_threshold(p, labels)
    assert balanced(found) == pytest.approx(max(balanced(t) for t in np.linspace(0, 1, 1001)))
    order = rng.permutation(200)
    assert decision_threshold(p[order], labels[order]) == found


@pytest.mark.parametrize("function", [fit_platt, decision_threshold])
def test_refusals(function):
    with pytest.raises(InputError, match=r"both classes, 0 and 1, to calibrate on. Received: \[1\]"):
        function([0.1, 0.2], [1, 1])
    with pytest.raises(InputError, match=r"must be finite. Received: 1"):
        function([0.1, np.nan], [0, 1])
    with pytest.raises(InputError, match="one length"):
        function([0.1], [0, 1])
    with pytest.raises(InputError, match="both classes"):
        function([], [])

import numpy as np
import pytest
from scipy.special import expit

from lungnet.errors import InputError
from lungnet.models.threshold import decision_threshold


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


def test_the_share_of_positives_is_best_for_calibrated_probabilities():
    rng = np.random.default_rng(2)
    p = rng.beta(0.5, 2.0, 400_000)
    labels = (rng.random(len(p)) < p).astype(int)

    def balanced(threshold):
        return (p[labels == 1] >= threshold).mean() + (p[labels == 0] < threshold).mean()

    share = decision_threshold(p, labels, "prevalence")
    assert share == pytest.approx(0.2, abs=0.002)
    assert balanced(share) == pytest.approx(max(balanced(t) for t in np.linspace(0, 1, 201)), abs=1e-3)


def test_refusals():
    with pytest.raises(InputError, match=r"probabilities and labels must be of one length"):
        decision_threshold([0.1], [0, 1])
    with pytest.raises(InputError, match="both classes"):
        decision_threshold([0.1, 0.2], [1, 1])

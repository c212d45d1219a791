"""The report of one classifier."""

import json

import numpy as np
import pytest

from lungnet.errors import InputError
from lungnet.evaluation import METRICS, Estimate, classification_report, weighted_metrics


def ends(estimate: Estimate) -> tuple[float, float]:
    """Both ends of an interval that must be there."""
    assert estimate.low is not None
    assert estimate.high is not None
    return estimate.low, estimate.high


def test_eight_patches_by_hand():
    y = [1, 1, 1, 1, 0, 0, 0, 0]
    p = [0.9, 0.8, 0.6, 0.2, 0.7, 0.3, 0.2, 0.1]
    report = classification_report(y, p, None, 0.5, resamples=50)
    assert report.confusion == {"tp": 3, "fp": 1, "tn": 3, "fn": 1}
    assert (report.accuracy.value, report.precision.value, report.recall.value) == (0.75, 0.75, 0.75)
    assert report.f1.value == 0.75
    # 0.9 and 0.8 beat four negatives each, 0.6 three, 0.2 beats one and ties with one.
    assert report.auc.value == (4 + 4 + 3 + 1.5) / 16
    # The positives come first, second, fourth and, with a negative of the same score, sixth to seventh.
    assert report.average_precision.value == pytest.approx((1 / 1 + 2 / 2 + 3 / 4 + 4 / 7) / 4)
    assert report.brier.value == pytest.approx(
        (0.01 + 0.04 + 0.16 + 0.64 + 0.49 + 0.09 + 0.04 + 0.01) / 8, abs=1e-12
    )


def test_fifty_fifty_by_hand():
    # Recall 1/2, false positive rate 1/4 among four negatives for two positives.
    report = classification_report([1, 1, 0, 0, 0, 0], [0.9, 0.1, 0.8, 0.2, 0.2, 0.2], None, resamples=50)
    assert report.prevalence == pytest.approx(1 / 3)
    assert report.precision.value == 1 / 2
    assert report.balanced["precision"].value == pytest.approx(0.5 / 0.75)
    assert report.balanced["accuracy"].value == pytest.approx((1 / 2 + 3 / 4) / 2)
    assert report.balanced["f1"].value == pytest.approx(2 * 0.5 / (0.5 + 0.25 + 1))
    assert report.balanced["auc"] == report.auc
    # The first positive is called with no negative, the second with all: at 50:50 half of what is called.
    assert report.balanced["average_precision"].value == pytest.approx((1 + 1 / 2) / 2)


def test_values_lie_in_their_intervals(scored):
    y, p, groups = scored
    report = classification_report(y, p, groups, 0.45)
    assert report.interval_unit == "group"
    for name in METRICS:
        for estimate in (getattr(report, name), report.balanced[name]):
            low, high = ends(estimate)
            assert 0.0 < low < (estimate.value or 0.0) < high < 1.0
            assert estimate.undefined_resamples == 0


def test_values_do_not_depend_on_groups_or_seed(scored):
    y, p, groups = scored
    expected = weighted_metrics(y, p, 0.45)
    for options in ({"groups": groups, "seed": 1}, {"groups": None, "seed": 2}):
        report = classification_report(y, p, threshold=0.45, resamples=20, **options)
        assert {name: getattr(report, name).value for name in (*METRICS, "brier")} == pytest.approx(expected)


def test_one_group_for_each_patch_is_the_interval_over_patches(scored):
    y, p, _ = scored
    names = np.random.default_rng(0).permutation(len(y)).astype(str)
    over_groups = classification_report(y, p, names, resamples=200)
    over_patches = classification_report(y, p, None, resamples=200)
    assert (over_groups.interval_unit, over_patches.interval_unit) == ("group", "patch")
    for name in (*METRICS, "brier"):
        assert getattr(over_groups, name) == getattr(over_patches, name)


def test_patches_that_are_copies_widen_the_interval_over_groups(scored):
    y, p, _ = scored
    copies = 9
    groups = np.repeat(np.arange(len(y)), copies)
    over_groups = ends(classification_report(np.repeat(y, copies), np.repeat(p, copies), groups).auc)
    over_patches = ends(classification_report(np.repeat(y, copies), np.repeat(p, copies), None).auc)
    ratio = (over_groups[1] - over_groups[0]) / (over_patches[1] - over_patches[0])
    # Nine copies of everything say nothing new, but seem to narrow the interval by the root of nine.
    assert ratio == pytest.approx(3.0, rel=0.2)


def test_names_of_groups_change_nothing(scored):
    y, p, groups = scored
    numbers = np.unique(groups, return_inverse=True)[1]
    renamed = [f"x{100 - number}" for number in numbers]
    assert classification_report(y, p, groups) == classification_report(y, p, renamed)


def test_intervals_hold_the_truth_as_often_as_they_say():
    rng = np.random.default_rng(11)
    held = 0
    for trial in range(120):
        y = np.repeat([0, 1], 60)
        p = (rng.random(120) < np.where(y == 1, 0.8, 0.2)).astype(float)
        low, high = ends(classification_report(y, p, None, resamples=200, seed=trial).accuracy)
        held += low <= 0.8 <= high
    assert 0.88 <= held / 120 <= 0.99


def test_json_never_holds_nan():
    # Two of twelve groups have positives, none is called: precision is undefined, AUC at times.
    y = np.array([1, 1] + [0] * 10)
    report = classification_report(y, np.full(12, 0.2), np.arange(12), 0.9, resamples=300)
    stored = json.loads(json.dumps(report.to_json(), allow_nan=False))
    assert stored["own"]["precision"] == {
        "value": None,
        "low": None,
        "high": None,
        "undefined_resamples": 300,
    }
    assert 0 < stored["own"]["auc"]["undefined_resamples"] < 100
    assert stored["own"]["auc"]["value"] == 0.5
    assert stored["confusion"] == {"tp": 0, "fp": 0, "tn": 10, "fn": 2}
    assert stored["calibration"]["bins"][2]["patches"] == 12
    assert stored["calibration"]["bins"][0]["mean_probability"] is None


@pytest.mark.parametrize(
    ("y", "p", "groups", "message"),
    [
        ([1, 1], [0.1, 0.2], None, r"both classes, 0 and 1. Received: 2 labels, all 1"),
        ([0, 2], [0.1, 0.2], None, r"labels must be 0 or 1. Received: \[0, 2\]"),
        ([0, np.nan], [0.1, 0.2], None, r"labels must be 0 or 1"),
        ([], [], None, r"labels must be one-dimensional and not empty"),
        ([[0, 1]], [0.1, 0.2], None, r"labels must be one-dimensional and not empty"),
        ([0, 1], [0.1, 1.2], None, r"probabilities must lie in \[0, 1\]. Received: 1.2 at index 1"),
        ([0, 1], [np.nan, 0.2], None, r"probabilities must lie in \[0, 1\]. Received: nan at index 0"),
        ([0, 1], [-0.1, 0.2], None, r"probabilities must lie in \[0, 1\]"),
        ([0, 1], [0.1], None, r"one for each of the 2 labels. Received: an array of shape \(1,\)"),
        ([0, 1], [0.1, 0.2], ["a"], r"groups must be .* one for each of the 2 labels"),
        ([0, 1], [0.1, 0.2], ["a", ""], r"groups must name a group for each patch. Received: '' at index 1"),
        ([0, 1], [0.1, 0.2], [1.0, np.nan], r"groups must name a group for each patch"),
    ],
)
def test_bad_input_gets_one_clear_sentence(y, p, groups, message):
    with pytest.raises(InputError, match=message):
        classification_report(y, p, groups)

"""Resampling: what is drawn, and what becomes of undefined measures."""

import numpy as np
import pytest

from lungnet.evaluation.bootstrap import CHUNK, plan_resampling
from lungnet.evaluation.checks import encode_groups

OPTIONS = {"confidence": 0.9, "resamples": 3 * CHUNK + 5, "min_groups": 10, "seed": 4}


def planned(groups, **changes):
    codes, count = encode_groups(groups, 24)
    return plan_resampling(codes, count, **{**OPTIONS, **changes})


def test_each_resample_draws_as_many_groups_as_there_are():
    weights = np.concatenate([*planned(np.repeat(np.arange(12), 2)).weights()])
    assert weights.shape == (OPTIONS["resamples"], 12)
    assert (weights.sum(axis=1) == 12).all()
    assert weights.mean(axis=0) == pytest.approx(np.ones(12), abs=0.3)


def test_the_seed_decides_what_is_drawn():
    groups = np.repeat(np.arange(12), 2)
    first, again, other = (np.concatenate([*planned(groups, seed=s).weights()]) for s in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_few_groups_make_it_patches_and_say_so():
    plan = planned(np.repeat(["a", "b", "c"], 8))
    assert (plan.unit, plan.units) == ("patch", 24)
    assert "There are 3 groups, fewer than 10: no interval over groups can be had." in plan.note
    assert "too narrow" in plan.note


def test_unknown_groups_make_it_patches_and_say_so():
    plan = planned(None)
    assert plan.unit == "patch"
    assert plan.note.startswith("No groups are known: no interval over groups can be had.")


def test_enough_groups_are_drawn_whole_and_the_note_says_it():
    plan = planned(np.repeat(np.arange(12), 2))
    assert plan.unit == "group"
    assert plan.note == (
        "90 % percentile intervals of 197 bootstrap resamples over 12 groups: "
        "whole groups are drawn, each with all its patches."
    )


def test_percentiles_by_hand():
    estimate = planned(None, confidence=0.8).estimate(0.5, np.linspace(0.0, 1.0, 11))
    assert (estimate.value, estimate.low, estimate.high) == pytest.approx((0.5, 0.1, 0.9))


def test_undefined_resamples_are_left_out_and_counted():
    samples = np.array([0.2, np.nan, 0.4, 0.6])
    estimate = planned(None).estimate(0.4, samples)
    assert estimate.undefined_resamples == 1
    assert estimate.low == pytest.approx(0.22)


def test_half_of_the_resamples_undefined_leave_no_interval():
    estimate = planned(None).estimate(0.4, np.array([0.2, np.nan, np.nan, 0.6]))
    assert (estimate.value, estimate.low, estimate.high, estimate.undefined_resamples) == (0.4, None, None, 2)


def test_an_undefined_value_is_none_in_json():
    estimate = planned(None).estimate(np.nan, np.array([0.2, 0.3]))
    assert estimate.to_json() == {"value": None, "low": None, "high": None, "undefined_resamples": 0}


@pytest.mark.parametrize(("key", "value"), [("confidence", 1.0), ("confidence", 0.0), ("resamples", 0)])
def test_numbers_out_of_range_are_refused(key, value):
    with pytest.raises(ValueError, match=rf"{key} must .* Received: {value}"):
        planned(None, **{key: value})

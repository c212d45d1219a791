"""Subgroups: who is compared with whom, what is too small, and what is not known."""

from typing import Any

import numpy as np
import pytest

from lungnet.errors import InputError
from lungnet.evaluation import classification_report, roc_auc, subgroup_tables

ALL: dict[str, Any] = {"confidence": 0.9, "resamples": 50}


def names_of(table):
    return [subgroup.name for subgroup in table.subgroups]


def sized(scored):
    """Of the positives every fourth is large, the others small; negatives have no diameter."""
    y, p, groups = scored
    diameter = np.zeros(len(y), np.float32)
    rows = np.flatnonzero(y)
    diameter[rows] = np.where(np.arange(len(rows)) % 4 == 0, 20.0, 5.9)
    return y, p, groups, diameter


def test_positives_of_a_diameter_against_all_negatives(scored):
    y, p, groups, diameter = sized(scored)
    table = subgroup_tables(y, p, groups, 0.45, {"diameter_mm": diameter}, **ALL)["diameter_mm"]
    assert (table.comparison, table.known) == ("all negatives", int(y.sum()))
    assert names_of(table) == ["below 6", "15 and above"]
    small, large = table.subgroups
    assert (small.positives + large.positives, small.negatives) == (y.sum(), (1 - y).sum())
    chosen = (y == 0) | (diameter == 20.0)
    assert large.measures["auc"].value == pytest.approx(roc_auc(y[chosen], p[chosen]))
    assert large.measures["recall"].value == pytest.approx((p[diameter == 20.0] >= 0.45).mean())
    assert large.groups == len(np.unique(groups[diameter == 20.0]))
    assert set(large.measures) == {"auc", "recall"}
    expected = classification_report(y[chosen], p[chosen], groups[chosen], 0.45, **ALL).auc
    assert large.measures["auc"] == expected
    assert expected.low is not None and expected.high is not None and expected.low < expected.high


def test_the_mean_over_subgroups_is_the_whole(scored):
    """AUC against all negatives is a mean over positives, so subgroups of them average to it."""
    y, p, groups, diameter = sized(scored)
    table = subgroup_tables(y, p, groups, 0.45, {"diameter_mm": diameter}, **ALL)["diameter_mm"]
    aucs = np.array([one.measures["auc"].value for one in table.subgroups], np.float64)
    assert np.average(aucs, weights=[one.positives for one in table.subgroups]) == pytest.approx(
        roc_auc(y, p)
    )


def test_both_classes_of_a_scanner(scored):
    y, p, groups = scored
    made_by = np.where(np.arange(len(y)) < 250, "GE Medical  Systems", "SIEMENS").astype("U30")
    made_by[:20] = ["ge medical systems"] * 20
    table = subgroup_tables(y, p, groups, 0.45, {"manufacturer": made_by}, **ALL)["manufacturer"]
    assert (table.comparison, names_of(table)) == ("within", ["GE MEDICAL SYSTEMS", "SIEMENS"])
    ge = table.subgroups[0]
    assert (ge.positives, ge.negatives, ge.groups) == (y[:250].sum(), 250 - y[:250].sum(), 25)
    expected = classification_report(y[:250], p[:250], groups[:250], 0.45, **ALL)
    for name in ("auc", "recall", "specificity", "balanced_accuracy"):
        assert ge.measures[name] == getattr(expected, name)


def test_what_is_not_known_is_not_hidden(scored):
    y, p, groups = scored
    thickness = np.where(np.arange(len(y)) % 2, np.float32(1.25), 0).astype(np.float32)
    traits = {"slice_thickness_mm": thickness}
    table = subgroup_tables(y, p, groups, 0.45, traits, **ALL)["slice_thickness_mm"]
    assert names_of(table) == ["up to 1.25", "unknown"]
    assert table.known == len(y) // 2
    assert sum(one.positives + one.negatives for one in table.subgroups) == len(y)
    nothing = subgroup_tables(y, p, groups, 0.45, {"texture": np.zeros(len(y))}, **ALL)["texture"]
    assert (names_of(nothing), nothing.known) == (["unknown"], 0)
    assert nothing.subgroups[0].positives == y.sum()


def test_a_subgroup_that_is_too_small_has_no_interval(scored):
    y, p, groups = scored
    texture = np.where(y == 1, 5.0, 0.0)
    few = np.flatnonzero(y)[:9]
    texture[few] = 1.0
    table = subgroup_tables(y, p, groups, 0.45, {"texture": texture}, **ALL)["texture"]
    small, large = table.subgroups
    assert (small.name, small.positives, small.too_small, small.interval_unit) == (
        "non-solid (1, 2)",
        9,
        True,
        None,
    )
    assert small.measures["auc"].value is None
    recall = small.measures["recall"]
    assert (recall.value, recall.low, recall.high) == (pytest.approx((p[few] >= 0.45).mean()), None, None)
    assert not large.too_small and large.interval_unit == "group"
    enough = subgroup_tables(y, p, groups, 0.45, {"texture": texture}, fewest=9, **ALL)["texture"]
    assert not enough.subgroups[0].too_small


def test_one_class_alone_is_counted(scored):
    y, p, groups = scored
    thickness = np.where(y == 1, 1.0, 3.0)
    tables = subgroup_tables(y, p, groups, 0.45, {"slice_thickness_mm": thickness}, **ALL)
    thin, thick = tables["slice_thickness_mm"].subgroups
    assert (thin.negatives, thick.positives) == (0, 0)
    assert thin.too_small and thick.too_small
    assert thin.measures["specificity"].value is None and thin.measures["recall"].value is not None
    assert thin.to_json()["balanced_accuracy"]["value"] is None


def test_where_all_patches_are_nodules_both_classes_have_a_diameter(scored):
    y, p, groups = scored
    diameter = np.where(np.arange(len(y)) % 2, 7.0, 30.0)
    traits = {"diameter_mm": diameter}
    table = subgroup_tables(y, p, groups, 0.45, traits, task="malignancy", **ALL)["diameter_mm"]
    assert (table.comparison, table.known) == ("within", len(y))
    odd = np.arange(len(y)) % 2 == 1
    assert table.subgroups[0].measures["auc"].value == pytest.approx(roc_auc(y[odd], p[odd]))


@pytest.mark.parametrize(
    ("trait", "value", "name"),
    [
        ("diameter_mm", np.float32(5.99), "below 6"),
        ("diameter_mm", np.float32(6.0), "6 to below 8"),
        ("diameter_mm", np.float32(8.0), "8 to below 15"),
        ("diameter_mm", np.float32(15.0), "15 and above"),
        ("texture", np.float32(2.25), "non-solid (1, 2)"),
        ("texture", np.float32(2.5), "part-solid (3)"),
        ("texture", np.float32(3.5), "solid (4, 5)"),
        ("slice_thickness_mm", np.float32(0.6), "up to 1.25"),
        ("slice_thickness_mm", np.float32(1.25), "up to 1.25"),
        ("slice_thickness_mm", np.float32(2.5), "above 2 to 2.5"),
        ("slice_thickness_mm", np.float32(2.51), "above 2.5"),
        ("manufacturer", "Unknown", "unknown"),
    ],
)
def test_edges_of_the_bands(trait, value, name):
    table = subgroup_tables([0, 1], [0.2, 0.8], None, 0.5, {trait: np.array([value, value])}, **ALL)
    assert names_of(table[trait]) == [name]


def test_refusals(scored):
    y, p, groups = scored
    with pytest.raises(InputError, match=r"texture must have one value for each of the 400 labels"):
        subgroup_tables(y, p, groups, 0.5, {"texture": np.zeros(3)})

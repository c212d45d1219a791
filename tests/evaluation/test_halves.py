"""Disjoint halves of real patches."""

import numpy as np
import pytest

from lungnet.errors import InputError
from lungnet.evaluation import halve
from lungnet.evaluation.halves import nodule_units

#: Six groups of two nodules, five patches of each.
GROUPS = np.repeat(list("abcdef"), 10)
NODULES = np.tile(np.repeat([1, 2], 5), 6)


def test_halves_share_no_group_and_are_of_one_size():
    for halving in range(5):
        halves = halve(GROUPS, NODULES, halving=halving)
        assert halves.unit == "group"
        assert len(halves.reference) == len(halves.floor) == 6  # one patch of each nodule of three groups
        assert not set(GROUPS[halves.reference]) & set(GROUPS[halves.floor])
        assert {*GROUPS[halves.reference], *GROUPS[halves.floor]} == set("abcdef")


def test_a_nodule_gives_no_more_patches_than_it_may():
    for most in (1, 2, 4):
        halves = halve(GROUPS, NODULES, patches_per_nodule=most)
        for rows in (halves.reference, halves.floor):
            assert len(set(rows.tolist())) == len(rows) == 6 * most
            _, counts = np.unique(nodule_units(GROUPS[rows], NODULES[rows]), return_counts=True)
            assert counts.tolist() == [most] * 6


def test_a_large_group_faces_many_small_ones():
    groups = np.repeat(["large", *"abcd"], [40, 10, 10, 10, 10])
    for halving in range(5):
        halves = halve(groups, np.arange(80), halving=halving)
        assert len(halves.reference) == len(halves.floor) >= 30


def test_there_is_a_most():
    halves = halve(GROUPS, NODULES, patches_per_nodule=5, max_patches=4)
    assert len(halves.reference) == len(halves.floor) == 4


def test_halvings_and_seeds_differ_and_repeat():
    first = halve(GROUPS, NODULES, halving=0, seed=1)
    again = halve(GROUPS, NODULES, halving=0, seed=1)
    np.testing.assert_array_equal(first.reference, again.reference)
    sides = {frozenset(GROUPS[halve(GROUPS, NODULES, halving=k).reference].tolist()) for k in range(8)}
    assert len(sides) > 2


def test_one_group_is_cut_by_nodule():
    halves = halve(["a"] * 12, np.repeat([1, 2, 3, 4], 3))
    assert halves.unit == "nodule"
    assert len(halves.reference) == len(halves.floor) == 2


def test_a_nodules_name_is_its_groups_own():
    assert nodule_units(["a", "a", "b"], [1, 1, 1]).tolist() == [0, 0, 1]


@pytest.mark.parametrize(
    ("groups", "nodules", "message"),
    [
        (["a", "a"], [1, 1], "Two halves need at least two nodules. Received: 1"),
        (["a"], [1, 2], "groups must be one-dimensional"),
        (["a", ""], [1, 2], "must name a group"),
    ],
)
def test_what_cannot_be_halved_is_refused(groups, nodules, message):
    with pytest.raises(InputError, match=message):
        halve(groups, nodules)

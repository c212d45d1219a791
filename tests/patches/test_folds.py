import numpy as np
import pytest

from lungnet.errors import InputError
from lungnet.patches.folds import MOST_BLOCKS, GroupCounts, count_groups, part_groups


def blocks(count: int) -> list[GroupCounts]:
    return [GroupCounts(str(number), 8, 2) for number in range(count)]


def patients(count: int, seed: int = 0) -> list[GroupCounts]:
    rng = np.random.default_rng(seed)
    return [GroupCounts(f"P-{n:03}", *map(int, rng.integers(0, 9, 2))) for n in range(count)]


def test_counts_are_those_of_each_group():
    assert count_groups(["b", "a", "b", "b"], [1, 0, 1, 0]) == [("a", 1, 0), ("b", 1, 2)]


def test_eight_blocks_make_four_pairs():
    partition = part_groups(blocks(8)[::-1], 4)
    assert partition.rule == "consecutive"
    assert partition.folds == (("0", "1"), ("2", "3"), ("4", "5"), ("6", "7"))


def test_blocks_are_counted_not_spelt():
    assert part_groups(blocks(11), 3).folds == (
        ("0", "1", "2", "3"),
        ("4", "5", "6", "7"),
        ("8", "9", "10"),
    )


def test_many_numbers_are_patients():
    assert part_groups(blocks(MOST_BLOCKS), 2).rule == "consecutive"
    assert part_groups(blocks(MOST_BLOCKS + 1), 2).rule == "balanced"


def test_patients_by_hand():
    # By share of either class: b (5/10 + 4/8), a (3/10 + 2/8), c (2/10 + 2/8), d (0). b opens fold 0 and a
    # fold 1. c adds 0.2 * 0.5 + 0.25 * 0.5 to fold 0 and 0.2 * 0.3 + 0.25 * 0.25, which is less, to fold 1.
    # d adds nothing to either, and goes where there are fewer.
    counts = [
        GroupCounts("a", 3, 2),
        GroupCounts("b", 5, 4),
        GroupCounts("c", 2, 2),
        GroupCounts("d", 0, 0),
    ]
    assert part_groups(counts, 2).folds == (("b", "d"), ("a", "c"))


@pytest.mark.parametrize("folds", [2, 4, 7])
def test_patients_are_parted_once_and_evenly(folds: int):
    counts = patients(120)
    partition = part_groups(counts, folds)
    assert partition.rule == "balanced"
    assert sorted(name for fold in partition.folds for name in fold) == [one.name for one in counts]
    known = {one.name: one for one in counts}
    held = np.array([[known[name][1:] for name in fold] for fold in partition.folds], object)
    sums = np.array([np.sum(np.array(list(fold), int), axis=0) for fold in held])
    assert np.abs(sums / sums.mean(axis=0) - 1.0).max() < 0.06
    shuffled = [counts[row] for row in np.random.default_rng(1).permutation(len(counts))]
    assert part_groups(shuffled, folds) == partition


def test_no_fold_stays_empty():
    counts = [GroupCounts(name, 1, 1) for name in "abcd"]
    assert sorted(part_groups(counts, 4).folds) == [("a",), ("b",), ("c",), ("d",)]


def test_what_cannot_be_parted():
    with pytest.raises(InputError, match=r"9 folds need at least 9 groups.*Received: 8"):
        part_groups(blocks(8), 9)
    with pytest.raises(ValueError, match="at least 2"):
        part_groups(blocks(8), 1)
    with pytest.raises(InputError, match=r"Fold 1 \(groups 2, 3\) holds no patch of class 1"):
        part_groups([*blocks(2), GroupCounts("2", 5, 0), GroupCounts("3", 5, 0)], 2)
    with pytest.raises(
        InputError, match=r"Fold 0 \(groups P-0, P-10, P-12 and 17 more\) holds no .* class 0"
    ):
        part_groups([GroupCounts(f"P-{n}", 0, 1) for n in range(40)], 2)

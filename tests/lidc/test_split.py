import pytest

from lungnet.errors import InputError
from lungnet.hashing import stable_fraction
from lungnet.lidc import SplitRules, hold_out, split_patients

PATIENTS = [f"LIDC-IDRI-{number:04d}" for number in range(1, 1011)]


def test_shares_of_the_archive():
    split = split_patients(PATIENTS, SplitRules(), seed=0)
    assert split.validation_by == "patient"
    counts = {name: len(split.ids(name)) for name in ("train", "validation", "eval")}
    assert sum(counts.values()) == 1010
    # Standard deviations of these binomials are 13 and 10; three of them.
    assert counts["eval"] == pytest.approx(202, abs=40)
    assert counts["validation"] == pytest.approx(0.15 * (1010 - counts["eval"]), abs=32)


def test_sides_are_the_hash_below_the_share():
    split = split_patients(PATIENTS, SplitRules(), seed=5)
    for patient, side in split.assignment.items():
        assert (side == "eval") == (stable_fraction(5, "eval", patient) < 0.2)
        if side != "eval":
            assert (side == "validation") == (stable_fraction(5, "validation", patient) < 0.15)


def test_order_repeats_and_newcomers_move_nobody():
    split = split_patients(PATIENTS, SplitRules(), seed=1)
    assert split_patients(PATIENTS[::-1] * 2, SplitRules(), seed=1) == split
    fewer = split_patients(PATIENTS[::2], SplitRules(), seed=1)
    assert fewer.assignment.items() <= split.assignment.items()


def test_another_seed_is_another_split():
    splits = [split_patients(PATIENTS, SplitRules(), seed).assignment for seed in (0, 1)]
    moved = sum(splits[0][patient] != splits[1][patient] for patient in PATIENTS)
    assert 300 < moved < 700


@pytest.mark.parametrize("number", [3, 4, 5, 12])
def test_no_split_is_empty_from_three_patients_on(number):
    for seed in range(40):
        split = split_patients(PATIENTS[:number], SplitRules(), seed)
        assert split.validation_by == "patient"
        assert all(split.ids(name) for name in ("train", "validation", "eval"))
        assert len(split.assignment) == number


def test_two_patients_train_and_evaluate():
    sides = set()
    for seed in range(20):
        split = split_patients(["LIDC-IDRI-0001", "LIDC-IDRI-0003"], SplitRules(), seed)
        assert split.validation_by == "nodule"
        assert split.ids("validation") == ()
        assert len(split.ids("train")) == len(split.ids("eval")) == 1
        sides.add(split.ids("eval"))
    assert len(sides) == 2


def test_the_nearest_to_the_boundary_fills_an_empty_side():
    shares = {key: stable_fraction(3, "eval", key) for key in "abcdefgh"}
    least = min(shares, key=shares.__getitem__)
    greatest = max(shares, key=shares.__getitem__)
    assert hold_out("abcdefgh", shares[least] / 2, 3, "eval") == {least}
    assert hold_out("abcdefgh", 0.999999, 3, "eval") == set("abcdefgh") - {greatest}


def test_groups_named_for_evaluation():
    groups = [str(number) for number in range(8)]
    split = split_patients(groups, SplitRules(eval_groups=("6", "7")), seed=0)
    assert split.ids("eval") == ("6", "7")
    assert len(split.ids("train")) + len(split.ids("validation")) == 6
    assert split.ids("validation")
    alone = split_patients(groups[:2], SplitRules(eval_groups=("1",)), seed=0)
    assert (alone.assignment, alone.validation_by) == ({"0": "train", "1": "eval"}, "nodule")


@pytest.mark.parametrize(
    ("ids", "eval_groups", "message"),
    [
        (PATIENTS[:5], ("LIDC-IDRI-0003", "LIDC-IDRI-004"), "'LIDC-IDRI-004', .*closest is 'LIDC-IDRI-0004'"),
        (["0", "1"], ("9",), "names '9', which is not among the 2 patients"),
        (["0", "1"], ("0", "1"), "names every patient"),
        (["0"], (), "at least two patients .*Received: 0"),
        ([], (), "at least two patients .*Received: none"),
    ],
)
def test_splits_that_cannot_be_are_refused(ids, eval_groups, message):
    with pytest.raises(InputError, match=message):
        split_patients(ids, SplitRules(eval_groups=eval_groups), seed=0)


def test_too_few_keys_are_a_mistake_of_the_caller():
    with pytest.raises(ValueError, match=r"needs more than 1 keys\. Received: 1"):
        hold_out(["a", "a"], 0.5, 0, "validation")

"""Splits that leak do so only in the way they say."""

import numpy as np
import pytest

from lungnet.config import SplitRules
from lungnet.errors import InputError
from lungnet.patches import (
    PatchExample,
    hold_out_validation,
    measured_unit,
    random_split_of,
    validation_by_nodule,
)


def examples(count: int) -> list[PatchExample]:
    patch = np.zeros((40, 40), np.int16)
    return [
        PatchExample(patch, row % 2, "P", "1.2", "P", nodule_id=row, center_zyx=(row, 0, 0))
        for row in range(count)
    ]


def parted(examples: list[PatchExample], rules: SplitRules, seed: int) -> dict[str, list[PatchExample]]:
    parts: dict[str, list[PatchExample]] = {"train": [], "validation": [], "eval": []}
    for example in examples:
        parts[random_split_of(example, rules, seed)].append(example)
    return parts


def test_random_split_meets_its_shares_and_keeps_every_patch() -> None:
    rules = SplitRules(by="random", eval_fraction=0.2, validation_fraction=0.25)
    parts = parted(examples(4000), rules, seed=3)
    shares = {name: len(part) / 4000 for name, part in parts.items()}
    # Binomial with 4,000 draws: three standard deviations are below 0.024.
    assert shares == pytest.approx({"train": 0.6, "validation": 0.2, "eval": 0.2}, abs=0.024)
    assert sorted(one.nodule_id for part in parts.values() for one in part) == list(range(4000))


def test_a_patch_keeps_its_side_whoever_else_is_there() -> None:
    rules = SplitRules(by="random")
    few, many = (parted(examples(count), rules, seed=0) for count in (50, 500))
    for name, part in few.items():
        assert {one.nodule_id for one in part} == {one.nodule_id for one in many[name] if one.nodule_id < 50}
    other = parted(examples(500), rules, seed=1)
    assert [one.nodule_id for one in other["eval"]] != [one.nodule_id for one in many["eval"]]


def test_random_split_cannot_keep_eval_groups() -> None:
    with pytest.raises(InputError, match=r"eval_groups needs split.by = 'patient'"):
        random_split_of(examples(1)[0], SplitRules(by="random", eval_groups=("6",)), seed=0)


def test_validation_by_nodule_never_parts_a_nodule() -> None:
    labels = np.array([1] * 10 + [0] * 10)
    units = [f"nodule {row // 2}" for row in range(10)] + [f"row {row}" for row in range(10)]
    chosen = validation_by_nodule(labels, units, 0.2, seed=5)
    assert 2 <= chosen[:10].sum() <= 8
    assert 1 <= chosen[10:].sum() <= 9
    assert (chosen[0:10:2] == chosen[1:10:2]).all()


@pytest.mark.parametrize("fraction", [0.01, 0.99])
def test_both_sides_hold_both_classes(fraction: float) -> None:
    labels = np.array([0, 0, 0, 1, 1])
    chosen = validation_by_nodule(labels, list("abcde"), fraction, seed=0)
    for side in (chosen, ~chosen):
        assert set(labels[side].tolist()) == {0, 1}


def test_a_single_nodule_cannot_be_parted() -> None:
    with pytest.raises(InputError, match="single training patient with 1 nodules or patches of class 1"):
        validation_by_nodule(np.array([0, 0, 1, 1]), ["a", "b", "c", "c"], 0.2, seed=0)


def one_patient(nodules: int, negatives: int) -> list[PatchExample]:
    patch = np.zeros((40, 40), np.int16)
    positives = [
        PatchExample(patch, 1, "P", "1.2", "P", nodule_id=nodule, center_zyx=(number, 0, 0))
        for nodule in range(nodules)
        for number in range(5)
    ]
    return positives + [
        PatchExample(patch, 0, "P", "1.2", "P", center_zyx=(9, row, 0)) for row in range(negatives)
    ]


def test_validation_of_one_patient_is_balanced_and_leaves_the_surplus_to_training() -> None:
    examples = one_patient(nodules=4, negatives=30)
    training, validation = hold_out_validation(examples, 0.25, negatives_per_positive=1.0, seed=0)
    positives = sum(example.label for example in validation)
    assert positives % 5 == 0
    assert 5 <= positives <= 15
    assert len(validation) == 2 * positives
    assert {id(one) for one in training} | {id(one) for one in validation} == {id(one) for one in examples}
    assert len(training) + len(validation) == len(examples)
    assert measured_unit({"train": training, "validation": validation}) == "nodule"


def test_validation_of_one_patient_by_nodules_of_both_classes() -> None:
    patch = np.zeros((40, 40), np.int16)
    examples = [PatchExample(patch, row // 10, "P", "1.2", "P", nodule_id=row // 2) for row in range(20)]
    training, validation = hold_out_validation(examples, 0.4, negatives_per_positive=1.0, seed=0)
    assert {one.label for one in training} == {one.label for one in validation} == {0, 1}
    assert not {one.nodule_id for one in training} & {one.nodule_id for one in validation}


def test_one_nodule_leaves_no_validation() -> None:
    with pytest.raises(InputError, match="1 nodules or patches of class 1 leaves no validation"):
        hold_out_validation(one_patient(nodules=1, negatives=5), 0.2, 1.0, seed=0)

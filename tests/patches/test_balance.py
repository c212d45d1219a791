"""The training split with synthetic positives."""

import dataclasses
import logging

import numpy as np
import pytest

from lungnet.config import PatchRules
from lungnet.patches import ExampleArrays, PatchExample, balance_training, drop_surplus


def real(positives: int, negatives: int) -> ExampleArrays:
    patch = np.zeros((40, 40), np.int16)
    return ExampleArrays.from_examples(
        PatchExample(
            patch + row, int(row < positives), f"P{row}", f"s{row}", f"P{row}", center_zyx=(row, 0, 0)
        )
        for row in range(positives + negatives)
    )


def synthetic(count: int) -> np.ndarray:
    return np.full((count, 40, 40), -500, np.int16)


def test_synthetic_positives_are_balanced_by_real_negatives() -> None:
    balanced = ExampleArrays.from_examples(balance_training(real(10, 15), synthetic(5), PatchRules(), seed=0))
    assert len(balanced) == 30
    made = balanced.take(balanced.source == "synthetic")
    assert made.labels.tolist() == [1] * 5
    assert set(made.patient_id.tolist()) == {"synthetic"} == set(made.group_id.tolist())
    assert set(made.series_uid.tolist()) == {""}
    assert set(made.nodule_id.tolist()) == {-1}
    assert (made.patches_hu == -500).all()
    assert (balanced.labels == 0).sum() == 15
    assert len(set(balanced.patches_hu[balanced.source == "real", 0, 0].tolist())) == 25


def test_the_surplus_stays_out_without_synthetic_positives() -> None:
    balanced = ExampleArrays.from_examples(balance_training(real(10, 40), synthetic(0), PatchRules(), seed=0))
    assert np.bincount(balanced.labels).tolist() == [10, 10]
    wide = PatchRules(negatives_per_positive=2.0)
    balanced = ExampleArrays.from_examples(balance_training(real(10, 40), synthetic(5), wide, seed=0))
    assert np.bincount(balanced.labels).tolist() == [30, 15]


def test_the_choice_is_the_seeds_and_a_new_negative_displaces_at_most_one() -> None:
    def chosen(negatives: int, seed: int) -> set[str]:
        examples = balance_training(real(10, negatives), synthetic(0), PatchRules(), seed)
        return {example.patient_id for example in examples if example.label == 0}

    assert chosen(40, 0) == chosen(40, 0)
    assert chosen(40, 0) != chosen(40, 1)
    assert all(len(chosen(more, 0) - chosen(more - 1, 0)) <= 1 for more in range(30, 40))


def test_too_few_negatives_are_all_taken_and_said(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        examples = balance_training(real(10, 3), synthetic(5), PatchRules(), seed=0)
    assert sum(example.label == 0 for example in examples) == 3
    assert "Training has 3 negatives for 15 positives" in caplog.text


def test_wrong_input() -> None:
    augmented = ExampleArrays.from_examples(balance_training(real(2, 3), synthetic(1), PatchRules(), seed=0))
    with pytest.raises(ValueError, match="augmented already"):
        balance_training(augmented, synthetic(1), PatchRules(), seed=0)
    with pytest.raises(ValueError, match=r"patch_hu must be int16 \(40, 40\)"):
        balance_training(real(2, 3), synthetic(1).astype(np.float32), PatchRules(), seed=0)


def test_dropping_the_surplus() -> None:
    examples = list(real(10, 25).examples())
    kept = drop_surplus(examples, PatchRules(), seed=0)
    assert np.bincount([one.label for one in kept]).tolist() == [10, 10]
    order = [examples.index(one) for one in kept]
    assert order == sorted(order)
    assert drop_surplus(examples[:15], PatchRules(), seed=0) == examples[:15]
    assert drop_surplus(examples, PatchRules(), seed=1) != kept


def test_benign_nodules_are_no_surplus() -> None:
    nodules = [dataclasses.replace(one, nodule_id=row) for row, one in enumerate(real(10, 25).examples())]
    assert drop_surplus(nodules, PatchRules(), seed=0) == nodules

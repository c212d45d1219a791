"""Splits that leak or cannot serve are refused."""

import numpy as np
import pytest

from lungnet.errors import InputError
from lungnet.patches import PatchExample, check_splits, measured_unit, summarize
from lungnet.patches.splits import Unit


def two(
    patient: str, series: str = "", group: str = "", nodule: int = 1, source: str = "real"
) -> list[PatchExample]:
    """A positive and a negative."""
    patch = np.zeros((40, 40), np.int16)
    return [
        PatchExample(
            patch,
            label,
            patient,
            series or patient,
            group or patient,
            nodule_id=nodule if label else -1,
            source=source,
        )
        for label in (0, 1)
    ]


def test_clean_splits_pass() -> None:
    synthetic = two("synthetic", source="synthetic", nodule=-1)
    check_splits({"train": two("A") + synthetic, "validation": two("B"), "eval": two("C")})


@pytest.mark.parametrize("left", ["train", "validation"])
def test_a_patient_in_evaluation_and_elsewhere_is_refused(left: str) -> None:
    splits = {"train": two("A"), "validation": two("B"), "eval": two("C")}
    splits[left] = splits[left] + two("C", series="other")
    for unit in ("patient", "nodule"):
        with pytest.raises(InputError, match=f"Patient C stands in the splits {left} and eval"):
            check_splits(splits, unit=unit)
    check_splits(splits, unit="patch")


def test_a_group_in_two_splits_is_refused() -> None:
    splits = {"train": two("A", group="g"), "validation": two("B"), "eval": two("C", group="g")}
    with pytest.raises(InputError, match="Group g stands in the splits train and eval"):
        check_splits(splits)


def test_validation_by_nodule_may_share_the_patient_but_no_nodule() -> None:
    splits = {"train": two("A", nodule=1), "validation": two("A", nodule=2), "eval": two("C")}
    check_splits(splits, unit="nodule")
    with pytest.raises(InputError, match="Patient A stands in the splits train and validation"):
        check_splits(splits)
    splits["validation"] = two("A", nodule=1)
    with pytest.raises(InputError, match="Nodule 1 of series A stands in the splits train and validation"):
        check_splits(splits, unit="nodule")


@pytest.mark.parametrize("unit", ["patient", "nodule", "patch"])
def test_what_no_unit_excuses(unit: Unit) -> None:
    splits = {"train": two("A"), "validation": two("B"), "eval": two("C")}
    with pytest.raises(
        InputError, match=r"eval split holds patches of one class only; .* 0 of class 0, 1 of class 1"
    ):
        check_splits(splits | {"eval": two("C")[1:]}, unit)
    with pytest.raises(InputError, match="validation split holds no patch"):
        check_splits(splits | {"validation": []}, unit)
    with pytest.raises(InputError, match="train split holds no patch"):
        check_splits({"validation": two("B"), "eval": two("C")}, unit)
    with pytest.raises(InputError, match="eval split holds 2 synthetic patches"):
        check_splits(splits | {"eval": two("C") + two("synthetic", source="synthetic")}, unit)


def test_the_unit_is_measured() -> None:
    splits = {"train": two("A"), "validation": two("B"), "eval": two("C")}
    assert measured_unit(splits) == "patient"
    assert measured_unit(splits | {"validation": two("A", nodule=2)}) == "nodule"
    assert measured_unit(splits | {"validation": two("A")}) == "patch"
    assert measured_unit(splits | {"eval": two("A", nodule=2)}) == "patch"
    assert measured_unit(splits | {"eval": two("X", group="A")}) == "patch"
    leaking = summarize(splits | {"eval": two("A", nodule=2)})
    assert (leaking["unit"], leaking["leaks"]) == ("patch", True)

"""Who and what stands in which split."""

from typing import Any

import numpy as np

from lungnet.patches import ExampleArrays, PatchExample, measured_unit, summarize
from lungnet.patches.sightings import Sightings


def one(patient: str, nodule: int = 1, **more: Any) -> PatchExample:
    more = {"series_uid": patient, "group_id": patient, **more}
    return PatchExample(np.zeros((40, 40), np.int16), 1, patient, nodule_id=nodule, **more)


def seen(**splits: list[PatchExample]) -> Sightings:
    sightings = Sightings()
    for split, examples in splits.items():
        for example in examples:  # as batches of one
            sightings.add(split, ExampleArrays.from_examples([example]))
    return sightings


def test_the_unit_is_measured() -> None:
    splits = {"train": [one("A")], "validation": [one("B")], "eval": [one("C")]}
    assert measured_unit(splits) == "patient"
    assert measured_unit(splits | {"validation": [one("A", nodule=2)]}) == "nodule"
    assert measured_unit(splits | {"validation": [one("A")]}) == "patch"
    assert measured_unit(splits | {"eval": [one("A", nodule=2)]}) == "patch"
    assert measured_unit(splits | {"eval": [one("X", group_id="A")]}) == "patch"
    leaking = summarize(splits | {"eval": [one("A", nodule=2)]})
    assert (leaking["unit"], leaking["leaks"]) == ("patch", True)


def test_nodules_are_counted_once_however_many_patches_show_them() -> None:
    a = [one("A", 1, center_zyx=(z, 20, 20)) for z in range(4)] + [one("A", 2), one("A", -1), one("B", 1)]
    sightings = seen(train=a)
    assert sightings.nodules("train") == 3
    assert sightings.nodules("eval") == 0
    assert sightings.names("patient", "train") == {"A", "B"}


def test_shared_nodules_need_series_and_number() -> None:
    sightings = seen(train=[one("A", 1), one("B", 2)], eval=[one("B", 1), one("A", 2), one("B", 2)])
    assert sightings.shared_nodules("train", "eval") == [("B", 2)]
    assert sightings.shared_nodules("train", "validation") == []


def test_a_centre_is_the_window_less_its_translation() -> None:
    left = one("A", 1, center_zyx=(3, 50, 60), offset_yx=(-4, 10))
    right = one("A", 9, center_zyx=(3, 54, 50))
    elsewhere = one("B", 9, center_zyx=(3, 54, 50))
    assert seen(train=[left], eval=[right]).shared_centers("train", "eval") == [("A", (3, 54, 50))]
    assert seen(train=[left], eval=[elsewhere]).shared_centers("train", "eval") == []
    # What is no nodule has no centre.
    assert (
        seen(train=[left], eval=[one("A", -1, center_zyx=(3, 54, 50))]).shared_centers("train", "eval") == []
    )


def test_synthetic_patches_are_nobodys() -> None:
    made = one("synthetic", -1, series_uid="", source="synthetic")
    sightings = seen(train=[made], eval=[made])
    assert sightings.shared("patient", "train", "eval") == []
    assert sightings.unit() == "patient"

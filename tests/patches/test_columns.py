"""Columns and examples are two forms of one thing."""

import dataclasses
from typing import Any

import numpy as np
import pytest

from lungnet.patches import ExampleArrays, PatchExample


def example(number: int, **changes: Any) -> PatchExample:
    patch = np.full((40, 40), number - 1000, np.int16)
    fields: dict[str, Any] = {
        "patch_hu": patch,
        "label": number % 2,
        "patient_id": f"P{number}",
        "series_uid": f"1.2.{number}",
        "group_id": f"P{number}",
        "malignancy": 2.5,
        "nodule_id": number,
        "center_zyx": (number, 20, 30),
        "spacing_mm": (2.5, 0.75, 0.75),
        "offset_yx": (-3, 10),
        "texture": 4.75,
        "manufacturer": "Größe",
    }
    return PatchExample(**(fields | changes))


def assert_same(left: PatchExample, right: PatchExample) -> None:
    np.testing.assert_array_equal(left.patch_hu, right.patch_hu)
    for field in dataclasses.fields(PatchExample):
        if field.name != "patch_hu":
            assert getattr(left, field.name) == getattr(right, field.name), field.name


def test_round_trip() -> None:
    examples = [example(number) for number in range(5)]
    arrays = ExampleArrays.from_examples(examples)
    assert len(arrays) == 5
    for before, after in zip(examples, arrays.examples(), strict=True):
        assert_same(before, after)


def test_columns_by_hand() -> None:
    arrays = ExampleArrays.from_examples([example(1), example(4)])
    assert arrays.labels.tolist() == [1, 0]
    assert arrays.patches_hu[:, 0, 0].tolist() == [-999, -996]
    assert arrays.center_zyx.tolist() == [[1, 20, 30], [4, 20, 30]]
    assert arrays.spacing_mm.dtype == np.float32


def test_take_by_indices_and_by_mask() -> None:
    arrays = ExampleArrays.from_examples([example(number) for number in range(4)])
    assert arrays.take([3, 0]).patient_id.tolist() == ["P3", "P0"]
    assert arrays.take(arrays.labels == 1).patient_id.tolist() == ["P1", "P3"]
    assert len(arrays.take([])) == 0


def test_concatenate() -> None:
    arrays = ExampleArrays.from_examples([example(number) for number in range(4)])
    joined = ExampleArrays.concatenate([arrays.take([0]), arrays.take([1, 2, 3])])
    np.testing.assert_array_equal(joined.patches_hu, arrays.patches_hu)
    assert joined.manufacturer.tolist() == arrays.manufacturer.tolist()
    assert len(ExampleArrays.concatenate([])) == 0


def test_wrong_columns_and_patches_are_refused() -> None:
    arrays = ExampleArrays.from_examples([example(1), example(2)])
    with pytest.raises(ValueError, match=r"labels must be int64 of shape \(2,\). Received"):
        dataclasses.replace(arrays, labels=arrays.labels[:1])
    with pytest.raises(ValueError, match=r"patches_hu must be int16"):
        dataclasses.replace(arrays, patches_hu=arrays.patches_hu.astype(np.float32))
    with pytest.raises(ValueError, match=r"patch_hu must be int16 \(40, 40\). Received: int16 of shape \(50"):
        ExampleArrays.from_examples([example(1, patch_hu=np.zeros((50, 50), np.int16))])

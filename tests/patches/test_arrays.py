"""Patches that were cut elsewhere."""

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from lungnet.config import PatchRules, SplitRules
from lungnet.ct import hashed_id
from lungnet.errors import InputError
from lungnet.patches import (
    ArrayExamples,
    ExampleArrays,
    array_examples,
    measured_unit,
    read_array_examples,
    read_array_file,
)

BY_GROUP = SplitRules(eval_groups=("3",))


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LUNGNET_ID_KEY", "a key for the tests")


def pool(size: int = 50, count: int = 80) -> dict[str, npt.NDArray[Any]]:
    """Every pixel is told apart: row and column of the patch, and a base that differs by patch."""
    rows, columns = np.mgrid[:size, :size]
    patches = (rows * 100 + columns)[None] - np.arange(count)[:, None, None] * 100
    return {
        "patches_hu": patches.astype(np.int16),
        "labels": (np.arange(count) % 4 == 0).astype(np.int64),
        "groups": np.arange(count) * 4 // count,
    }


def saved(folder: Path, arrays: dict[str, Any]) -> Path:
    path = folder / "pool.npz"
    np.savez(path, **arrays)
    return path


def made(
    path: Path, rules: PatchRules | None = None, split: SplitRules = BY_GROUP, seed: int = 0
) -> ArrayExamples:
    return array_examples(read_array_file(path), rules or PatchRules(), split, seed)


def test_evaluation_is_every_patch_once_at_its_centre(tmp_path: Path) -> None:
    arrays = pool()
    result = made(saved(tmp_path, arrays))
    assert result.unit == "patient"
    held_out = ExampleArrays.from_examples(result.splits["eval"])
    np.testing.assert_array_equal(held_out.patches_hu, arrays["patches_hu"][60:, 5:45, 5:45])
    assert held_out.labels.tolist() == arrays["labels"][60:].tolist()
    assert held_out.center_zyx[0].tolist() == [60, 25, 25]
    assert set(held_out.group_id.tolist()) == set(held_out.patient_id.tolist()) == {"3"}
    assert set(held_out.series_uid.tolist()) == {"pool/3"}
    # Without ids of its own a nodule is known by its row; what is no nodule has none.
    assert held_out.nodule_id.tolist() == [row if row % 4 == 0 else -1 for row in range(60, 80)]
    assert not ExampleArrays.from_examples(result.splits["validation"]).offset_yx.any()


def rows_of(result: ArrayExamples, split: str, label: int) -> set[int]:
    held = ExampleArrays.from_examples(result.splits[split])
    return set(held.center_zyx[held.labels == label, 0].tolist())


def test_a_share_of_the_positives_is_drawn_evenly_over_groups_and_lies_in_larger_ones(tmp_path: Path) -> None:
    arrays = read_array_file(saved(tmp_path, pool()))
    results = {
        share: array_examples(arrays, PatchRules(), BY_GROUP, seed=0, positive_share=share)
        for share in (0.1, 0.4, 0.8, 1.0)
    }
    rows = {share: rows_of(result, "train", 1) for share, result in results.items()}
    # Two groups with five positives each.
    groups = {share: Counter(arrays.groups[row] for row in found) for share, found in rows.items()}
    assert [sorted(counts.values()) for counts in groups.values()] == [[1], [2, 2], [4, 4], [5, 5]]
    assert rows[0.1] < rows[0.4] < rows[0.8] < rows[1.0]
    # Balance is restored by repeating the fewer ones oftener, and nothing else changes.
    for result in results.values():
        train = ExampleArrays.from_examples(result.splits["train"])
        assert Counter(train.labels.tolist()) == {1: 30, 0: 45}
        assert rows_of(result, "train", 0) == rows_of(results[1.0], "train", 0)
        for split, label in (("validation", 1), ("eval", 1), ("eval", 0)):
            assert rows_of(result, split, label) == rows_of(results[1.0], split, label)
    other = array_examples(arrays, PatchRules(), BY_GROUP, seed=3, positive_share=0.4)
    assert rows_of(other, "train", 1) != rows[0.4]


def test_a_share_of_many_groups_of_one_positive_is_that_share_of_them(tmp_path: Path) -> None:
    """One patch a group: a tenth of them is not one of each."""
    path = saved(tmp_path, {**pool(), "groups": np.arange(80)})
    once = {
        share: array_examples(read_array_file(path), PatchRules(), SplitRules(), 0, share)
        for share in (0.1, 0.5, 1.0)
    }
    few, half, everything = (rows_of(result, "train", 1) for result in once.values())
    assert len(few) == round(0.1 * len(everything)) and len(half) == round(0.5 * len(everything))
    assert few < half < everything


@pytest.mark.parametrize("share", [0.0, -0.1, 1.01, float("nan")])
def test_shares_of_positives_out_of_range(tmp_path: Path, share: float) -> None:
    arrays = read_array_file(saved(tmp_path, pool()))
    with pytest.raises(ValueError, match=f"positive_share.*{share}"):
        array_examples(arrays, PatchRules(), BY_GROUP, seed=0, positive_share=share)


def test_training_is_balanced_by_translated_repeats(tmp_path: Path) -> None:
    arrays = pool()
    train = ExampleArrays.from_examples(made(saved(tmp_path, arrays)).splits["train"])
    # Two groups of 20 patches, 5 of them nodules: 30 negatives, so 30 positives and 15 negatives more.
    assert Counter(train.labels.tolist()) == {1: 30, 0: 45}
    assert set(Counter(train.center_zyx[train.labels == 1, 0].tolist()).values()) == {3}
    assert set(Counter(train.center_zyx[train.labels == 0, 0].tolist()).values()) == {1, 2}
    # Never beyond the margin of 5, in both classes, and not the same for all.
    for label in (0, 1):
        offsets = train.offset_yx[train.labels == label]
        assert np.abs(offsets).max() == 5
        assert len(np.unique(offsets, axis=0)) > 20
    for patch, (index, row, column), offset in zip(
        train.patches_hu, train.center_zyx, train.offset_yx, strict=True
    ):
        assert (row - 25, column - 25) == tuple(offset)
        window = arrays["patches_hu"][index, row - 20 : row + 20, column - 20 : column + 20]
        np.testing.assert_array_equal(patch, window)


def test_more_positives_than_negatives_are_treated_alike(tmp_path: Path) -> None:
    arrays = pool()
    arrays["labels"] = 1 - arrays["labels"]
    train = ExampleArrays.from_examples(made(saved(tmp_path, arrays)).splits["train"])
    assert Counter(train.labels.tolist()) == {1: 30, 0: 45}
    rules = PatchRules(negatives_per_positive=2.0, negative_surplus=0.0)
    train = ExampleArrays.from_examples(made(saved(tmp_path, arrays), rules).splits["train"])
    assert Counter(train.labels.tolist()) == {1: 30, 0: 60}


def test_a_patch_without_margin_is_never_padded(tmp_path: Path) -> None:
    arrays = pool(size=40)
    train = ExampleArrays.from_examples(made(saved(tmp_path, arrays)).splits["train"])
    assert not train.offset_yx.any()
    wide = pool()
    wide["patches_hu"] = wide["patches_hu"][:, :41, :]
    offsets = ExampleArrays.from_examples(made(saved(tmp_path, wide)).splits["train"]).offset_yx
    assert np.abs(offsets).max(axis=0).tolist() == [0, 5]
    tight = ExampleArrays.from_examples(
        made(saved(tmp_path, pool()), PatchRules(max_offset_px=2)).splits["train"]
    )
    assert np.abs(tight.offset_yx).max() == 2


def test_the_seed_alone_decides(tmp_path: Path) -> None:
    path = saved(tmp_path, pool())
    first, again, other = (
        ExampleArrays.from_examples(made(path, seed=seed).splits["train"]) for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first.offset_yx, again.offset_yx)
    assert not np.array_equal(first.offset_yx, other.offset_yx)


def test_random_split_over_patches(tmp_path: Path) -> None:
    result = made(saved(tmp_path, pool(count=400)), split=SplitRules(by="random"))
    assert result.unit == "patch"
    origin = {name: {one.center_zyx[0] for one in part} for name, part in result.splits.items()}
    assert not origin["train"] & origin["eval"]
    assert not origin["train"] & origin["validation"]
    assert {one.group_id for one in result.splits["eval"]} == {"0", "1", "2", "3"}


def test_with_one_training_group_validation_is_by_nodule(tmp_path: Path) -> None:
    arrays = pool()
    arrays["groups"] = arrays["groups"] // 2
    arrays["nodule_id"] = np.where(arrays["labels"] == 1, np.arange(80) // 8, -1)
    result = made(saved(tmp_path, arrays), split=SplitRules(eval_groups=("1",)))
    assert result.unit == "nodule"
    assert measured_unit(result.splits) == "nodule"


def test_optional_arrays_pass_through(tmp_path: Path) -> None:
    arrays = pool() | {
        "patient_id": np.array([f"LIDC-IDRI-{row // 10:04d}" for row in range(80)]),
        "candidate_index": np.arange(80) + 500,
        "diameter_mm": np.linspace(3, 30, 80),
        "pixel_spacing_mm": np.full(80, 0.75),
        "malignancy": np.full(80, 3),
    }
    held_out = ExampleArrays.from_examples(made(saved(tmp_path, arrays)).splits["eval"])
    assert held_out.patient_id.tolist() == arrays["patient_id"][60:].tolist()
    assert held_out.nodule_id.tolist() == [row + 500 if row % 4 == 0 else -1 for row in range(60, 80)]
    np.testing.assert_allclose(held_out.diameter_mm, arrays["diameter_mm"][60:], rtol=1e-6)
    assert held_out.spacing_mm[0].tolist() == [0.0, 0.75, 0.75]
    assert set(held_out.malignancy.tolist()) == {3.0}
    arrays["pixel_spacing_mm"] = np.tile([0.5, 0.75], (80, 1))
    arrays["nodule_id"] = np.arange(80) + 9000
    held_out = ExampleArrays.from_examples(made(saved(tmp_path, arrays)).splits["eval"])
    assert held_out.spacing_mm[0].tolist() == [0.0, 0.5, 0.75]
    assert held_out.nodule_id.tolist() == list(range(9060, 9080))


def test_patients_who_are_not_of_a_research_archive_become_hashes(tmp_path: Path) -> None:
    arrays = pool()
    del arrays["groups"]
    arrays["patient_id"] = np.array([f"Doe^{'ABCD'[row // 20]}" for row in range(80)])
    path = saved(tmp_path, arrays)
    result = array_examples(read_array_file(path), PatchRules(), SplitRules(eval_groups=("Doe^B",)), 0)
    assert {one.group_id for one in result.splits["eval"]} == {hashed_id("patient", "Doe^B")}
    assert {one.center_zyx[0] for one in result.splits["eval"]} == set(range(20, 40))
    for part in result.splits.values():
        assert not any(
            "Doe" in text for one in part for text in (one.patient_id, one.group_id, one.series_uid)
        )


def test_text_floats_and_bools_are_understood(tmp_path: Path) -> None:
    arrays = pool()
    arrays["patches_hu"] = arrays["patches_hu"] + np.float32(0.5)
    arrays["labels"] = arrays["labels"].astype(bool)
    arrays["groups"] = arrays["groups"].astype(np.float64)
    held = read_array_file(saved(tmp_path, arrays))
    assert held.patches_hu[0, 0, :4].tolist() == [0, 2, 2, 4]  # half to even
    assert set(held.groups) == {"0", "1", "2", "3"}
    arrays["groups"] = np.array([b"ab", b"c"] * 40)
    assert set(read_array_file(saved(tmp_path, arrays)).groups) == {"ab", "c"}


def with_nan(values: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    broken = values.astype(np.float32)
    broken[7, 3, 3] = np.nan
    return broken


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"patches_hu": None}, r"lacks 'patches_hu'. Received: groups, labels"),
        ({"labels": None}, r"lacks 'labels'. Received: groups, patches_hu"),
        ({"groups": None}, r"lacks 'groups' or 'patient_id'. Received: labels, patches_hu"),
        ({"patches_hu": with_nan}, r"patches_hu must be finite. Received: 1 NaN .* in row 7"),
        (
            {"patches_hu": lambda a: a[:, :39]},
            r"\(n, h, w\) with n >= 1 and h, w >= 40. Received: \(80, 39, 50\)",
        ),
        ({"patches_hu": lambda a: a[0]}, r"\(n, h, w\) with n >= 1 .* Received: \(50, 50\)"),
        ({"patches_hu": lambda a: a[:0]}, r"Received: \(0, 50, 50\)"),
        ({"patches_hu": lambda a: a.astype(str)}, r"patches_hu must be numbers. Received: <U\d+ values"),
        ({"patches_hu": lambda a: a.astype(np.int32) * 100}, r"must lie within -32768 to 32767 HU"),
        ({"patches_hu": lambda a: (a - a.min()) / 20000.0}, r"must be Hounsfield units, not scaled ones"),
        (
            {"labels": lambda a: a[:-1]},
            r"labels must have one value for each of the 80 patches. Received: \(79,\)",
        ),
        ({"groups": lambda a: a[:, None]}, r"groups must have one value for each of the 80 patches"),
        ({"labels": lambda a: a + 1}, r"labels must be within 0 to 1. Received: 1 to 2"),
        ({"labels": lambda a: a * 0.5}, r"labels must be 0 or 1. Received: \[0.0, 0.5\]"),
        ({"labels": lambda a: a * 0}, r"patches of one class only; .* Received: 80 of class 0, 0 of class 1"),
        ({"labels": lambda a: a.astype(object)}, r"array of Python objects; expected numbers and text"),
        ({"groups": lambda a: a + 0.5}, r"groups must be text or whole numbers. Received: float64"),
        (
            {"groups": lambda a: np.where(a == 1, "", "x")},
            r"groups must name every patch. Received: 20 empty",
        ),
        ({"malignancy": lambda _: np.full(80, 6)}, r"malignancy must be within 0 to 5. Received: 6 to 6"),
        ({"nodule_id": lambda _: np.full(80, 0.5)}, r"nodule_id must be whole numbers"),
        ({"diameter_mm": lambda _: np.full(80, -1)}, r"diameter_mm must be at least 0. Received: -1 to -1"),
    ],
)
def test_each_fault_gets_its_sentence(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    arrays = pool()
    for key, change in changes.items():
        if change is None:
            del arrays[key]
        else:
            arrays[key] = change(arrays.get(key))
    with pytest.raises(InputError, match=message) as raised:
        read_array_file(saved(tmp_path, arrays))
    assert "pool.npz" in str(raised.value)


def test_files_of_another_kind(tmp_path: Path) -> None:
    path = saved(tmp_path, pool())
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match=r"pool.npz is truncated or damaged"):
        read_array_file(path)
    path.write_bytes(whole[:1000] + bytes(1000) + whole[2000:])
    with pytest.raises(InputError, match=r"pool.npz is truncated or damaged"):
        read_array_file(path)
    path.write_text("patches")
    with pytest.raises(InputError, match=r"pool.npz is no NumPy file; expected an .npz"):
        read_array_file(path)
    path.write_bytes(b"")
    with pytest.raises(InputError, match=r"pool.npz is truncated or damaged"):
        read_array_file(path)
    np.save(tmp_path / "one.npy", np.zeros(3))
    with pytest.raises(InputError, match=r"one.npy holds a single array"):
        read_array_file(tmp_path / "one.npy")
    with pytest.raises(InputError, match=r"Cannot read .*none.npz: No such file"):
        read_array_file(tmp_path / "none.npz")
    with pytest.raises(InputError, match=r"Cannot read .*: Is a directory"):
        read_array_file(tmp_path)


def test_unknown_evaluation_groups(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"split.eval_groups names '9', which is not among"):
        made(saved(tmp_path, pool()), split=SplitRules(eval_groups=("9",)))


def test_on_luna16(lungnet_data: Path) -> None:
    path = lungnet_data / "luna16" / "patches.npz"
    rules = PatchRules()
    splits = read_array_examples(path, rules, SplitRules(eval_groups=("6", "7")), seed=0)
    assert measured_unit(splits) == "patient"
    with np.load(path) as pool_of_all:
        held_out = np.isin(pool_of_all["groups"], (6, 7))
        expected = pool_of_all["patches_hu"][held_out, 5:45, 5:45]
        labels = pool_of_all["labels"][held_out]
    evaluation = ExampleArrays.from_examples(splits["eval"])
    np.testing.assert_array_equal(evaluation.patches_hu, expected)
    np.testing.assert_array_equal(evaluation.labels, labels)
    counts = Counter(one.label for one in splits["train"])
    assert counts[0] == counts[1] + np.ceil(counts[1] / 2)
    in_training = {one.center_zyx[0] for one in splits["train"]}
    assert len(in_training) + len(splits["validation"]) + len(evaluation) == 6502

"""Equal pixels are found whatever the patches are called, and counted as by hand."""

from typing import Any

import numpy as np
import pytest

from lungnet.patches import ExampleArrays, PatchExample
from lungnet.patches.duplicates import PixelContents, Repeated, Repeats


def patch(content: int) -> np.ndarray:
    return np.random.default_rng(content).integers(-1000, 400, (40, 40)).astype(np.int16)


def example(content: int, series: str = "s", slice_index: int = 0, **more: Any) -> PatchExample:
    more = {"label": 1, **more}
    return PatchExample(
        patch(content), patient_id=series, series_uid=series, group_id=series,
        center_zyx=(slice_index, 20, 20), **more,
    )  # fmt: skip


def repeated(**splits: list[PatchExample]) -> Repeated:
    contents = PixelContents()
    for split, examples in splits.items():
        contents.add(split, ExampleArrays.from_examples(examples))
    return contents.repeated()


def test_nothing_is_repeated_where_all_differ() -> None:
    found = repeated(train=[example(k) for k in range(5)], eval=[example(9)])
    assert len(found.rows) == 0
    assert found.across("train", "eval") is None
    assert found.within("train") == Repeats(0, 0)
    assert repeated().within("train") == Repeats(0, 0)


def test_one_pixel_makes_a_difference() -> None:
    other = patch(1)
    other[39, 39] += 1
    changed = PatchExample(other, 1, "s", "s", "s")
    assert repeated(train=[example(1)], eval=[changed]).across("train", "eval") is None


def test_counts_by_hand() -> None:
    # Contents: 1 three times in eval, 2 twice, of which one is labelled 0; 3 once.
    found = repeated(eval=[example(1)] * 3 + [example(2), example(2, label=0), example(3)])
    assert found.within("eval") == Repeats(3, 1)
    assert found.within("train") == Repeats(0, 0)


def test_training_may_repeat_a_window_but_not_copy_an_image() -> None:
    again = [example(1, slice_index=4)] * 5
    assert repeated(train=again).within("train") == Repeats(0, 0)
    assert repeated(validation=again).within("validation") == Repeats(4, 0)
    elsewhere = [example(1, "copy"), example(1, slice_index=5), example(1, slice_index=4, offset_yx=(1, 0))]
    assert repeated(train=again + elsewhere).within("train") == Repeats(3, 0)


def test_a_generator_that_draws_one_patch_only_repeats_itself() -> None:
    drawn = [example(1, "", source="synthetic") for _ in range(4)]
    contents = PixelContents()
    for batch in (drawn[:1], drawn[1:]):
        contents.add("train", ExampleArrays.from_examples(batch))
    assert contents.repeated().within("train") == Repeats(3, 0)


def test_shared_contents_are_counted_once_and_one_is_named() -> None:
    found = repeated(
        train=[example(1, "a", 7)] * 2 + [example(2, "b"), example(5)],
        eval=[example(1, "c", 8), example(2, "d")],
    )
    shared = found.across("train", "eval")
    assert shared is not None
    assert shared.count == 2
    assert {shared.left, shared.right} in (
        {"series a at voxel (7, 20, 20)", "series c at voxel (8, 20, 20)"},
        {"series b at voxel (0, 20, 20)", "series d at voxel (0, 20, 20)"},
    )
    assert found.across("train", "validation") is None


@pytest.mark.parametrize("value", [-1000, 0])
def test_patches_of_one_value_are_left_out(value: int) -> None:
    plain = PatchExample(np.full((40, 40), value, np.int16), 0, "s", "s", "s")
    assert repeated(train=[plain], eval=[plain, plain]).within("eval") == Repeats(0, 0)

"""Windows about false positives, and their place among the negatives of training."""

import dataclasses

import numpy as np
import pytest

from lungnet.config import PatchRules
from lungnet.ct import Volume
from lungnet.lidc import Scan
from lungnet.patches import (
    ExampleArrays,
    PatchExample,
    balance_training,
    mined_examples,
    outline_boxes,
    place_mined,
    with_mined_negatives,
)
from tests.patches.conftest import annotation

STILL = PatchRules(max_offset_px=0)


def test_what_a_single_reader_marked_is_no_hard_negative(chest: Volume) -> None:
    """The mark is on slices 10 and 11, rows 95 to 105, columns 55 to 65."""
    boxes = outline_boxes(chest, [annotation(1, 100, 60, range(10, 12))])
    # A window about row r holds rows r-20 ... r+19; a slice beside a marked one counts as marked.
    places = [(10, 100, 60), (11, 125, 60), (11, 126, 60), (12, 100, 60), (13, 100, 60), (8, 100, 60)]
    placed = place_mined(chest, places, [0] * 6, boxes, STILL, seed=0)
    assert placed.rows.tolist() == [2, 4, 5]
    assert placed.centers_zyx.tolist() == [[11, 126, 60], [13, 100, 60], [8, 100, 60]]
    # A detection that reaches over three slices, or over five: the slices of its extent count too.
    for extent, kept in ((0, [0]), (3, []), (5, [])):
        assert place_mined(chest, [(13, 100, 60)], [extent], boxes, STILL, 0).rows.tolist() == kept


def test_windows_are_translated_as_those_of_nodules_and_show_no_mark(chest: Volume) -> None:
    boxes = outline_boxes(chest, [annotation(1, 100, 60, range(4, 20))])
    places = [(float(z), row, column) for z in range(5, 18) for row in (128.2, 160) for column in (60, 180)]
    placed = place_mined(chest, places, np.zeros(len(places)), boxes, PatchRules(), seed=3)
    assert len(placed.rows) == len(places)
    anchors = np.rint(places).astype(int)
    np.testing.assert_array_equal(placed.centers_zyx[:, 1:] - placed.offsets_yx, anchors[:, 1:])
    np.testing.assert_array_equal(placed.centers_zyx[:, 0], anchors[:, 0])
    assert 8 <= np.abs(placed.offsets_yx).max() <= 10
    # The mark's last row is 105; windows over its columns must begin below it.
    below = placed.centers_zyx[np.abs(placed.centers_zyx[:, 2] - 60) < 20]
    assert len(below)
    assert (below[:, 1] - 20 > 105).all()
    # Where a detection lies alone says where its window is.
    alone = place_mined(chest, places[7:8], [0], boxes, PatchRules(), seed=3)
    np.testing.assert_array_equal(alone.centers_zyx[0], placed.centers_zyx[7])
    other = place_mined(chest, places, np.zeros(len(places)), boxes, PatchRules(), seed=4)
    assert (other.offsets_yx != placed.offsets_yx).any()


def test_a_window_that_hardly_fits_beside_a_mark_stays_where_it_was_found(chest: Volume) -> None:
    """Marks on all four sides of rows 80 to 119, columns 80 to 119 leave no other place."""
    boxes = np.array([[9, 79, 79, 0, 255], [9, 120, 120, 0, 255], [9, 0, 255, 79, 79], [9, 0, 255, 120, 120]])
    placed = place_mined(chest, [(9, 100, 100)], [0], boxes, PatchRules(), seed=0)
    assert placed.centers_zyx.tolist() == [[9, 100, 100]]
    assert placed.offsets_yx.tolist() == [[0, 0]]


def test_windows_stay_in_the_volume(chest: Volume) -> None:
    none = np.empty((0, 5), np.int64)
    corners = [(0, row, column) for row in (0, 255) for column in (0, 255)] * 3
    placed = place_mined(chest, corners, [3] * 12, none, PatchRules(), seed=0)
    assert len(placed.rows) == 12
    assert ((placed.centers_zyx >= 0) & (placed.centers_zyx < chest.hu.shape)).all()


def test_without_detections_nothing_is_mined(chest: Volume, scan: Scan) -> None:
    placed = place_mined(chest, np.empty((0, 3)), [], np.empty((0, 5), np.int64), PatchRules(), seed=0)
    assert placed.centers_zyx.shape == (0, 3)
    assert placed.offsets_yx.shape == (0, 2)
    assert mined_examples(chest, scan, placed) == []


def test_an_example_is_a_negative_of_its_series(chest: Volume, scan: Scan) -> None:
    none = np.empty((0, 5), np.int64)
    (one,) = mined_examples(chest, scan, place_mined(chest, [(9, 100, 70)], [0], none, STILL, seed=0))
    np.testing.assert_array_equal(one.patch_hu, chest.hu[9, 80:120, 50:90])
    assert (one.label, one.nodule_id, one.source) == (0, -1, "real")
    assert (one.patient_id, one.group_id, one.series_uid) == (
        scan.patient_id,
        scan.patient_id,
        scan.series_uid,
    )
    assert (one.center_zyx, one.offset_yx) == ((9, 100, 70), (0, 0))
    assert (one.spacing_mm, one.slice_thickness_mm, one.manufacturer) == ((2.5, 0.75, 0.75), 2.5, "Siemens")


def examples(positives: int, negatives: int, value: int) -> ExampleArrays:
    patch = np.full((40, 40), value, np.int16)
    return ExampleArrays.from_examples(
        PatchExample(patch, int(row < positives), f"P{row}", f"s{row}", f"P{row}", center_zyx=(row, 0, value))
        for row in range(positives + negatives)
    )


@pytest.mark.parametrize(
    ("random", "mined", "wanted", "share", "expected"),
    [
        (10, 8, 12, 0.5, (6, 6)),  # of the docstring
        (10, 3, 12, 0.5, (3, 9)),
        (10, 2, 20, 0.5, (2, 10)),  # fewer than wanted: all
        (10, 8, 12, 1.0, (8, 4)),
        (10, 20, 12, 1.0, (12, 0)),
        (10, 8, 12, 0.0, (0, 10)),  # 12 would need two that nobody may mine
        (10, 0, 8, 0.5, (0, 8)),
        (0, 8, 8, 0.5, (4, 0)),
    ],
)
def test_mined_ones_come_first_and_balance_keeps_them(
    random: int, mined: int, wanted: int, share: float, expected: tuple[int, int]
) -> None:
    real, hard = examples(4, random, value=-800), examples(0, mined, value=-300)
    train, taken = with_mined_negatives(real, hard, wanted, share, seed=0)
    values = train.patches_hu[:, 0, 0]
    assert taken == expected[0]
    assert train.labels[:4].tolist() == [1] * 4
    assert train.labels.sum() == 4
    assert ((values == -300).sum(), (values[4:] == -800).sum()) == expected
    # The most wanted are taken.
    assert train.series_uid[values == -300].tolist() == [f"s{row}" for row in range(taken)]
    # An Augmenter that asks for `wanted` drops none of them.
    rules = PatchRules(negatives_per_positive=wanted / 4)
    balanced = ExampleArrays.from_examples(balance_training(train, np.empty((0, 40, 40), np.int16), rules, 0))
    assert len(balanced) == len(train)


def test_which_random_negatives_stay_is_the_seeds(chest: Volume) -> None:
    real, hard = examples(4, 30, value=-800), examples(0, 8, value=-300)

    def kept(seed: int, of: ExampleArrays = real) -> list[str]:
        train, _ = with_mined_negatives(of, hard, 20, 0.5, seed)
        return train.series_uid[(train.labels == 0) & (train.patches_hu[:, 0, 0] == -800)].tolist()

    assert kept(0) == kept(0) != kept(1)
    assert len(kept(0)) == 12
    backwards = real.take(np.arange(len(real))[::-1])
    assert sorted(kept(0, backwards)) == sorted(kept(0))


def test_windows_hang_on_their_series(chest: Volume) -> None:
    other = dataclasses.replace(chest, series_uid="1.2.3")
    places, none = [(9, 100, 70 + step) for step in range(9)], np.empty((0, 5), np.int64)
    offsets = [place_mined(one, places, [0] * 9, none, PatchRules(), 0).offsets_yx for one in (chest, other)]
    assert (offsets[0] != offsets[1]).any()

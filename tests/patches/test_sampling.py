"""The patches of one series."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from lungnet.config import PatchRules
from lungnet.ct import Volume, extract, find_series, read_series
from lungnet.errors import InputError
from lungnet.lidc import Scan, Task, find_scan, nodules_of
from lungnet.patches import ExampleArrays, PatchExample, SampledSeries, sample_series
from lungnet.patches.negatives import outline_boxes, touches
from lungnet.patches.slices import slice_indices
from tests.patches.conftest import SERIES, annotation, nodule


@pytest.fixture(scope="module")
def two_nodules(chest: Volume, scan: Scan) -> SampledSeries:
    readers = [annotation(1, 128, 70, range(4, 14)), annotation(2, 110, 180, range(9, 12), malignancy=2)]
    nodules = [nodule(scan, reader) for reader in readers]
    return sample_series(chest, scan, nodules, readers, PatchRules(), seed=3)


def test_positives_are_windows_about_their_nodule(chest: Volume, two_nodules: SampledSeries) -> None:
    assert len(two_nodules.positives) == 10
    centers = {1: (128, 70), 2: (110, 180)}
    for example in two_nodules.positives:
        z, row, column = example.center_zyx
        assert (row, column) == tuple(np.add(centers[example.nodule_id], example.offset_yx))
        assert 4 <= z < 14 if example.nodule_id == 1 else 9 <= z < 12
        assert max(map(abs, example.offset_yx)) <= 10
        # The window is rows r-20 ... r+19 of slice z.
        np.testing.assert_array_equal(
            example.patch_hu, chest.hu[z, row - 20 : row + 20, column - 20 : column + 20]
        )
        assert (example.label, example.patient_id, example.group_id) == (
            1,
            "LIDC-IDRI-0001",
            "LIDC-IDRI-0001",
        )
        assert (example.series_uid, example.manufacturer) == (SERIES, "Siemens")
        assert (example.spacing_mm, example.slice_thickness_mm) == ((2.5, 0.75, 0.75), 2.5)
        assert (example.malignancy, example.texture) == ({1: 5.0, 2: 2.0}[example.nodule_id], 4.0)
    # Ten slices in five stretches: one patch from each two. Three slices: every one of them is used.
    assert [one.center_zyx[0] // 2 for one in two_nodules.positives[:5]] == [2, 3, 4, 5, 6]
    assert {one.center_zyx[0] for one in two_nodules.positives[5:]} == {9, 10, 11}
    assert len({one.offset_yx for one in two_nodules.positives}) > 8


def test_negatives_balance_positives_and_lie_elsewhere(chest: Volume, two_nodules: SampledSeries) -> None:
    assert len(two_nodules.negatives) == 10
    for example in two_nodules.negatives:
        z, row, column = example.center_zyx
        assert (example.label, example.nodule_id, example.malignancy, example.diameter_mm) == (
            0,
            -1,
            0.0,
            0.0,
        )
        np.testing.assert_array_equal(example.patch_hu, extract(chest, [(z, row, column)])[0])
    ExampleArrays.from_examples(two_nodules.positives + two_nodules.negatives)


def key(example: PatchExample) -> tuple[object, ...]:
    return example.nodule_id, example.center_zyx, example.offset_yx


def test_a_nodule_keeps_its_patches_whoever_else_is_there(
    chest: Volume, scan: Scan, two_nodules: SampledSeries
) -> None:
    reader = annotation(2, 110, 180, range(9, 12))
    alone = sample_series(chest, scan, [nodule(scan, reader)], [reader], PatchRules(), seed=3)
    assert [key(one) for one in alone.positives] == [key(one) for one in two_nodules.positives[5:]]
    other = sample_series(chest, scan, [nodule(scan, reader)], [reader], PatchRules(), seed=4)
    assert [key(one) for one in other.positives] != [key(one) for one in alone.positives]


@pytest.mark.parametrize(("ratio", "count"), [(1.5, 8), (1.2, 6), (0.2, 1)])
def test_the_surplus_adds_negatives_and_changes_nothing_else(
    chest: Volume, scan: Scan, ratio: float, count: int
) -> None:
    reader = annotation(2, 110, 180, range(9, 12))
    arguments = (chest, scan, [nodule(scan, reader)], [reader], PatchRules(), 3)
    plain = sample_series(*arguments)
    more = sample_series(*arguments, negatives_per_positive=ratio)
    assert len(more.negatives) == count
    assert [key(one) for one in more.positives] == [key(one) for one in plain.positives]
    shared = min(count, len(plain.negatives))
    assert [key(one) for one in more.negatives[:shared]] == [key(one) for one in plain.negatives[:shared]]


def test_malignancy_takes_both_classes_from_nodules(chest: Volume, scan: Scan) -> None:
    ratings = {1: 5, 2: 4, 3: 3, 4: 2, 5: 0}
    readers = [
        annotation(n, 60 + 20 * n, 70, range(9, 12), malignancy=rating) for n, rating in ratings.items()
    ]
    nodules = [nodule(scan, reader) for reader in readers]
    sampled = sample_series(
        chest, scan, nodules, readers, PatchRules(patches_per_nodule=2), 0, task="malignancy"
    )
    assert [one.nodule_id for one in sampled.positives] == [1, 1, 2, 2]
    assert [one.nodule_id for one in sampled.negatives] == [4, 4]
    assert {one.label for one in sampled.negatives} == {0}


def test_further_windows_are_of_the_same_nodules_and_change_no_other(chest: Volume, scan: Scan) -> None:
    readers = [
        annotation(n, 60 + 20 * n, 70, range(3, 18), malignancy=rating) for n, rating in ((1, 5), (2, 1))
    ]
    nodules = [nodule(scan, reader) for reader in readers]
    task: Task = "malignancy"
    arguments = (chest, scan, nodules, readers, PatchRules(), 0, task)
    plain = sample_series(*arguments)
    more = sample_series(*arguments, further={1: 2.0, 0: 0.0})
    assert plain.further == []
    assert [key(one) for one in more.positives] == [key(one) for one in plain.positives]
    assert [key(one) for one in more.negatives] == [key(one) for one in plain.negatives]
    assert {(one.nodule_id, one.label) for one in more.further} == {(1, 1)}
    assert len({key(one) for one in more.further + more.positives}) == 15
    # Each round of five goes through the nodule from end to end, as its own windows do: 15 slices, 3 each.
    slices = [one.center_zyx[0] for one in more.further]
    assert [(z - 3) // 3 for z in slices] == [0, 1, 2, 3, 4] * 2
    # A part of a round is drawn by hash.
    some = sample_series(*arguments, further={1: 0.4}).further
    assert 0 < len(some) < 5
    assert {key(one) for one in some} < {key(one) for one in more.further}


def test_a_series_without_nodules_gives_nothing(chest: Volume, scan: Scan) -> None:
    assert sample_series(chest, scan, [], [], PatchRules(), 0) == SampledSeries([], [])


def test_windows_may_reach_beyond_the_volume(chest: Volume, scan: Scan) -> None:
    reader = annotation(1, 8, 8, range(2), radius=3)
    rules = PatchRules(max_offset_px=0, min_lung_fraction=1.0)
    patch = sample_series(chest, scan, [nodule(scan, reader)], [reader], rules, 0).positives[0].patch_hu
    assert (patch[:12] == -1000).all()
    assert (patch[:, :12] == -1000).all()
    np.testing.assert_array_equal(patch[12:, 12:], chest.hu[0, :28, :28])


def test_wrong_series_and_wrong_slices(chest: Volume, scan: Scan) -> None:
    with pytest.raises(InputError, match="annotations are of another series than the CT"):
        sample_series(chest, dataclasses.replace(scan, series_uid="1.2.3"), [], [], PatchRules(), 0)
    beyond = annotation(9, 110, 180, range(23, 26))
    with pytest.raises(InputError, match=r"nodule 9 lies at z = -240 mm; .* CT spans -300 to -242.5 mm"):
        sample_series(chest, scan, [nodule(scan, beyond)], [beyond], PatchRules(), 0)
    with pytest.raises(InputError, match=r"an outline lies at z = -240 mm"):
        near = annotation(1, 110, 70, range(3, 6))
        sample_series(chest, scan, [nodule(scan, near)], [near, beyond], PatchRules(), 0)


def test_the_archive_knows_what_the_file_does_not(chest: Volume, scan: Scan) -> None:
    nameless = dataclasses.replace(chest, patient_id="hmac-1", slice_thickness_mm=0.0)
    reader = annotation(2, 110, 180, range(9, 12))
    sampled = sample_series(nameless, scan, [nodule(scan, reader)], [reader], PatchRules(), 0)
    for example in sampled.positives + sampled.negatives:
        assert (example.patient_id, example.group_id) == ("LIDC-IDRI-0001", "LIDC-IDRI-0001")
        assert example.slice_thickness_mm == 2.5


def test_slices_by_position(chest: Volume) -> None:
    assert slice_indices(chest, [-300.0, -298.76, -298.74, -241.3], "x").tolist() == [0, 0, 1, 23]
    # Rows that run right to left: the slice normal, and with it the slice index, runs downwards.
    flipped = dataclasses.replace(chest, direction=np.diag([-1.0, 1.0, -1.0]))
    assert slice_indices(flipped, [-300.0, -305.0], "x").tolist() == [0, 2]
    assert slice_indices(chest, [], "x").tolist() == []


def test_on_a_real_series(lungnet_data: Path) -> None:
    (series,) = find_series(lungnet_data / "lidc" / "LIDC-IDRI-0001")
    volume = read_series(series.folder)
    known = find_scan(volume.series_uid)
    assert known is not None
    scan, annotations = known
    nodules = [one for one in nodules_of(scan, annotations) if one.readers >= 3]
    assert nodules
    sampled = sample_series(
        volume, scan, nodules, annotations, PatchRules(), seed=0, negatives_per_positive=4.0
    )
    assert len(sampled.positives) == 5 * len(nodules)
    assert len(sampled.negatives) == 4 * len(sampled.positives)
    boxes = outline_boxes(volume, annotations)
    centers = np.array([one.center_zyx for one in sampled.negatives])
    assert not touches(centers, boxes).any()
    assert touches(np.array([one.center_zyx for one in sampled.positives]), boxes).all()
    # Nodules are denser than the lung about them: swapped rows and columns would show.
    middles = [
        np.median(one.patch_hu[20 - one.offset_yx[0] - 2 :, 20 - one.offset_yx[1] - 2 :][:5, :5])
        for one in sampled.positives
    ]
    assert np.median(middles) > -150
    assert np.mean([one.patch_hu[20, 20] < -500 for one in sampled.negatives]) > 0.3

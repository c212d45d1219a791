"""Negatives show no nodule and lie where they should."""

import dataclasses

import numpy as np
import pytest

from lungnet.config import PatchRules
from lungnet.ct import Volume, body_mask, lung_mask
from lungnet.errors import InputError
from lungnet.patches.negatives import outline_boxes, place_negatives, touches
from tests.patches.conftest import annotation


def test_boxes_by_hand(chest: Volume) -> None:
    boxes = outline_boxes(chest, [annotation(7, row=100, column=60, slices=range(3, 5), radius=4)])
    assert boxes.tolist() == [[3, 95, 105, 55, 65], [4, 95, 105, 55, 65]]
    assert outline_boxes(chest, []).shape == (0, 5)


def test_touching_by_hand() -> None:
    box = np.array([[5, 100, 110, 60, 70]])
    # A window about r holds rows r-20 ... r+19.
    rows = {80: False, 81: True, 130: True, 131: False}
    for row, expected in rows.items():
        assert touches(np.array([[5, row, 65]]), box).tolist() == [expected]
    columns = {40: False, 41: True, 90: True, 91: False}
    for column, expected in columns.items():
        assert touches(np.array([[5, 105, column]]), box).tolist() == [expected]
    slices = {3: False, 4: True, 6: True, 7: False}
    for index, expected in slices.items():
        assert touches(np.array([[index, 105, 65]]), box).tolist() == [expected]


def test_no_window_holds_what_any_reader_marked(chest: Volume) -> None:
    readers = [annotation(number, 128, column, range(4, 20)) for number, column in ((1, 70), (2, 180))]
    rules = PatchRules(min_lung_fraction=0.25)
    centers, offsets = place_negatives(chest, readers, 60, rules, seed=1)
    marked = np.zeros(chest.hu.shape, bool)
    for index, top, bottom, left, right in outline_boxes(chest, readers).tolist():
        marked[max(index - 1, 0) : index + 2, top : bottom + 1, left : right + 1] = True
    for z, row, column in centers.tolist():
        assert not marked[z, max(row - 20, 0) : row + 20, max(column - 20, 0) : column + 20].any()
    body = body_mask(chest.hu, 0.75)
    lung = lung_mask(chest)
    anchors = centers.copy()
    anchors[:, 1:] -= offsets
    for points in (centers, anchors):
        assert body[tuple(points.T)].all()
        assert lung[tuple(points.T)].mean() >= 0.25
    assert np.abs(offsets).max() == 10
    assert len(set(centers[:, 0].tolist())) > 10


def test_all_from_the_lung(chest: Volume) -> None:
    centers, _ = place_negatives(chest, [], 30, PatchRules(min_lung_fraction=1.0), seed=1)
    assert lung_mask(chest)[tuple(centers.T)].all()


def test_more_negatives_change_none_of_the_first(chest: Volume) -> None:
    few, few_offsets = place_negatives(chest, [], 5, PatchRules(), seed=1)
    many, many_offsets = place_negatives(chest, [], 12, PatchRules(), seed=1)
    np.testing.assert_array_equal(many[:5], few)
    np.testing.assert_array_equal(many_offsets[:5], few_offsets)
    assert len(np.unique(many, axis=0)) == 12
    assert place_negatives(chest, [], 5, PatchRules(), seed=2)[0].tolist() != few.tolist()


def test_no_room(chest: Volume) -> None:
    everywhere = annotation(1, 128, 128, range(24), radius=120)
    with pytest.raises(InputError, match=r"no window free of annotations was found in the lung"):
        place_negatives(chest, [everywhere], 2, PatchRules(), seed=0)
    air = dataclasses.replace(chest, hu=np.full_like(chest.hu, -1000))
    with pytest.raises(InputError, match=r"found in the body; expected a chest CT"):
        place_negatives(air, [], 2, PatchRules(min_lung_fraction=0.0), seed=0)

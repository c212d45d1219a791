from collections.abc import Callable

import numpy as np
import pytest

from lungnet.lidc import Nodule
from lungnet.phantom.lesions import shape_of
from lungnet.phantom.placement import APART_PX, MARGIN_SLICES, MIN_SLICES, place_shapes, stack_shapes

MakeNodule = Callable[..., Nodule]


@pytest.fixture
def lung() -> np.ndarray:
    lung = np.zeros((24, 256, 256), np.float32)
    lung[:, 40:220, 30:120] = 1.0
    lung[:, 40:220, 140:230] = 1.0
    return lung


def test_slabs_leave_a_margin_above_and_below(make_nodule: MakeNodule):
    shapes = [shape_of(make_nodule((80, 90, 5, 3, height))) for height in (2, 20)]
    slices, starts = stack_shapes(shapes, np.random.default_rng(0))
    assert slices >= max(MIN_SLICES, 20 + 2 * MARGIN_SLICES)
    for shape, start in zip(shapes, starts, strict=True):
        assert start >= MARGIN_SLICES
        assert start + shape.size_zyx[0] <= slices - MARGIN_SLICES


@pytest.mark.parametrize("seed", range(8))
def test_nodules_lie_in_the_lung_and_apart(make_nodule: MakeNodule, lung: np.ndarray, seed: int):
    shapes = [shape_of(make_nodule((x, 100, 6, 5, 4))) for x in (70, 75, 180)]
    starts = [6, 8, 10]
    places = place_shapes(shapes, starts, lung, np.zeros_like(lung), np.random.default_rng(seed))
    boxes = []
    for shape, place, start in zip(shapes, places, starts, strict=True):
        assert place is not None and place.first_slice == start
        row, column = place.corner_yx
        slices, rows, columns = shape.size_zyx
        part = lung[start : start + slices, row : row + rows, column : column + columns]
        assert (part[shape.masks.any(0)] == 1.0).all()
        boxes.append((row, row + rows, column, column + columns))
    for i, a in enumerate(boxes):
        for b in boxes[:i]:
            gap_y = max(a[0], b[0]) - min(a[1], b[1])
            gap_x = max(a[2], b[2]) - min(a[3], b[3])
            assert max(gap_y, gap_x) >= APART_PX[0]


def test_a_nodule_stays_near_its_place_in_the_source(make_nodule: MakeNodule, lung: np.ndarray):
    shape = shape_of(make_nodule((80, 120, 6, 5, 4)))
    rows = [
        place.corner_yx[0]
        for seed in range(12)
        for place in place_shapes([shape], [6], lung, np.zeros_like(lung), np.random.default_rng(seed))
        if place is not None
    ]
    assert len(rows) == 12
    assert np.median(rows) == pytest.approx(shape.corner_yx[0], abs=20)


def test_some_nodules_touch_the_pleura(make_nodule: MakeNodule, lung: np.ndarray):
    shape = shape_of(make_nodule((75, 120, 6, 5, 4)))
    gaps = []
    for seed in range(30):
        (place,) = place_shapes([shape], [6], lung, np.zeros_like(lung), np.random.default_rng(seed))
        assert place is not None
        left = place.corner_yx[1] + 1
        gaps.append(min(left - 30, 120 - (left + 11)))
    touching = np.sum(np.array(gaps) <= 2)
    assert 2 <= touching <= 15


def test_a_nodule_larger_than_the_lung_has_no_place(make_nodule: MakeNodule, lung: np.ndarray):
    shape = shape_of(make_nodule((100, 100, 60, 5, 4)))
    assert place_shapes([shape], [6], lung, np.zeros_like(lung), np.random.default_rng(0)) == [None]

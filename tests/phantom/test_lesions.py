from collections.abc import Callable

import numpy as np
import pytest

from lungnet.lidc import Nodule
from lungnet.phantom.lesions import Shape, depth_inside, draw_lesion, inner_hu, opacity, shape_of

MakeNodule = Callable[..., Nodule]


def box_of(shape: Shape, array: np.ndarray) -> np.ndarray:
    """The nodule's own box of an array that is one slice and two pixels larger on every side."""
    return array[1:-1, 2:-2, 2:-2]


def drawn(nodule: Nodule, background: float = -860.0) -> tuple[np.ndarray, Shape]:
    shape = shape_of(nodule)
    hu = np.full((30, 64, 64), background, np.float32)
    draw_lesion(hu, shape, 10, (20, 24), np.random.default_rng(0))
    _, rows, columns = shape.size_zyx
    return hu[10 : 10 + shape.size_zyx[0], 20 : 20 + rows, 24 : 24 + columns], shape


def test_outlines_are_filled_and_moved_to_the_corner_of_their_box(make_nodule: MakeNodule):
    shape = shape_of(make_nodule((100, 50, 4, 8, 3), (101, 50, 4, 9, 3)))
    assert (shape.first_slice, shape.corner_yx) == (8, (46, 96))
    assert shape.size_zyx == (4, 9, 10)
    # The outline itself is outside: 7 x 7 voxels are left of the first reader's square of 9 x 9.
    np.testing.assert_array_equal(shape.masks.sum((2, 3)), [[49, 49, 49, 0], [0, 49, 49, 49]])
    assert shape.masks[0, 0, 1:8, 1:8].all() and shape.masks[1, 1, 1:8, 2:9].all()


def test_depth_is_half_a_pixel_at_the_border_and_deepest_in_the_middle(make_nodule: MakeNodule):
    shape = shape_of(make_nodule((100, 50, 10, 4, 20)))
    depth = box_of(shape, depth_inside(shape))
    assert depth[10, 10, 1] == pytest.approx(0.5, abs=0.05)
    assert depth[10, 10, 0] == pytest.approx(-0.5, abs=0.05)
    assert np.unravel_index(depth.argmax(), depth.shape)[1:] == (10, 10)


def test_nothing_outside_the_outlines_of_all_readers_changes(make_nodule: MakeNodule):
    nodule = make_nodule((100, 50, 6, 8, 4), (102, 51, 5, 8, 6), (99, 50, 7, 9, 3), texture=3)
    shape = shape_of(nodule)
    hu = np.full((30, 64, 64), -860.0, np.float32)
    draw_lesion(hu, shape, 10, (20, 24), np.random.default_rng(0))
    outlined = np.zeros(hu.shape, bool)
    slices, rows, columns = shape.size_zyx
    outlined[10 : 10 + slices, 20 : 20 + rows, 24 : 24 + columns] = shape.masks.any(0)
    changed = hu != -860.0
    assert not (changed & ~outlined).any()
    agreed = np.zeros(hu.shape, bool)
    agreed[10 : 10 + slices, 20 : 20 + rows, 24 : 24 + columns] = shape.masks.mean(0) > 0.5
    assert changed[agreed].mean() > 0.95


def test_what_readers_agree_on_is_dense_and_what_one_alone_drew_is_not(make_nodule: MakeNodule):
    nodule = make_nodule((100, 50, 5, 8, 5), (100, 50, 5, 8, 5), (100, 50, 5, 8, 5), (100, 50, 6, 7, 7))
    shape = shape_of(nodule)
    share = box_of(shape, opacity(shape, depth_inside(shape)))
    agreed = shape.masks.mean(0) > 0.5
    assert share[agreed].mean() > 0.7
    assert share[~agreed].mean() < 0.1


def test_a_nodule_that_readers_place_apart_is_still_seen(make_nodule: MakeNodule):
    shape = shape_of(make_nodule((100, 50, 2, 8, 1), (103, 50, 2, 8, 1)))
    assert not shape.masks.all(0).any()
    assert opacity(shape, depth_inside(shape)).max() == pytest.approx(1.0)


def test_every_slice_that_half_of_the_readers_outlined_shows_the_nodule(make_nodule: MakeNodule):
    # Patches are taken from these slices: none of them may be empty.
    shape = shape_of(
        make_nodule((100, 50, 4, 8, 2), (100, 50, 4, 8, 3), (100, 50, 4, 8, 9), (100, 50, 4, 8, 9))
    )
    share = box_of(shape, opacity(shape, depth_inside(shape)))
    assert (share.max((1, 2)) > 0.6).all()


def test_density_follows_the_texture_rating(make_nodule: MakeNodule):
    means = []
    for texture in range(1, 6):
        shape = shape_of(make_nodule((100, 50, 9, 8, 7), texture=texture))
        depth = depth_inside(shape)
        drawn = [inner_hu(shape, depth, np.random.default_rng(seed))[depth > 2].mean() for seed in range(8)]
        means.append(np.mean(drawn))
    assert means[0] == pytest.approx(-610, abs=30)
    assert means[4] == pytest.approx(35, abs=30)
    assert means == sorted(means)


def test_a_part_solid_nodule_has_a_denser_core(make_nodule: MakeNodule):
    shape = shape_of(make_nodule((100, 50, 10, 8, 7), texture=3))
    hu = box_of(shape, inner_hu(shape, depth_inside(shape), np.random.default_rng(0)))
    assert hu[3, 8:13, 8:13].mean() > hu[3, 2:5, 2:19].mean() + 150


@pytest.mark.parametrize("pattern", [1, 2, 3, 4, 5])
def test_calcified_nodules_hold_calcium(make_nodule: MakeNodule, pattern: int):
    hu, _ = drawn(make_nodule((100, 50, 10, 8, 9), calcification=pattern))
    plain, _ = drawn(make_nodule((100, 50, 10, 8, 9)))
    assert hu.max() > 250 > plain.max()
    assert hu.mean() > plain.mean()


def test_a_poor_margin_fades_over_more_pixels(make_nodule: MakeNodule):
    sharp = shape_of(make_nodule((100, 50, 10, 8, 9), margin=5))
    poor = shape_of(make_nodule((100, 50, 10, 8, 9), margin=1))
    sharp_row = box_of(sharp, opacity(sharp, depth_inside(sharp)))[4, 10]
    poor_row = box_of(poor, opacity(poor, depth_inside(poor)))[4, 10]
    assert (poor_row <= sharp_row + 1e-6).all()
    assert ((poor_row > 0) & (poor_row < 0.99)).sum() > ((sharp_row > 0) & (sharp_row < 0.99)).sum()


def test_a_brighter_vessel_shows_through(make_nodule: MakeNodule):
    hu, _ = drawn(make_nodule((100, 50, 8, 8, 5), texture=1), background=60.0)
    assert (hu == 60.0).all()

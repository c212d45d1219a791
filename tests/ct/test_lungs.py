"""Body and lungs of a drawn chest, and of real ones."""

import numpy as np
import pytest

from lungnet.ct import (
    Volume,
    body_and_lungs,
    body_mask,
    find_series,
    lung_mask,
    read_candidates,
    read_series,
)

SPACING = (2.5, 1.0, 1.0)


def ellipse(row: float, column: float, high: float, wide: float) -> np.ndarray:
    y, x = np.ogrid[:240, :300]
    return ((y - row) / high) ** 2 + ((x - column) / wide) ** 2 <= 1


LEFT, RIGHT = ellipse(120, 90, 70, 45), ellipse(120, 210, 70, 45)
BODY = ellipse(120, 150, 105, 140)


@pytest.fixture(scope="module")
def chest() -> Volume:
    """A body with two lungs, a vessel, a nodule at the wall, bowel gas, a table and padding."""
    plane = np.full((240, 300), -1000, np.int16)
    plane[:3] = -3024
    plane[232:234, 40:260] = 200  # the table
    plane[BODY] = 40
    plane[LEFT | RIGHT] = -850
    plane[ellipse(120, 90, 6, 6)] = 50  # vessel
    plane[ellipse(120, 49, 8, 8) & BODY] = 30  # nodule that touches the wall
    plane[ellipse(60, 150, 12, 12)] = -900  # bowel
    return Volume(np.repeat(plane[None], 6, axis=0), SPACING, (0.0, 0.0, 0.0))


def overlap(one: np.ndarray, other: np.ndarray) -> float:
    """Dice coefficient."""
    return 2 * float((one & other).sum()) / float(one.sum() + other.sum())


def test_body_is_the_patient_without_table(chest):
    mask = body_mask(chest.hu, 1.0)
    assert mask.shape == chest.hu.shape and mask.dtype == bool
    assert overlap(mask[3], BODY) > 0.98
    assert not mask[:, 231:].any()
    assert mask[3, 120, 90] and mask[3, 60, 150]


def test_lungs_hold_vessel_and_nodule_at_the_wall(chest):
    mask = lung_mask(chest)
    assert mask.shape == chest.hu.shape and mask.dtype == bool
    assert overlap(mask[3], LEFT | RIGHT) > 0.95
    assert mask[3, 120, 90] and mask[3, 120, 52]
    assert not mask[3, 60, 150]  # bowel
    assert not mask[3, 120, 150]  # between the lungs
    assert not (mask & ~body_mask(chest.hu, 1.0)).any()


def test_masks_on_cells_hold_what_masks_of_voxels_hold(chest):
    # Spacing 0.9 mm: cells of 3 voxels, and the 160 columns of the strip leave a rest of one.
    strip = Volume(chest.hu[:2, :, :160], (2.5, 0.9, 0.9), (0.0, 0.0, 0.0))
    zyx = np.argwhere(np.ones(strip.hu.shape, bool))
    body, lungs = body_and_lungs(strip)
    assert body.factor == 3 and body.cells.shape == (2, 80, 53)
    for mask, whole in ((body, body_mask(strip.hu, 0.9)), (lungs, lung_mask(strip))):
        assert whole.any() and not whole.all()
        assert np.array_equal(mask.holds(zyx).reshape(strip.hu.shape), whole)


@pytest.mark.parametrize("thickness", [1, 2])
def test_thin_slab_gives_the_same(chest, thickness):
    slab = Volume(chest.hu[:thickness], SPACING, (0.0, 0.0, 0.0))
    assert np.array_equal(lung_mask(slab), lung_mask(chest)[:thickness])


def test_mirrored_chest_gives_mirrored_lungs(chest):
    mirrored = Volume(np.ascontiguousarray(chest.hu[:, :, ::-1]), SPACING, (0.0, 0.0, 0.0))
    assert np.array_equal(lung_mask(mirrored), lung_mask(chest)[:, :, ::-1])


def test_air_and_tissue_alone_have_no_lung():
    for value in (-1000, 40):
        volume = Volume(np.full((2, 50, 61), value, np.int16), SPACING, (0.0, 0.0, 0.0))
        assert not lung_mask(volume).any()
        assert (body_mask(volume.hu) == (value == 40)).all()


def test_images_smaller_than_a_cell():
    volume = Volume(np.zeros((1, 2, 1), np.int16), SPACING, (0.0, 0.0, 0.0))
    assert lung_mask(volume).shape == (1, 2, 1)


def test_refuses_other_shapes():
    with pytest.raises(ValueError, match=r"\(slices, rows, columns\). Received: shape=\(4, 4\)"):
        body_mask(np.zeros((4, 4), np.int16))
    with pytest.raises(ValueError, match="pixel_spacing_mm must be positive"):
        body_mask(np.zeros((1, 4, 4), np.int16), 0.0)


def test_real_nodules_lie_in_real_lungs(lungnet_data):
    nodules = read_candidates(lungnet_data / "luna16" / "annotations.csv")
    for found in find_series(lungnet_data / "lidc"):
        volume = read_series(found)
        lungs = lung_mask(volume)
        litres = lungs.sum() * np.prod(volume.spacing_mm) / 1e6
        assert 2.5 < litres < 8.0
        # Almost all of it is air, and no air outside the body is in it.
        assert np.mean(volume.hu[lungs] < -400) > 0.8
        assert not lungs[:, 0].any() and not lungs[:, :, 0].any()
        ours = [one.center_xyz_lps_mm for one in nodules if one.series_uid == volume.series_uid]
        assert ours
        for place in np.rint(volume.world_to_index(ours)).astype(int):
            assert lungs[tuple(place)]


@pytest.mark.parametrize("step", [1, 2, 4, 7])
def test_every_few_voxels_of_a_cell_mask(chest, step):
    for mask in body_and_lungs(chest):
        np.testing.assert_array_equal(mask.every(step), mask.voxels()[:, ::step, ::step])

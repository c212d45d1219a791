import numpy as np
import pytest

from lungnet.phantom.organs import lungs
from lungnet.phantom.slab import Slab
from lungnet.phantom.thorax import draw_thorax
from lungnet.phantom.vessels import TIP_RADIUS_MM, Tubes, draw_tubes, grow_vessels

THORAX = draw_thorax(np.random.default_rng(0), 360.0)
SLAB = Slab(slices=9, size=64, spacing_mm=2.0, pixel_mm=0.5, thickness_mm=2.0, bottom_mm=100.0)


def tube(start: tuple[float, float, float], end: tuple[float, float, float], radius: float) -> Tubes:
    """A tube between two points (slice, row, column) of the slab."""
    ends = []
    for k, row, column in (start, end):
        depth, y, x = SLAB.origin_mm(THORAX)
        ends.append([[x + 0.5 * column, y + 0.5 * row, depth - 2.0 * k]])
    return Tubes(np.array(ends[0]), np.array(ends[1]), np.array([radius]))


def test_a_tube_across_the_slices_is_a_disc_of_its_area():
    through = tube((-5, 30, 40), (20, 30, 40), 4.0)
    drawn = draw_tubes(through, through.radius_mm, SLAB, THORAX)
    assert drawn.sum((1, 2)) * 0.25 == pytest.approx(np.pi * 16, rel=0.02)
    rows, columns = np.nonzero(drawn[4] > 0.5)
    assert (rows.mean(), columns.mean()) == pytest.approx((30, 40), abs=0.1)


def test_a_tube_along_a_slice_is_a_band_in_it_alone():
    along = tube((4, 32, -20), (4, 32, 90), 1.0)
    drawn = draw_tubes(along, along.radius_mm, SLAB, THORAX)
    assert drawn[4, 32].min() == 1.0
    assert drawn[4, :, 32].sum() * 0.5 == pytest.approx(2.0, rel=0.25)
    assert drawn[:4].max() == drawn[5:].max() == 0.0


def test_a_tube_outside_the_slab_is_not_drawn():
    beside = tube((30, 32, 32), (40, 32, 32), 1.0)
    assert draw_tubes(beside, beside.radius_mm, SLAB, THORAX).max() == 0.0


def test_trees_get_thinner_toward_their_tips_and_end_in_the_lungs():
    vessels, airways = grow_vessels(THORAX, np.random.default_rng(3), (90.0, 130.0))
    assert vessels.radius_mm.min() == pytest.approx(TIP_RADIUS_MM)
    assert 3.0 < vessels.radius_mm.max() < 8.0
    tips = vessels.end_mm[vessels.radius_mm < 1.01 * TIP_RADIUS_MM].astype(np.float32)
    x, y, depth = tips.T
    level = depth / np.float32(THORAX.height_mm)
    # Thin pieces are two to a tip; the one that does not end there is bent, and a few bends leave the lung.
    assert (lungs(THORAX, x, y, level) < 0).mean() > 0.97
    assert np.isfinite(airways.start_mm).all()


def test_the_same_generator_grows_the_same_trees():
    first, _ = grow_vessels(THORAX, np.random.default_rng(3), (90.0, 130.0))
    again, _ = grow_vessels(THORAX, np.random.default_rng(3), (90.0, 130.0))
    np.testing.assert_array_equal(first.end_mm, again.end_mm)

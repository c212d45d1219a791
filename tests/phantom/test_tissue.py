import numpy as np
import pytest

from lungnet.phantom.slab import Slab
from lungnet.phantom.thorax import draw_thorax
from lungnet.phantom.tissue import Chest, add_noise, render_chest
from lungnet.phantom.vessels import grow_vessels

PIXEL_MM = 0.7


@pytest.fixture(scope="module", params=[0.35, 0.7])
def chest(request: pytest.FixtureRequest) -> Chest:
    rng = np.random.default_rng(11)
    thorax = draw_thorax(rng, 512 * PIXEL_MM)
    bottom_mm = request.param * thorax.height_mm
    vessels, airways = grow_vessels(thorax, rng, (bottom_mm - 8.0, bottom_mm))
    slab = Slab(5, 512, 2.0, PIXEL_MM, 2.0, bottom_mm)
    return render_chest(thorax, slab, vessels, airways, rng)


def test_lungs_are_full_size_and_hold_air(chest: Chest):
    lung = chest.lung > 0.99
    area_mm2 = lung.sum((1, 2)) * PIXEL_MM**2
    assert (area_mm2 > 20_000).all() and (area_mm2 < 60_000).all()
    parenchyma = chest.hu[lung & (chest.vessels == 0)]
    assert np.median(parenchyma) == pytest.approx(-850, abs=25)
    assert np.percentile(parenchyma, 95) < -750


def test_there_is_a_lung_on_either_side_of_the_middle(chest: Chest):
    by_column = (chest.lung > 0.5).sum((0, 1))
    assert by_column[:256].sum() > 50_000 and by_column[256:].sum() > 50_000


def test_the_back_of_the_lungs_is_denser_than_the_front(chest: Chest):
    inside = (chest.lung > 0.99) & (chest.vessels == 0)
    rows = np.broadcast_to(np.arange(512)[:, None], inside.shape)[inside]
    front, back = np.percentile(rows, [25, 75])
    parenchyma = chest.hu[inside]
    assert parenchyma[rows > back].mean() - parenchyma[rows < front].mean() > 20


def test_vessels_are_bright_and_scattered(chest: Chest):
    inside = chest.lung > 0.99
    filled = (chest.vessels > 0.95) & inside
    assert 0.004 < filled.sum() / inside.sum() < 0.1
    assert np.median(chest.hu[filled]) > -50


def test_bone_soft_tissue_and_air_are_there(chest: Chest):
    assert (chest.hu > 400).mean() > 0.002
    assert ((chest.hu > -20) & (chest.hu < 100)).mean() > 0.1
    assert ((chest.hu > -130) & (chest.hu < -70)).mean() > 0.02
    assert chest.hu[:, 0].max() < -990


def test_noise_has_the_deviation_asked_for_and_is_correlated():
    hu = np.zeros((2, 128, 128), np.float32)
    noisy = add_noise(hu, np.random.default_rng(2), 20.0).astype(float)
    middle = noisy[:, 44:84, 44:84]
    assert middle.std() == pytest.approx(20.0, rel=0.08)
    neighbours = np.corrcoef(middle[..., :-1].ravel(), middle[..., 1:].ravel())[0, 1]
    # The kernel [1, 2, 1] / 4 leaves 4 / 6 between neighbours.
    assert neighbours == pytest.approx(4 / 6, abs=0.06)


def test_noise_never_falls_below_what_can_be_stored():
    noisy = add_noise(np.full((1, 64, 64), -1020, np.float32), np.random.default_rng(2), 25.0)
    assert noisy.dtype == np.int16
    assert noisy.min() == -1024

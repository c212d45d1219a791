"""A chest in Hounsfield units, slice by slice, without its nodules and its noise."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lungnet.phantom.fields import Field, refine, smooth_noise
from lungnet.phantom.organs import blood, fissures, mediastinum
from lungnet.phantom.shapes import cover
from lungnet.phantom.skeleton import skeleton
from lungnet.phantom.slab import MIDDLE_SHARE, Slab
from lungnet.phantom.thorax import Thorax, body, cavity
from lungnet.phantom.vessels import Tubes, draw_tubes

AIR_HU = -1000.0
FAT_HU = -100.0
MUSCLE_HU = 52.0
MARROW_HU = 190.0
CORTEX_HU = 620.0
LUNG_HU = -862.0
#: Lung hangs: how much denser it is at its back than at its front.
GRAVITY_HU = 62.0
LUMEN_HU = -985.0
FISSURE_HU = 85.0
BEND_MM = 3.5
WALL_MM = 1.1


@dataclass(frozen=True, eq=False)
class Chest:
    """A chest's slices before nodules and noise.

    Attributes:
        hu: float32 `(slices, rows, columns)`.
        lung: float32, the share of each voxel that lies in the lungs, 0 to 1.
        vessels: float32, the share that blood vessels and airways of the lungs fill.
    """

    hu: Field
    lung: Field
    vessels: Field


def _soft_tissue(
    thorax: Thorax,
    grid: tuple[Field, Field, Field],
    to_body: Field,
    to_cavity: Field,
    to_middle: Field,
    rng: np.random.Generator,
) -> Field:
    """Everything but bone, lung and air, on the coarse grid of x, y and level."""
    x, y, level = grid
    shape = to_body.shape
    streaks = smooth_noise(rng, shape, (max(shape[0] // 6, 2), 30, 30))
    coarse_parts = smooth_noise(rng, shape, (max(shape[0] // 8, 2), 13, 13))
    # Muscle of the wall, with fat between its layers and under the skin.
    muscle = np.float32(MUSCLE_HU) + 7.0 * streaks
    layers = np.cos((to_cavity - 13.0 + 3.0 * coarse_parts) * np.float32(2 * np.pi / 17.0))
    between = np.clip(2.5 * (layers + 0.35 * streaks - 0.78), 0.0, 1.0) * (to_cavity > 5.0)
    hu = muscle + between * (FAT_HU - muscle)
    fat = np.clip(
        0.5 + (to_body + thorax.fat_mm + 3.5 * coarse_parts + 4.0 * np.abs(y) / 100.0) / 3.0, 0.0, 1.0
    )
    hu += fat * (np.float32(FAT_HU) + 6.0 * streaks - hu)
    hu += cover(to_body + 2.0, -2.0) * (20.0 - hu) * 0.8
    # Between the lungs: fat, heart muscle, blood.
    loose = np.clip(0.5 + 1.1 * coarse_parts - (to_middle + 3.0) / 6.0, 0.0, 1.0)
    middle = FAT_HU + loose * (MUSCLE_HU - 10.0 - FAT_HU)
    within = cover(to_cavity + 1.0, 3.0)
    hu += within * (middle - hu)
    vessels = blood(thorax, x, y, level)
    wall = cover(vessels - 3.0, 3.0) * within
    hu += wall * (MUSCLE_HU - hu)
    hu += cover(vessels, 3.0) * within * (np.float32(thorax.blood_hu) - hu)
    return hu


def _table(slab: Slab, thorax: Thorax) -> Field:
    """HU of the couch under the patient, float32 `(size, size)`: a thin shell around foam."""
    offsets = (np.arange(slab.size, dtype=np.float32) - np.float32(slab.center_px)) * np.float32(
        slab.pixel_mm
    )
    top = thorax.half_depth_mm + (0.68 + 0.22 - MIDDLE_SHARE) * thorax.wall_mm + 7.0
    below = offsets[:, None] - (top - (offsets[None, :] / 62.0) ** 2)
    shell = np.exp(-((below / 1.6) ** 2)) * 760.0
    foam = np.where((below > 0) & (below < 40.0), np.float32(45.0), np.float32(0.0))
    return (AIR_HU + shell + foam).astype(np.float32)


def render_chest(
    thorax: Thorax, slab: Slab, vessels: Tubes, airways: Tubes, rng: np.random.Generator
) -> Chest:
    """Renders the chest.

    Args:
        thorax: its shape.
        slab: the part that is scanned.
        vessels, airways: `grow_vessels` of the same chest.
        rng: draws the textures.

    Returns:
        The slices, lowest first.
    """
    x, y, level = slab.grid(thorax)
    # No two chests are the same ellipses: bend the space that they are drawn in.
    coarse_shape = np.broadcast_shapes(x.shape, y.shape, level.shape)
    x = x + BEND_MM * smooth_noise(rng, coarse_shape, (2, 6, 6))
    y = y + BEND_MM * smooth_noise(rng, coarse_shape, (2, 6, 6))
    to_cavity = cavity(thorax, x - np.float32(thorax.lean_mm), y, level)
    to_body = body(thorax, x, y, level)
    to_middle = mediastinum(thorax, x - np.float32(thorax.lean_mm), y, level)
    to_lungs = np.maximum(to_cavity, -to_middle)
    to_bone = skeleton(thorax, x, y, level, to_cavity)
    soft = _soft_tissue(thorax, (x, y, level), to_body, to_cavity, to_middle, rng)
    to_fissures = fissures(thorax, x, y, level)
    lobules = smooth_noise(rng, coarse_shape, (max(slab.slices // 2, 2), 100, 100))
    patches = smooth_noise(rng, coarse_shape, (max(slab.slices // 8, 2), 24, 24))
    hanging = np.clip(y / thorax.half_depth_mm, -1.0, 1.0)
    dependent = np.clip(1.0 + to_lungs / 12.0, 0.0, 1.0) * np.clip(hanging - 0.45, 0.0, 1.0) * 90.0
    air_content = LUNG_HU + GRAVITY_HU / 2 * hanging + 14.0 * patches + 17.0 * lobules + dependent
    marrow = np.float32(MARROW_HU) + 45.0 * lobules

    blood_share = draw_tubes(vessels, vessels.radius_mm, slab, thorax)
    bronchi = draw_tubes(airways, airways.radius_mm + WALL_MM, slab, thorax)
    lumen = draw_tubes(airways, airways.radius_mm, slab, thorax)

    table = _table(slab, thorax)
    hu = np.empty(slab.shape, np.float32)
    lung = np.empty(slab.shape, np.float32)
    edge = 1.3 * slab.pixel_mm
    for k in range(slab.slices):
        out = hu[k]
        out[:] = refine(soft[k])
        bone = refine(to_bone[k])
        core = refine(marrow[k])
        core += cover(bone + np.float32(1.9), -1.5) * (CORTEX_HU - core)
        out += cover(bone, edge) * (core - out)
        lung[k] = cover(refine(to_lungs[k]), edge)
        parenchyma = refine(air_content[k])
        parenchyma += FISSURE_HU * np.exp(-np.square(refine(to_fissures[k]) / np.float32(0.9)))
        out += lung[k] * (parenchyma - out)
        out += blood_share[k] * (thorax.blood_hu - out) * np.maximum(lung[k], out < -300)
        out += bronchi[k] * (0.0 - out)
        out += lumen[k] * (LUMEN_HU - out)
        out += cover(refine(to_body[k]), -edge) * (table - out)
    return Chest(hu, lung, np.maximum(blood_share, bronchi, out=blood_share))


def add_noise(hu: Field, rng: np.random.Generator, sigma_hu: float) -> npt.NDArray[np.int16]:
    """Adds noise as a reconstruction filter leaves it, correlated over about two pixels.

    Args:
        hu: float32 `(slices, rows, columns)`.
        rng: draws it.
        sigma_hu: its standard deviation in the middle; towards the rim it falls to two thirds.

    Returns:
        int16 HU, rounded, at least -1024.
    """
    size = hu.shape[1]
    out = np.empty(hu.shape, np.int16)
    offsets = np.linspace(-1.0, 1.0, size, dtype=np.float32)
    profile = np.exp(-0.42 * (offsets[:, None] ** 2 + offsets**2)) * np.float32(sigma_hu / (0.375))
    for k, plane in enumerate(hu):
        raw = rng.standard_normal((size + 2, size + 2), dtype=np.float32)
        rows = raw[:-2] + 2.0 * raw[1:-1] + raw[2:]
        smooth = (rows[:, :-2] + 2.0 * rows[:, 1:-1] + rows[:, 2:]) * np.float32(1 / 16)
        smooth *= profile
        smooth += plane
        out[k] = np.rint(np.maximum(smooth, -1024.0, out=smooth))
    return out

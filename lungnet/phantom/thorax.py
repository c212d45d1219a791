"""The shape of one chest, and its wall.

Coordinates are `x` (mm, towards the patient's left), `y` (mm, towards the back), both from the middle
of the chest, and `level`, which runs from 0 at the apex of the lungs to 1 at the diaphragm.
"""

from dataclasses import dataclass

import numpy as np

from lungnet.phantom.fields import Field
from lungnet.phantom.shapes import Real, superellipse, union

#: Half the width of the chest, in mm, that the organs' sizes below were written for.
REFERENCE_HALF_WIDTH_MM = 130.0


@dataclass(frozen=True)
class Thorax:
    """What differs between chests. Lengths in mm.

    Attributes:
        half_width_mm, half_depth_mm: of the chest's inside at its widest.
        height_mm: from the apex of the lungs to the diaphragm.
        squareness: power of the superellipse that the chest's inside is.
        wall_mm: muscle and fat beside the ribs; a third less lies before and behind them.
        fat_mm: of it, fat under the skin.
        heart: size of the heart relative to the usual.
        blood_hu: of blood; above 100 where contrast medium was given.
        rib_pitch_mm, rib_drop_mm: from rib to rib, and how far a rib descends from back to front.
        rib_phase: shifts the ribs, 0 to 1.
        lean_mm: how far the middle is off to the left.
    """

    half_width_mm: float
    half_depth_mm: float
    height_mm: float
    squareness: float
    wall_mm: float
    fat_mm: float
    heart: float
    blood_hu: float
    rib_pitch_mm: float
    rib_drop_mm: float
    rib_phase: float
    lean_mm: float

    @property
    def scale(self) -> float:
        """Size of this chest relative to the one that the organs were written for."""
        return self.half_width_mm / REFERENCE_HALF_WIDTH_MM


def draw_thorax(rng: np.random.Generator, field_of_view_mm: float) -> Thorax:
    """Draws a chest that fits the field of view, as a technologist would have chosen that for it."""
    half_width = field_of_view_mm * rng.uniform(0.345, 0.395)
    contrast = rng.random() < 0.45
    return Thorax(
        half_width_mm=half_width,
        half_depth_mm=half_width * rng.uniform(0.70, 0.80),
        height_mm=half_width * rng.uniform(1.7, 2.0),
        squareness=rng.uniform(2.1, 2.4),
        wall_mm=field_of_view_mm * rng.uniform(0.085, 0.125),
        fat_mm=rng.uniform(6.0, 18.0),
        heart=rng.uniform(0.88, 1.1),
        blood_hu=rng.uniform(130.0, 260.0) if contrast else rng.uniform(35.0, 55.0),
        rib_pitch_mm=rng.uniform(24.0, 28.0),
        rib_drop_mm=rng.uniform(95.0, 125.0),
        rib_phase=rng.random(),
        lean_mm=rng.uniform(-5.0, 5.0),
    )


def cavity(thorax: Thorax, x: Field, y: Field, level: Real) -> Field:
    """Distance to the inner surface of the ribs, which the spine dents from behind."""
    narrowing = 1.0 - 0.5 * np.exp(-np.maximum(level, 0.0) / 0.17)
    half_x, half_y = thorax.half_width_mm * narrowing, thorax.half_depth_mm * np.sqrt(narrowing)
    around = superellipse(x, y, half_x, half_y, thorax.squareness)
    scale = np.float32(thorax.scale)
    dent = (0.56 * half_y + 0.74 * np.maximum(np.abs(x) - 17.0 * scale, 0.0) - y) * np.float32(0.8)
    return -union(-around, dent, blend_mm=10.0 * thorax.scale)


def body(thorax: Thorax, x: Field, y: Field, level: Real) -> Field:
    """Distance to the skin: shoulders above, and more muscle behind than before."""
    shoulders = 1.0 + 0.25 * np.clip(0.5 - level, 0.0, 0.5)
    half_y = thorax.half_depth_mm + 0.68 * thorax.wall_mm
    return superellipse(
        x, y - 0.22 * thorax.wall_mm, (thorax.half_width_mm + thorax.wall_mm) * shoulders, half_y, 2.3
    )

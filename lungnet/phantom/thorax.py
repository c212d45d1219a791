"""The shape of one chest: where its wall, its lungs and what lies between them are.

Coordinates are `x` (mm, towards the patient's left), `y` (mm, towards the back), both from the middle
of the chest, and `level`, which runs from 0 at the apex of the lungs to 1 at the diaphragm.
"""

from dataclasses import dataclass

import numpy as np

from lungnet.phantom.fields import Field
from lungnet.phantom.shapes import Real, capsule, superellipse, union

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


@dataclass(frozen=True)
class RoundOrgan:
    """An ellipse of a slice that changes with the level, from above to below.

    Attributes:
        levels: at which the other attributes are given; outside them the organ is not.
        x_mm, y_mm: its centre; `y_mm` as a share of the chest's half depth.
        radius_x_mm, radius_y_mm: its half axes.
    """

    levels: tuple[float, ...]
    x_mm: tuple[float, ...]
    y_share: tuple[float, ...]
    radius_x_mm: tuple[float, ...]
    radius_y_mm: tuple[float, ...]

    def distance(self, thorax: Thorax, x: Field, y: Field, level: Real, size: float = 1.0) -> Field:
        """Distance to its surface; far away at levels where it is not."""
        center_x, share_y, radius_x, radius_y = (
            np.interp(level, self.levels, values).astype(np.float32)
            for values in (self.x_mm, self.y_share, self.radius_x_mm, self.radius_y_mm)
        )
        scale = thorax.scale
        beyond = np.maximum(self.levels[0] - level, level - self.levels[-1])
        distance = superellipse(
            x - center_x * scale,
            y - share_y * thorax.half_depth_mm,
            np.maximum(radius_x * scale * size, 0.5),
            np.maximum(radius_y * scale * size, 0.5),
        )
        return np.maximum(distance, beyond * np.float32(thorax.height_mm))


HEART = RoundOrgan(
    (0.10, 0.30, 0.45, 0.56, 0.72, 0.90, 1.0),
    (0, 0, 3, 9, 20, 24, 24),
    (-0.16, -0.22, -0.26, -0.32, -0.4, -0.44, -0.44),
    (25, 29, 33, 46, 62, 64, 58),
    (30, 34, 40, 47, 52, 50, 44),
)
LEFT_HEART = RoundOrgan((0.5, 0.6, 0.9), (28, 32, 38), (-0.2, -0.26, -0.32), (12, 24, 26), (14, 27, 28))
RIGHT_HEART = RoundOrgan((0.5, 0.6, 0.9), (-8, -8, -6), (-0.42, -0.5, -0.54), (14, 24, 24), (12, 19, 20))
ASCENDING_AORTA = RoundOrgan(
    (0.26, 0.34, 0.6), (-8, -14, -6), (-0.12, -0.3, -0.3), (14, 15, 14), (14, 15, 14)
)
ARCH = RoundOrgan(
    (0.18, 0.22, 0.28, 0.30), (6, 8, 8, 10), (-0.02, 0.02, 0.04, 0.06), (8, 13, 13, 8), (14, 36, 36, 20)
)
PULMONARY_TRUNK = RoundOrgan(
    (0.36, 0.42, 0.5, 0.54), (14, 16, 14, 14), (-0.2, -0.22, -0.3, -0.34), (10, 15, 14, 10), (14, 22, 17, 12)
)
RIGHT_PULMONARY_ARTERY = RoundOrgan(
    (0.42, 0.44, 0.5, 0.52), (-12, -14, -14, -12), (-0.08,) * 4, (14, 32, 32, 14), (4, 8, 8, 4)
)
VENA_CAVA = RoundOrgan((0.05, 0.2, 0.5), (-20, -24, -27), (-0.16, -0.16, -0.2), (7, 9, 10), (7, 9, 10))
DESCENDING_AORTA = RoundOrgan(
    (0.24, 0.5, 1.0), (20, 22, 14), (0.36, 0.46, 0.44), (13, 12.5, 12), (13, 12.5, 12)
)
LEFT_SUBCLAVIAN = RoundOrgan((0.0, 0.2), (20, 16), (0.0, 0.02), (5, 6), (5, 6))
INNOMINATE = RoundOrgan((0.0, 0.2), (-14, -6), (-0.12, -0.1), (6, 7), (6, 7))
ESOPHAGUS = RoundOrgan((0.0, 1.0), (5, 8), (0.3, 0.28), (7, 9), (5, 7))
VERTEBRA = RoundOrgan((0.0, 1.0), (0, 0), (0.52, 0.52), (17, 21), (14, 17))
BLOOD = (
    LEFT_HEART, RIGHT_HEART, ASCENDING_AORTA, ARCH, PULMONARY_TRUNK, RIGHT_PULMONARY_ARTERY, VENA_CAVA,
    DESCENDING_AORTA, LEFT_SUBCLAVIAN, INNOMINATE,
)  # fmt: skip
HILUM = RoundOrgan(
    (0.38, 0.44, 0.54, 0.64), (30, 34, 36, 32), (0.04, 0.02, 0.06, 0.12), (6, 11, 13, 5), (6, 16, 17, 6)
)
LIVER = RoundOrgan(
    (0.74, 0.78, 0.84, 0.95, 1.0),
    (-66, -66, -68, -70, -70),
    (0.0,) * 5,
    (6, 26, 42, 60, 64),
    (6, 24, 38, 52, 56),
)


def mediastinum(thorax: Thorax, x: Field, y: Field, level: Real) -> Field:
    """Distance to all that parts the lungs: heart, great vessels, spine, and the liver's dome."""
    depth, scale = thorax.half_depth_mm, thorax.scale
    before = capsule(x, y, (-3.0 * scale, -1.1 * depth), (2.0 * scale, 0.1 * depth), 2.5 * scale)
    axis = capsule(x, y, (0.0, -0.1 * depth), (0.0, 0.5 * depth), 15.0 * scale)
    spine = VERTEBRA.distance(thorax, x, y, level) - 3.0 * scale
    great = (ASCENDING_AORTA, ARCH, PULMONARY_TRUNK, DESCENDING_AORTA, VENA_CAVA)
    vessels = union(*(organ.distance(thorax, x, y, level) for organ in great))
    return union(
        HEART.distance(thorax, x, y, level, thorax.heart),
        before,
        axis,
        spine,
        vessels - 2.5,
        HILUM.distance(thorax, x, y, level),
        HILUM.distance(thorax, -x, y, level),
        LIVER.distance(thorax, x, y, level),
        blend_mm=9.0 * scale,
    )


def lungs(thorax: Thorax, x: Field, y: Field, level: Real) -> Field:
    """Distance to the surface of both lungs."""
    off = np.float32(thorax.lean_mm)
    return np.maximum(cavity(thorax, x - off, y, level), -mediastinum(thorax, x - off, y, level))


def ribs(thorax: Thorax, x: Field, y: Field, level: Real, to_cavity: Field) -> Field:
    """Distance to the ribs, which descend from the spine to the front.

    Args:
        thorax: the chest.
        x, y, level: where.
        to_cavity: `cavity` there.
    """
    # 0 at the spine, 1 at the breastbone.
    around = np.arccos(np.clip(y / np.maximum(np.hypot(x, y), 1.0), -1.0, 1.0)) / np.float32(np.pi)
    drop = thorax.rib_drop_mm * (around - 0.12 * np.sin(2 * np.pi * around))
    height = (level * thorax.height_mm - drop) / thorax.rib_pitch_mm + thorax.rib_phase
    height = height + np.where(x < 0, np.float32(0.15), np.float32(0.0))
    off_mid = (height - np.round(height)) * thorax.rib_pitch_mm
    out = to_cavity - 6.6
    shape = (np.sqrt((out / 4.4) ** 2 + (off_mid / 6.5) ** 2) - 1.0) * 4.4
    ends = np.maximum(around - 0.86, 0.0) * thorax.half_depth_mm * 3.0
    return np.maximum(shape, ends - 1.0)


def skeleton(thorax: Thorax, x: Field, y: Field, level: Real, to_cavity: Field) -> Field:
    """Distance to the nearest bone: ribs, spine, breastbone, shoulder blades."""
    depth, width, scale = thorax.half_depth_mm, thorax.half_width_mm, thorax.scale
    off = x - np.float32(thorax.lean_mm)
    side = np.abs(off)
    spine_y = 0.52 * depth
    canal = superellipse(off, y - spine_y - 25.0 * scale, 9.0 * scale, 8.0 * scale)
    arch = np.abs(canal + 0.5) - 3.0 * scale
    processes = union(
        capsule(
            side, y, (9.0 * scale, spine_y + 24 * scale), (29.0 * scale, spine_y + 33 * scale), 4.0 * scale
        ),
        capsule(off, y, (0.0, spine_y + 33 * scale), (0.0, spine_y + 52 * scale), 3.2 * scale),
    )
    # The arch and its processes lie between the discs.
    phase = (level * thorax.height_mm / thorax.rib_pitch_mm + thorax.rib_phase) % 1.0
    gap = (np.abs(phase - 0.5) - 0.36) * thorax.rib_pitch_mm
    arch = np.maximum(union(arch, processes), gap)
    vertebra = np.maximum(
        VERTEBRA.distance(thorax, off, y, level), (np.abs(phase - 0.5) - 0.42) * thorax.rib_pitch_mm
    )
    front = -depth - 9.0 * scale
    sternum = superellipse(off, y - front, 19.0 * scale, 6.0 * scale, 3.0)
    blade = capsule(side, y, (0.66 * width, 0.80 * depth + 16), (1.0 * width + 12, 0.28 * depth), 3.2 * scale)
    blade = np.maximum(blade, (level - 0.62) * thorax.height_mm)
    blade = np.maximum(blade, 13.0 - to_cavity)
    return union(ribs(thorax, off, y, level, to_cavity), vertebra, arch, sternum, blade)


def blood(thorax: Thorax, x: Field, y: Field, level: Real) -> Field:
    """Distance to the blood of heart and great vessels."""
    off = x - np.float32(thorax.lean_mm)
    return union(*(organ.distance(thorax, off, y, level) for organ in BLOOD))


def fissures(thorax: Thorax, x: Field, y: Field, level: Real) -> Field:
    """Signed distance to the surfaces that part the lobes: from behind and above to before and below."""
    slope = np.where(x > 0, np.float32(1.75), np.float32(1.6))
    start = np.where(x > 0, np.float32(0.22), np.float32(0.28))
    bulge = 0.12 * np.cos(np.abs(x) / np.float32(0.45 * thorax.half_width_mm))
    return y - thorax.half_depth_mm * (0.85 - slope * (level - start) + bulge)

"""What lies inside the ribs: heart, great vessels, and the lungs about them.

Coordinates are those of `lungnet.phantom.thorax`.
"""

from dataclasses import dataclass

import numpy as np

from lungnet.phantom.fields import Field
from lungnet.phantom.shapes import Real, capsule, superellipse, union
from lungnet.phantom.thorax import Thorax, cavity


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

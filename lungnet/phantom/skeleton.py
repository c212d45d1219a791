"""The bones of the chest, in the coordinates of `lungnet.phantom.thorax`."""

import numpy as np

from lungnet.phantom.fields import Field
from lungnet.phantom.organs import VERTEBRA
from lungnet.phantom.shapes import Real, capsule, superellipse, union
from lungnet.phantom.thorax import Thorax


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
    blade = capsule(
        side, y, (0.73 * width, 0.72 * depth + 25), (0.96 * width + 21, 0.42 * depth), 4.0 * scale
    )
    blade = np.maximum(blade, (level - 0.6) * thorax.height_mm)
    return union(ribs(thorax, off, y, level, to_cavity), vertebra, arch, sternum, blade)

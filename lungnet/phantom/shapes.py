"""Signed distances, in mm: negative inside. All take arrays that broadcast, and are approximate:
along the ray from the shape's centre, which errs by a few percent near the surface.
"""

import numpy as np
import numpy.typing as npt

from lungnet.phantom.fields import Field

Real = float | Field


def superellipse(x: Field, y: Field, half_x: Real, half_y: Real, power: float = 2.0) -> Field:
    """Distance to the curve |x / half_x|^power + |y / half_y|^power = 1, centred on 0."""
    if power == 2.0:
        q = np.sqrt((x / half_x) ** 2 + (y / half_y) ** 2)
    else:
        q = ((np.abs(x) / half_x) ** power + (np.abs(y) / half_y) ** power) ** (1.0 / power)
    # At the centre itself the ray has no direction: there the shorter half axis counts.
    tiny = np.float32(1e-6)
    ray = np.maximum(np.hypot(x, y), tiny * np.minimum(half_x, half_y))
    return ray - ray / np.maximum(q, tiny)


def capsule(x: Field, y: Field, start: tuple[float, float], end: tuple[float, float], radius: float) -> Field:
    """Distance to a line from `start` to `end` that is `radius` thick on every side."""
    along_x, along_y = end[0] - start[0], end[1] - start[1]
    t = ((x - start[0]) * along_x + (y - start[1]) * along_y) / (along_x**2 + along_y**2)
    t = np.clip(t, 0.0, 1.0)
    return np.hypot(x - start[0] - t * along_x, y - start[1] - t * along_y) - radius


def union(*distances: Field, blend_mm: float = 0.0) -> Field:
    """The shape that holds all of them; corners between them are rounded over `blend_mm`."""
    first, *others = distances
    for other in others:
        if blend_mm > 0:
            h = np.clip(0.5 + 0.5 * (other - first) / blend_mm, 0.0, 1.0)
            first = other + (first - other) * h - blend_mm * h * (1.0 - h)
        else:
            first = np.minimum(first, other)
    return first


def cover(distance: Field, edge_mm: float) -> npt.NDArray[np.float32]:
    """How much of a voxel the shape fills, 0 to 1, if its edge is spread over `edge_mm`.

    With a negative `edge_mm`, how much of it the shape leaves.
    """
    return np.clip(0.5 - distance / np.float32(edge_mm), 0.0, 1.0)

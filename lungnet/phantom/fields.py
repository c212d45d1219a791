"""Smooth fields: distances and random textures made on a coarse grid and brought to full size.

What varies slowly is computed on every fourth pixel and then interpolated, at a tenth of the cost of
computing it everywhere.
"""

import numpy as np
import numpy.typing as npt

Field = npt.NDArray[np.floating]

#: Pixels between two points of the coarse grid.
COARSE = 4


def _taps(t: float) -> tuple[float, float, float, float]:
    """Catmull-Rom weights of the two points before and the two after a place `t` between the inner two."""
    return (
        -0.5 * t + t**2 - 0.5 * t**3,
        1.0 - 2.5 * t**2 + 1.5 * t**3,
        0.5 * t + 2.0 * t**2 - 1.5 * t**3,
        -0.5 * t**2 + 0.5 * t**3,
    )


def _refine_columns(coarse: Field) -> Field:
    """Interpolates along the last axis."""
    count = coarse.shape[1]
    padded = np.pad(coarse, ((0, 0), (2, 2)), mode="edge")
    fine = np.empty((len(coarse), count * COARSE), np.float32)
    for phase in range(COARSE):
        at = (phase + 0.5) / COARSE - 0.5
        left = int(np.floor(at))
        first = left + 1
        parts = [
            padded[:, first + k : first + k + count] * np.float32(w) for k, w in enumerate(_taps(at - left))
        ]
        np.add(parts[0] + parts[1], parts[2] + parts[3], out=fine[:, phase::COARSE])
    return fine


def refine(coarse: Field) -> Field:
    """Interpolates one slice from the coarse grid to every pixel.

    Args:
        coarse: float32 `(rows / 4, columns / 4)`; point (i, j) lies at the centre of the 4 x 4 pixels
            (4i, 4j) to (4i + 3, 4j + 3).

    Returns:
        float32 `(rows, columns)`.
    """
    return _refine_columns(np.ascontiguousarray(_refine_columns(coarse.T).T))


def coarse_offsets(size: int, pixel_mm: float, center_px: float) -> Field:
    """Returns the distance in mm of each coarse grid point from pixel `center_px`, float32 `(size / 4,)`."""
    return ((np.arange(size // COARSE) * COARSE + (COARSE - 1) / 2 - center_px) * pixel_mm).astype(np.float32)


def smooth_noise(rng: np.random.Generator, shape: tuple[int, int, int], knots: tuple[int, int, int]) -> Field:
    """Draws a smooth random field of mean 0 and standard deviation near 1.

    Args:
        rng: its generator.
        shape: of the field, `(slices, rows, columns)`.
        knots: points between which it varies along each axis: the fewer, the coarser the texture.

    Returns:
        float32 of `shape`.
    """
    values = rng.standard_normal(knots, dtype=np.float32)
    for axis, (size, count) in enumerate(zip(shape, knots, strict=True)):
        at = (np.arange(size) + 0.5) / size * (count - 1)
        left = np.minimum(at.astype(int), max(count - 2, 0))
        weight = at - left
        weight = weight**2 * (3 - 2 * weight)
        # Between two independent values the variance of their mixture falls: divide it out.
        norm = np.sqrt(weight**2 + (1 - weight) ** 2)
        near = np.take(values, left, axis)
        far = np.take(values, np.minimum(left + 1, count - 1), axis)
        along = [1, 1, 1]
        along[axis] = size
        mix = ((1 - weight) / norm, weight / norm)
        first, second = (part.astype(np.float32).reshape(along) for part in mix)
        values = near * first + far * second
    return values

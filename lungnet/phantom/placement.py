"""Where in the phantom's lungs the nodules go."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.ndimage import binary_dilation
from scipy.signal import fftconvolve

from lungnet.phantom.fields import Field
from lungnet.phantom.lesions import Shape

#: Slices before the first and after the last outline.
MARGIN_SLICES = 5
#: A slab has at least so many slices.
MIN_SLICES = 24
#: Pixels between the boxes of two nodules, preferred and at worst: a patch of one shows no other.
APART_PX = (44, 24, 8)
#: Shares of nodules that touch the pleura, or a vessel, where they can.
PLEURAL, VASCULAR = 0.2, 0.2
#: How far a nodule is moved at random from its place in the source scan, in pixels.
JITTER_PX = 18.0


@dataclass(frozen=True)
class Place:
    """Where a nodule's box begins in the phantom.

    Attributes:
        first_slice: slice, 0 being the lowest.
        corner_yx: row and column.
    """

    first_slice: int
    corner_yx: tuple[int, int]


def stack_shapes(shapes: Sequence[Shape], rng: np.random.Generator) -> tuple[int, list[int]]:
    """Chooses the slices: how many the slab has, and on which each nodule begins.

    Returns:
        The number of slices, and the first slice of each shape.
    """
    tallest = max(shape.size_zyx[0] for shape in shapes)
    slices = max(MIN_SLICES, tallest + 2 * MARGIN_SLICES + int(rng.integers(0, 6)))
    starts = []
    for shape in shapes:
        free = slices - 2 * MARGIN_SLICES - shape.size_zyx[0]
        starts.append(MARGIN_SLICES + int(rng.integers(0, free + 1)))
    return slices, starts


def place_shapes(
    shapes: Sequence[Shape], starts: Sequence[int], lung: Field, vessels: Field, rng: np.random.Generator
) -> list[Place | None]:
    """Finds a place for each nodule: whole in the lung, near where it lay in its own scan.

    Args:
        shapes: the nodules.
        starts: their first slices.
        lung: float32 `(slices, rows, columns)`, share of each voxel that is lung.
        vessels: of the same shape, share that vessels fill.
        rng: decides which of them touch the pleura or a vessel.

    Returns:
        A place for each shape, None where the lungs have no room for it.
    """
    taken = np.zeros(lung.shape[1:], bool)
    places: list[Place | None] = []
    for shape, start in zip(shapes, starts, strict=True):
        within = slice(start, start + shape.size_zyx[0])
        corner = _corner(shape, lung[within].min(0) > 0.98, vessels[within].max(0) > 0.4, taken, rng)
        places.append(None if corner is None else Place(start, corner))
        if corner is not None:
            row, column = corner
            _, rows, columns = shape.size_zyx
            taken[row : row + rows, column : column + columns] = True
    return places


def _corner(
    shape: Shape,
    lung: npt.NDArray[np.bool_],
    vessels: npt.NDArray[np.bool_],
    taken: npt.NDArray[np.bool_],
    rng: np.random.Generator,
) -> tuple[int, int] | None:
    """The best row and column for the nodule's box, or None."""
    outline = np.asarray(shape.masks.any((0, 1)))
    blocked = _overlap(~lung, outline)
    crossed = _overlap(vessels, outline) / outline.sum()
    kind = rng.random()
    target = np.asarray(shape.corner_yx) + rng.normal(0.0, JITTER_PX, 2)
    grid = np.indices(blocked.shape)
    away = np.hypot(grid[0] - target[0], grid[1] - target[1])
    if kind < PLEURAL:
        touching = _overlap(~lung, binary_dilation(np.pad(outline, 3), iterations=3), pad=3) > 4
    elif kind < PLEURAL + VASCULAR:
        touching = (crossed > 0.08) & (crossed < 0.35)
    else:
        touching = crossed < 0.12
    for apart in APART_PX:
        free = (blocked < 0.5) & (_boxes_near(taken, outline.shape, apart) < 0.5)
        # A nodule that cannot lie as it was meant to lies where it can, off the great vessels.
        for allowed in (free & touching, free & (crossed < 0.3), free):
            if allowed.any():
                row, column = np.unravel_index(np.argmin(np.where(allowed, away, np.inf)), away.shape)
                return int(row), int(column)
    return None


def _overlap(
    blocked: npt.NDArray[np.bool_], outline: npt.NDArray[np.bool_], pad: int = 0
) -> npt.NDArray[np.float32]:
    """How many blocked pixels the outline covers, for each place of its first row and column.

    Args:
        blocked: `(rows, columns)`.
        outline: what is moved about.
        pad: rows and columns before the nodule's box that `outline` begins with.
    """
    around = np.pad(blocked, pad, constant_values=True).astype(np.float32)
    return fftconvolve(around, outline[::-1, ::-1].astype(np.float32), mode="valid")


def _boxes_near(taken: npt.NDArray[np.bool_], size: tuple[int, ...], apart: int) -> npt.NDArray[np.float32]:
    """How many taken pixels lie in the box grown by `apart` pixels, for each place of the box."""
    sums = np.pad(np.pad(taken, apart).astype(np.int32).cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    rows, columns = size[0] + 2 * apart, size[1] + 2 * apart
    inside = sums[rows:, columns:] - sums[:-rows, columns:] - sums[rows:, :-columns] + sums[:-rows, :-columns]
    return inside.astype(np.float32)

"""Patches laid out as one image to look at."""

from typing import TypeVar

import numpy as np
import numpy.typing as npt

T = TypeVar("T", bound=np.generic)

#: White columns between two groups of patches.
GAP_PX = 16


def image_grid(images: npt.ArrayLike, columns: int = 8) -> npt.NDArray[np.float32]:
    """Lays images side by side, row after row, with a white line between them.

    Args:
        images: `(n, rows, columns)` or `(n, rows, columns, 1)` in [0, 1]; values outside are clipped.
        columns: images in a row.

    Returns:
        float32 `(1, height, width, 1)`, the form of `tf.summary.image`.

    Raises:
        ValueError: there are no images.
    """
    tiles = np.clip(np.asarray(images, np.float32), 0.0, 1.0)
    tiles = tiles[..., 0] if tiles.ndim == 4 else tiles
    if len(tiles) == 0:
        raise ValueError("images must hold at least one image. Received: none")
    missing = -len(tiles) % columns
    tiles = np.pad(tiles, ((0, missing), (0, 0), (0, 0)), constant_values=1.0)
    tiles = np.pad(tiles, ((0, 0), (0, 1), (0, 1)), constant_values=1.0)
    _, height, width = tiles.shape
    grid = tiles.reshape(-1, columns, height, width).swapaxes(1, 2).reshape(-1, columns * width)
    return grid[None, :, :, None]


def evenly_chosen(images: npt.NDArray[T], count: int) -> npt.NDArray[T]:
    """Returns at most `count` images from the first to the last, so that every part of them is seen."""
    return images[np.linspace(0, len(images) - 1, min(count, len(images))).astype(np.int64)]


def side_by_side(*groups: npt.ArrayLike, columns: int = 8) -> npt.NDArray[np.float32]:
    """Lays groups of images beside each other, each as `image_grid` does, a white gap between them.

    All are shown in the same grey values, so what differs between the groups differs in the images.

    Args:
        groups: each as `image_grid` takes it; a shorter one is filled up with white below.
        columns: images in a row of each group.

    Returns:
        float32 `(1, height, width, 1)`.

    Raises:
        ValueError: a group has no images.
    """
    grids = [image_grid(group, columns) for group in groups]
    height = max(grid.shape[1] for grid in grids)
    padded = [
        np.pad(
            grid,
            ((0, 0), (0, height - grid.shape[1]), (0, GAP_PX * (index + 1 < len(grids))), (0, 0)),
            constant_values=1.0,
        )
        for index, grid in enumerate(grids)
    ]
    return np.concatenate(padded, axis=2)

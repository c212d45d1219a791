"""Axial windows of a volume."""

import numpy as np
import numpy.typing as npt

from lungnet.ct.volume import Volume

#: What stands outside the volume: air.
OUTSIDE_HU = -1000


def extract(volume: Volume, centers_zyx: npt.ArrayLike, size: int = 40) -> npt.NDArray[np.int16]:
    """Takes square axial windows at native spacing (section 6 of the paper: 40 x 40).

    A window holds rows r - size // 2 to r - size // 2 + size - 1 (r-20 ... r+19 for 40; columns alike) of
    slice z, where (z, r, c) is its centre rounded half to even. What lies outside the volume is -1000 HU.

    Args:
        volume: the CT.
        centers_zyx: `(n, 3)` voxel indices (slice, row, column), fractional ones allowed.
        size: rows and columns of a window.

    Returns:
        int16 `(n, size, size)` in Hounsfield units.

    Raises:
        ValueError: `centers_zyx` has another shape or is not finite, or `size` is not positive.

    Example:
        >>> ct = Volume(np.zeros((1, 4, 4), np.int16), (1.0, 1.0, 1.0), (0.0, 0.0, 0.0))
        >>> extract(ct, [(0, 0, 2)], size=2)[0].tolist()
        [[-1000, -1000], [0, 0]]
    """
    centers = np.asarray(centers_zyx, np.float64)
    if centers.size == 0:
        centers = centers.reshape(0, 3)
    if centers.ndim != 2 or centers.shape[1] != 3 or not np.isfinite(centers).all():
        raise ValueError(f"centers_zyx must be finite, of shape (n, 3). Received: shape={centers.shape}")
    if size < 1:
        raise ValueError(f"size must be at least 1. Received: {size}")
    slices, rows, columns = volume.hu.shape
    z, top, left = (np.rint(centers) - (0, size // 2, size // 2)).T
    windows = np.full((len(centers), size, size), OUTSIDE_HU, np.int16)
    on_slice = (z >= 0) & (z < slices)
    inside = on_slice & (top >= 0) & (left >= 0) & (top + size <= rows) & (left + size <= columns)
    if inside.any():
        every = np.lib.stride_tricks.sliding_window_view(volume.hu, (size, size), axis=(1, 2))
        windows[inside] = every[z[inside].astype(int), top[inside].astype(int), left[inside].astype(int)]
    partly = on_slice & ~inside & (top > -size) & (left > -size) & (top < rows) & (left < columns)
    for index in np.flatnonzero(partly):
        slice_index, first_row, first_column = int(z[index]), int(top[index]), int(left[index])
        r0, r1 = max(first_row, 0), min(first_row + size, rows)
        c0, c1 = max(first_column, 0), min(first_column + size, columns)
        windows[index, r0 - first_row : r1 - first_row, c0 - first_column : c1 - first_column] = volume.hu[
            slice_index, r0:r1, c0:c1
        ]
    return windows

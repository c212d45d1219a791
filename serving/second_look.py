"""A finer look at candidates: the classifier at offsets of a pixel or two."""

from collections.abc import Callable, Sequence
from itertools import product

import numpy as np
import numpy.typing as npt

from lungnet.ct import Volume, extract

#: Patches int16 `(n, 40, 40)` to probability `(n,)`.
Judge = Callable[[npt.NDArray[np.int16]], npt.NDArray[np.float32]]


def look_again(
    volume: Volume, centers_zyx: Sequence[tuple[float, float, float]], judge: Judge, step_px: int, how: str
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Judges windows at -step, 0 and +step pixels about each centre, on its slice and the two beside it.

    Args:
        volume: the CT.
        centers_zyx: fractional voxel indices of n candidates.
        judge: the classifier.
        step_px: of the offsets in rows and columns.
        how: "mean" or "max" of the nine windows of a slice.

    Returns:
        Of each candidate the probability on the slice that gives the most, float64 `(n,)`, and the mean of
        all 27 places weighted by their probability, float64 `(n, 3)`.
    """
    if not len(centers_zyx):
        return np.empty(0), np.empty((0, 3))
    offsets = np.array(list(product((-1, 0, 1), (-step_px, 0, step_px), (-step_px, 0, step_px))), np.float64)
    places = np.rint(np.asarray(centers_zyx, np.float64))[:, None] + offsets
    # Beyond the first and the last slice lies air, which says nothing of the candidate.
    places[..., 0] = np.clip(places[..., 0], 0, len(volume.hu) - 1)
    found = judge(extract(volume, places.reshape(-1, 3))).astype(np.float64).reshape(len(places), 3, 9)
    by_slice = found.mean(axis=2) if how == "mean" else found.max(axis=2)
    weight = found.reshape(len(places), -1, 1) + np.finfo(np.float64).tiny
    return by_slice.max(axis=1), (places * weight).sum(axis=1) / weight.sum(axis=1)

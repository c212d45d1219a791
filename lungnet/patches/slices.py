"""Which slice of a volume a reader's z position means."""

import numpy as np
import numpy.typing as npt

from lungnet.ct import Volume
from lungnet.errors import InputError

#: Part of the slice spacing by which positions that should lie on half of it may miss it.
_TOLERANCE = 1e-3


def slice_indices(volume: Volume, z_mm: npt.ArrayLike, annotated: str) -> npt.NDArray[np.int64]:
    """Returns the slice nearest to each z position.

    Args:
        volume: an axial CT.
        z_mm: `(n,)` image positions z (LPS).
        annotated: what stands at these positions, for the error: "annotation 7".

    Returns:
        int64 `(n,)`.

    Raises:
        InputError: a position lies farther than half a slice spacing from every slice.
    """
    wanted = np.asarray(z_mm, np.float64).reshape(-1)
    indices = np.zeros((len(volume.hu), 3))
    indices[:, 0] = np.arange(len(volume.hu))
    positions = volume.index_to_world(indices)[:, 2]
    distance = np.abs(wanted[:, None] - positions)
    nearest = distance.argmin(axis=1)
    misses = np.flatnonzero(distance.min(axis=1, initial=np.inf) > volume.spacing_mm[0] * (0.5 + _TOLERANCE))
    if len(misses):
        raise InputError(
            f"Series {volume.series_uid}: {annotated} lies at z = {wanted[misses[0]]:g} mm; "
            f"expected a slice there, but the CT spans {positions.min():g} to {positions.max():g} mm "
            f"in steps of {volume.spacing_mm[0]:g} mm."
        )
    return nearest.astype(np.int64)

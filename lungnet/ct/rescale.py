"""Stored values to Hounsfield units."""

from typing import Any

import numpy as np
import numpy.typing as npt

_LOWEST, _HIGHEST = -32768, 32767


def to_hu(stored: npt.NDArray[Any], slope: float, intercept: float, out: npt.NDArray[np.int16]) -> None:
    """Writes slope x stored + intercept, rounded half to even and saturated to int16.

    Args:
        stored: integer values of any shape; may share its memory with `out`.
        slope: (0028,1053) Rescale Slope.
        intercept: (0028,1052) Rescale Intercept.
        out: int16, of the same shape.
    """
    if stored.dtype.itemsize == 2 and slope == 1.0 and intercept == np.rint(intercept):
        lowest, highest = int(stored.min()) + intercept, int(stored.max()) + intercept
        if lowest >= _LOWEST and highest <= _HIGHEST:
            # No result overflows, so arithmetic modulo 65536 is exact, whatever the sign of `stored`.
            np.add(stored.view(np.uint16), np.uint16(int(intercept) % 65536), out=out.view(np.uint16))
            return
    hu = stored * np.float64(slope)
    hu += intercept
    np.rint(hu, out=hu)
    np.clip(hu, _LOWEST, _HIGHEST, out=hu)
    out[...] = hu

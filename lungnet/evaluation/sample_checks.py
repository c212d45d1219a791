"""What measures of two samples ask of them before they begin."""

import numpy as np
import numpy.typing as npt

from lungnet.errors import InputError
from lungnet.evaluation.checks import Floats


def check_sample(features: npt.ArrayLike, name: str, at_least: int) -> Floats:
    """Returns features as float64 `(n, d)`.

    Raises:
        InputError: not two-dimensional, fewer than `at_least` rows, or a value that is not finite; the
            message calls the features `name`.
    """
    values = np.asarray(features, dtype=np.float64)
    if values.ndim != 2 or values.shape[1] == 0:
        raise InputError(
            f"{name} must be two-dimensional, a row for each patch. "
            f"Received: an array of shape {values.shape}"
        )
    if len(values) < at_least:
        raise InputError(f"{name} must hold at least {at_least} patches. Received: {len(values)}")
    if not np.isfinite(values).all():
        raise InputError(f"{name} must be finite. Received: NaN or infinity among them")
    return values


def check_pair(reference: npt.ArrayLike, tested: npt.ArrayLike, at_least: int) -> tuple[Floats, Floats]:
    """Returns both samples as float64 `(n, d)` and `(m, d)`.

    Raises:
        InputError: as `check_sample`, or they differ in their number of features.
    """
    pair = check_sample(reference, "reference", at_least), check_sample(tested, "tested", at_least)
    if pair[0].shape[1] != pair[1].shape[1]:
        raise InputError(
            "reference and tested must have the same number of features. "
            f"Received: {pair[0].shape[1]} and {pair[1].shape[1]}"
        )
    return pair


def check_images(patches_hu: npt.ArrayLike, name: str) -> npt.NDArray[np.int16]:
    """Returns patches as int16 `(n, size, size)`, at least one.

    Raises:
        InputError: another shape or dtype, or none.
    """
    patches = np.asarray(patches_hu)
    if (
        patches.dtype != np.int16
        or patches.ndim != 3
        or len(patches) == 0
        or patches.shape[1] != patches.shape[2]
    ):
        raise InputError(
            f"{name} must be int16 (n, size, size), at least one patch. "
            f"Received: {patches.dtype} of shape {patches.shape}"
        )
    return patches

"""What every measure asks of labels, probabilities and groups before it begins."""

import numpy as np
import numpy.typing as npt

from lungnet.errors import InputError

Labels = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]


def check_labels(y: npt.ArrayLike) -> Labels:
    """Returns `y` as bool `(n,)`.

    Raises:
        InputError: `y` is not one-dimensional, is empty, holds anything but 0 and 1, or one class only.
    """
    labels = np.asarray(y)
    if labels.ndim != 1 or labels.size == 0:
        raise InputError(
            f"labels must be one-dimensional and not empty. Received: an array of shape {labels.shape}"
        )
    values = np.unique(labels)
    if not np.isin(values, (0, 1)).all():
        raise InputError(f"labels must be 0 or 1. Received: {values[:5].tolist()}")
    if len(values) < 2:
        raise InputError(
            f"labels must hold both classes, 0 and 1. Received: {labels.size} labels, all {int(values[0])}"
        )
    return labels.astype(bool)


def check_probabilities(p: npt.ArrayLike, count: int, name: str = "probabilities") -> Floats:
    """Returns `p` as float64 `(count,)`.

    Raises:
        InputError: another shape, NaN, or a value outside [0, 1].
    """
    values = np.asarray(p, dtype=np.float64)
    if values.shape != (count,):
        raise InputError(
            f"{name} must be one-dimensional, one for each of the {count} labels. "
            f"Received: an array of shape {values.shape}"
        )
    wrong = ~((values >= 0.0) & (values <= 1.0))
    if wrong.any():
        first = int(np.flatnonzero(wrong)[0])
        raise InputError(f"{name} must lie in [0, 1]. Received: {values[first]} at index {first}")
    return values


def check_threshold(threshold: float) -> float:
    """Returns `threshold` as float.

    Raises:
        InputError: it is NaN or outside [0, 1].
    """
    if not 0.0 <= threshold <= 1.0:
        raise InputError(f"threshold must lie in [0, 1]. Received: {threshold}")
    return float(threshold)


def check_weights(weights: npt.ArrayLike | None, count: int) -> Floats:
    """Returns `weights` as float64 `(count,)`; None gives ones.

    Raises:
        InputError: another shape, or a weight that is negative or not finite.
    """
    if weights is None:
        return np.ones(count)
    values = np.asarray(weights, dtype=np.float64)
    if values.shape != (count,) or not np.isfinite(values).all() or (values < 0.0).any():
        raise InputError(
            f"weights must be {count} finite numbers of at least 0. "
            f"Received: an array of shape {values.shape}"
        )
    return values


def encode_groups(groups: npt.ArrayLike | None, count: int) -> tuple[Codes, int]:
    """Numbers the groups in order of first appearance, so that their names change no result.

    Args:
        groups: one name or number a patch, or None where nothing is known of them.
        count: number of patches.

    Returns:
        int64 `(count,)` codes from 0, and how many groups there are (0 for None).

    Raises:
        InputError: another shape, or a name that is missing (empty, None or NaN).
    """
    if groups is None:
        return np.arange(count, dtype=np.int64), 0
    names = np.asarray(groups)
    if names.shape != (count,):
        raise InputError(
            f"groups must be one-dimensional, one for each of the {count} labels. "
            f"Received: an array of shape {names.shape}"
        )
    codes: dict[object, int] = {}
    encoded = np.empty(count, dtype=np.int64)
    for index, name in enumerate(names.tolist()):
        if name is None or name in ("", b"") or name != name:
            raise InputError(f"groups must name a group for each patch. Received: {name!r} at index {index}")
        encoded[index] = codes.setdefault(name, len(codes))
    return encoded, len(codes)

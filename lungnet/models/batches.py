"""Training data as endless shuffled batches, and the checks that come before them."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from lungnet.errors import InputError
from lungnet.hashing import stable_id
from lungnet.patches.example import PATCH_SIZE


def layer_seed(seed: int, *parts: object) -> int:
    """Returns the seed of one layer, initialiser or generator, as a 31-bit integer."""
    return stable_id(seed, *parts) % 2**31


def check_patches(patches_hu: npt.NDArray[np.int16], batch_size: int, what: str) -> None:
    """Refuses patches from which no training step could be made.

    Args:
        patches_hu: what should be int16 `(n, 40, 40)` in HU.
        batch_size: patches of one step.
        what: name of the training, for the message.

    Raises:
        InputError: wrong shape or dtype, or fewer patches than a batch.
    """
    if patches_hu.ndim != 3 or patches_hu.shape[1:] != (PATCH_SIZE,) * 2 or patches_hu.dtype != np.int16:
        raise InputError(
            f"{what} takes patches_hu as int16 (n, {PATCH_SIZE}, {PATCH_SIZE}). "
            f"Received: shape={patches_hu.shape}, dtype={patches_hu.dtype}"
        )
    if len(patches_hu) < batch_size:
        raise InputError(
            f"{what} has {len(patches_hu)} training patches and batch_size is {batch_size}: that makes "
            "zero steps; expected at least one batch. "
            "Lower batch_size, as the preset demo does, or give more."
        )


def check_labels(labels: npt.ArrayLike, count: int, what: str) -> npt.NDArray[np.float32]:
    """Returns labels as float32 `(count,)` of zeros and ones, both of which occur.

    Args:
        labels: 0 or 1 for each patch.
        count: number of patches.
        what: name of the training, for the message.

    Raises:
        InputError: another length, other values, or one class only.
    """
    values = np.asarray(labels)
    if values.shape != (count,):
        raise InputError(f"{what} takes one label per patch, {count}. Received: shape={values.shape}")
    found = np.unique(values).tolist()
    if found != [0, 1]:
        raise InputError(f"{what} takes labels of both classes, 0 and 1. Received: labels={found[:5]}")
    return values.astype(np.float32)


def shuffled_batches(
    arrays: tuple[npt.NDArray[Any], ...], batch_size: int, seed: int, start: int = 0
) -> Iterator[tuple[npt.NDArray[Any], ...]]:
    """Yields full batches without end, every item once per pass, each pass in a new order.

    Where the batch size does not divide the number of items, a batch takes the end of one pass and
    the beginning of the next, so that no item is left out and no step is smaller.

    Args:
        arrays: of equal length along the first axis; batches keep them aligned.
        batch_size: items of each batch.
        seed: of the orders; pass number p depends on (seed, p) alone.
        start: batches to leave out at the beginning; they cost nothing.

    Yields:
        A tuple like `arrays`, each cut down to `batch_size` items.

    Raises:
        ValueError: there are no items, or lengths differ.
    """
    count = len(arrays[0])
    if count == 0 or any(len(array) != count for array in arrays):
        raise ValueError(f"arrays must be of one length above 0. Received: {[len(a) for a in arrays]}")
    passes, begun = divmod(start * batch_size, count)
    waiting = np.empty(0, np.int64)
    while True:
        while len(waiting) < batch_size:
            order = np.random.default_rng([seed, stable_id("pass", passes)]).permutation(count)
            waiting = np.concatenate([waiting, order[begun:]])
            passes, begun = passes + 1, 0
        chosen, waiting = waiting[:batch_size], waiting[batch_size:]
        yield tuple(array[chosen] for array in arrays)

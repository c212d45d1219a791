"""CutMix: patches put together from two, with labels to match, drawn while a network trains."""

import numpy as np
import numpy.typing as npt


def cut_mix(
    patches: npt.NDArray[np.float32],
    labels: npt.NDArray[np.float32],
    share: float,
    alpha: float,
    rng: np.random.Generator,
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Pastes a rectangle of another patch of the batch into some patches, and mixes labels by area.

    As Yun et al. (2019, arXiv:1905.04899) have it, but with a rectangle and a partner for every patch
    instead of one rectangle for the batch: the patch's own share is drawn from Beta(alpha, alpha), the
    rectangle has the patch's proportions, its centre is uniform, and what of it lies outside is cut off.

    Args:
        patches: float32 `(batch, rows, columns, channels)`.
        labels: float32 `(batch,)` in [0, 1].
        share: of the patches that are mixed, each drawn by itself, in [0, 1].
        alpha: above 0; 1 draws areas uniformly, larger ones make halves of them.
        rng: of all draws, which depend on the shape of `patches` alone.

    Returns:
        Mixed patches and labels, of the same shapes and dtypes; what was given is not changed.

    Raises:
        ValueError: `share` or `alpha` is out of range.
    """
    if not 0.0 <= share <= 1.0 or not alpha > 0.0:
        raise ValueError(
            f"share must lie in [0, 1] and alpha above 0. Received: share={share}, alpha={alpha}"
        )
    count, rows, columns = len(patches), *patches.shape[1:3]
    partners = rng.permutation(count)
    mixed = rng.random(count) < share
    side = np.sqrt(1.0 - rng.beta(alpha, alpha, count))  # of the rectangle, as a share of the patch's
    inside = np.broadcast_to(mixed[:, None, None], (count, rows, columns))
    for length, axis in ((rows, 2), (columns, 1)):
        extents, centers = np.rint(length * side).astype(np.int64), rng.integers(length, size=count)
        inside = inside & np.expand_dims(intervals(length, extents, centers), axis)
    return paste(patches, labels, partners, inside)


def intervals(
    length: int, extents: npt.NDArray[np.int64], centers: npt.NDArray[np.int64]
) -> npt.NDArray[np.bool_]:
    """Says which positions 0 to `length - 1` lie in intervals of that extent about a centre.

    An interval of even extent reaches one further down than up; what lies outside is cut off.

    Args:
        length: of the axis, in pixels.
        extents: `(n,)`, 0 or more pixels.
        centers: `(n,)`, positions.

    Returns:
        bool `(n, length)`.

    Example:
        >>> intervals(4, np.array([2, 3]), np.array([2, 0])).astype(int).tolist()
        [[0, 1, 1, 0], [1, 1, 0, 0]]
    """
    start = (centers - extents // 2)[:, None]
    positions = np.arange(length)
    return (positions >= start) & (positions < start + extents[:, None])


def paste(
    patches: npt.NDArray[np.float32],
    labels: npt.NDArray[np.float32],
    partners: npt.NDArray[np.int64],
    inside: npt.NDArray[np.bool_],
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Takes the pixels that are marked from the partner; its label weighs as much as they are of the area.

    Args:
        patches: float32 `(batch, rows, columns, channels)`.
        labels: float32 `(batch,)`.
        partners: `(batch,)`, where in the batch each patch's partner stands.
        inside: bool `(batch, rows, columns)`.

    Returns:
        New patches and labels, of the same shapes and dtypes.
    """
    weight = inside.mean(axis=(1, 2)).astype(np.float32)
    mixed = np.where(inside[..., None], patches[partners], patches)
    return mixed, (1 - weight) * labels + weight * labels[partners]

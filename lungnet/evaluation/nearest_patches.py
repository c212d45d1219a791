"""Which patches are near each other, whichever way they are turned, mirrored or moved.

A generator that learned a patch by heart need not draw it where it stood. Distances are root mean squares
over means of 2 x 2 pixels, which noise of single pixels hardly moves, between a patch's middle under each of
the square's eight symmetries and every position of it in the other patch.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lungnet.errors import InputError
from lungnet.evaluation.checks import Floats
from lungnet.evaluation.sample_checks import check_images

#: Queries at a time: with 4,000 references their distances fill about 8 MB.
_CHUNK = 64

Singles = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Nearest:
    """The nearest nodules of each of n patches, nearest first.

    Attributes:
        distances_hu: float64 `(n, k)`, root mean square in HU; exact to about 0.5 HU.
        rows: int64 `(n, k)`, the row of the reference patch behind each.
    """

    distances_hu: Floats
    rows: npt.NDArray[np.int64]


def symmetries(patch: npt.NDArray[np.generic]) -> list[npt.NDArray[np.generic]]:
    """Returns a square image in all eight positions, itself first."""
    turned = [np.rot90(patch, quarter) for quarter in range(4)]
    return [*turned, *(np.flipud(one) for one in turned)]


def nearest_nodules(
    queries_hu: npt.NDArray[np.int16],
    references_hu: npt.NDArray[np.int16],
    nodules: npt.NDArray[np.int64],
    window_hu: tuple[float, float],
    shift_px: int = 3,
    neighbours: int = 6,
) -> Nearest:
    """Finds the nearest nodules among reference patches, each by its nearest patch.

    Args:
        queries_hu: int16 `(n, 40, 40)`; their middle `40 - 2 * shift_px` pixels are looked for.
        references_hu: int16 `(m, 40, 40)`.
        nodules: int64 `(m,)`, the nodule that a reference shows.
        window_hu: both are clipped to it.
        shift_px: translations that are tried, in rows and columns, each pixel of them.
        neighbours: nodules to return for a query, at most as many as there are.

    Raises:
        InputError: not int16 `(n, size, size)`, none, or another number of nodules than references.
    """
    queries = _clipped(check_images(queries_hu, "queries_hu"), window_hu)
    references = _clipped(check_images(references_hu, "references_hu"), window_hu)
    if len(nodules) != len(references):
        raise InputError(
            f"nodules must name one for each of {len(references)} references. Received: {len(nodules)}"
        )
    # Columns of one nodule side by side, so that its least distance is a reduction over a slice.
    order = np.argsort(nodules, kind="stable")
    starts = np.flatnonzero(np.diff(nodules[order], prepend=nodules[order[0]] - 1))
    moved = [_pooled(view) for view in _views(references[order], shift_px)]
    squares = [np.sum(one**2, axis=1) for one in moved]
    k = min(neighbours, len(starts))
    distances, rows = np.empty((len(queries), k)), np.empty((len(queries), k), np.int64)
    for start in range(0, len(queries), _CHUNK):
        chunk = queries[start : start + _CHUNK]
        found = np.maximum(_squared_distances(_middle(chunk, shift_px), moved, squares), 0.0)
        least = np.minimum.reduceat(found, starts, axis=1)
        nearest = np.argsort(least, axis=1, kind="stable")[:, :k]
        distances[start : start + len(chunk)] = np.sqrt(
            np.take_along_axis(least, nearest, axis=1) / moved[0].shape[1]
        )
        ends = np.append(starts[1:], len(order))
        for line, chosen in enumerate(nearest):
            rows[start + line] = [
                order[starts[one] + np.argmin(found[line, starts[one] : ends[one]])] for one in chosen
            ]
    return Nearest(distances, rows)


def best_view(
    query_hu: npt.NDArray[np.int16],
    reference_hu: npt.NDArray[np.int16],
    window_hu: tuple[float, float],
    shift_px: int = 3,
) -> tuple[npt.NDArray[np.int16], float]:
    """Turns, mirrors and moves a reference patch until it is as near to the middle of a query as it gets.

    Args:
        query_hu: int16 `(size, size)`.
        reference_hu: int16 `(size, size)`.
        window_hu: both are clipped to it to be compared.
        shift_px: translations that are tried.

    Returns:
        The view, int16 `(size - 2 * shift_px, size - 2 * shift_px)`, and its distance in HU.
    """
    middle = _pooled(_middle(_clipped(query_hu[None], window_hu), shift_px))[0]
    best: tuple[npt.NDArray[np.int16], float] | None = None
    for view in _views(reference_hu[None], shift_px):
        for turned in symmetries(view[0]):
            pooled = _pooled(_clipped(turned[None], window_hu))[0]
            distance = float(np.sqrt(np.mean((middle.astype(np.float64) - pooled) ** 2)))
            if best is None or distance < best[1]:
                best = turned.astype(np.int16), distance
    assert best is not None  # noqa: S101 - there is at least the view that was not moved
    return best


def _squared_distances(middles: Singles, moved: list[Singles], squares: list[Singles]) -> Singles:
    """Least squared distance over symmetries and translations, float32 `(queries, references)`."""
    turned = np.concatenate([_pooled(one) for one in _turned(middles)])
    # A symmetry leaves a query's own square as it is, so only the products have to be compared.
    own = np.sum(turned[: len(middles)] ** 2, axis=1)
    best = np.full((len(middles), len(moved[0])), np.inf, np.float32)
    for one, square in zip(moved, squares, strict=True):
        product = (turned @ one.T).reshape(8, len(middles), -1).max(axis=0)
        np.minimum(best, square - 2.0 * product, out=best)
    return best + own[:, None]


def _turned(images: Singles) -> list[Singles]:
    quarters = [np.rot90(images, quarter, axes=(1, 2)) for quarter in range(4)]
    return [*quarters, *(np.flip(one, axis=1) for one in quarters)]


def _views(images: npt.NDArray[np.generic], shift_px: int) -> list[npt.NDArray[np.generic]]:
    """Every window of `size - 2 * shift_px` pixels."""
    size = images.shape[1] - 2 * shift_px
    steps = range(2 * shift_px + 1)
    return [images[:, top : top + size, left : left + size] for top in steps for left in steps]


def _middle(images: Singles, shift_px: int) -> Singles:
    size = images.shape[1]
    return images[:, shift_px : size - shift_px, shift_px : size - shift_px]


def _clipped(images: npt.NDArray[np.generic], window_hu: tuple[float, float]) -> Singles:
    """As float32 about the middle of the window, where squares lose the fewest digits."""
    low, high = window_hu
    return (np.clip(images, low, high) - (low + high) / 2.0).astype(np.float32)


def _pooled(images: npt.NDArray[np.generic]) -> Singles:
    """Means of 2 x 2 pixels, flat."""
    count, rows, columns = images.shape
    means = images.reshape(count, rows // 2, 2, columns // 2, 2).mean(axis=(2, 4), dtype=np.float32)
    flat: Singles = means.reshape(count, -1)
    return flat

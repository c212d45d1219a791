"""Where a classifier looked: what it loses when a place of the patch is covered (Zeiler and Fergus, 2014)."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from lungnet.errors import InputError

Floats = npt.NDArray[np.float64]

#: Side of the window, and from one window to the next, where nothing else is asked for.
WINDOW_PX, STRIDE_PX = 8, 4

#: int16 `(n, rows, columns)` in Hounsfield units to one number each, `(n,)`.
Score = Callable[[npt.NDArray[np.int16]], npt.ArrayLike]


def occlusion_maps(
    score: Score,
    patches_hu: npt.NDArray[np.int16],
    window_px: int = WINDOW_PX,
    stride_px: int = STRIDE_PX,
    fill_hu: npt.ArrayLike | None = None,
) -> Floats:
    """Slides a window over each patch, covers what is under it, and notes by how much the score falls.

    A pixel gets the mean over the windows that cover it. All windows of all patches are one question to
    `score`, which knows no gradient and may be anything: it is asked about `n * (windows + 1)` patches.

    Args:
        score: of patches: a probability, or log odds, which do not saturate.
        patches_hu: int16 `(n, rows, columns)`; n may be 0.
        window_px: side of the square window.
        stride_px: from one window to the next; the last one lies at the edge even if it takes a shorter step.
        fill_hu: what the window shows, one value or one for each patch, `(n,)`; None for the median of the
            patch, which is its background.

    Returns:
        float64 `(n, rows, columns)`: score of the patch less that of the covered one. Above 0 the place spoke
        for the positive class, below 0 against it.

    Raises:
        InputError: the window does not fit into a patch, or it steps over pixels.

    Example:
        >>> patch = np.array([[[0, 0, 0, 0], [0, 8, 0, 0]]], np.int16)
        >>> occlusion_maps(lambda patches: patches.sum((1, 2)), patch, window_px=2, stride_px=2)
        array([[[8., 8., 0., 0.],
                [8., 8., 0., 0.]]])
    """
    count, height, width = patches_hu.shape
    if not 1 <= window_px <= min(height, width):
        raise InputError(
            f"The window must fit into a patch of {height} x {width} pixels. Received: window_px={window_px}"
        )
    if not 1 <= stride_px <= window_px:
        raise InputError(
            f"stride_px must be within 1 to {window_px}, the window, so that no pixel is left out. "
            f"Received: {stride_px}"
        )
    if count == 0:
        return np.zeros(patches_hu.shape)
    background = np.median(patches_hu, axis=(1, 2)) if fill_hu is None else np.asarray(fill_hu)
    fill = np.broadcast_to(np.round(background), (count,)).astype(np.int16)
    corners = [
        (top, left)
        for top in _starts(height, window_px, stride_px)
        for left in _starts(width, window_px, stride_px)
    ]
    asked = np.repeat(patches_hu[:, None], len(corners) + 1, axis=1)
    covered = np.zeros((len(corners), height, width))
    for number, (top, left) in enumerate(corners):
        place = slice(top, top + window_px), slice(left, left + window_px)
        asked[:, number + 1, *place] = fill[:, None, None]
        covered[number, *place] = 1.0
    answers = np.asarray(score(asked.reshape(-1, height, width)), np.float64).reshape(count, -1)
    falls = answers[:, :1] - answers[:, 1:]
    return np.asarray(np.tensordot(falls, covered, 1) / covered.sum(0))


def _starts(pixels: int, window_px: int, stride_px: int) -> list[int]:
    last = pixels - window_px
    return sorted({*range(0, last + 1, stride_px), last})

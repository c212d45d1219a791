"""Windows that show no nodule of any reader (section 6: "nodules agreed on by any radiologists").

A negative is placed as a positive is: an anchor, as a nodule's centre would be, plus a translation.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from lungnet.config import PatchRules
from lungnet.ct import Volume, body_and_lungs
from lungnet.errors import InputError
from lungnet.hashing import stable_id
from lungnet.lidc import Annotation, annotation_boxes
from lungnet.patches.example import PATCH_SIZE
from lungnet.patches.slices import slice_indices

_HALF = PATCH_SIZE // 2
_DRAWS = 256
_ROUNDS = 400


def outline_boxes(volume: Volume, annotations: Sequence[Annotation]) -> npt.NDArray[np.int64]:
    """Returns the bounding box of every outline of every reader, in voxels.

    Args:
        volume: the CT that the readers saw.
        annotations: of all readers, whether their nodules are in the cohort or not.

    Returns:
        int64 `(n, 5)`: slice, first row, last row, first column, last column, both ends included.

    Raises:
        InputError: an outline lies on no slice of the volume.
    """
    boxes = annotation_boxes(annotations)
    slices = slice_indices(volume, boxes.z_mm, "an outline")
    return np.stack([slices, boxes.row0, boxes.row1, boxes.col0, boxes.col1], axis=1)


def touches(centers_zyx: npt.NDArray[np.int64], boxes: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Whether each window overlaps a box on its own slice or on a neighbouring one.

    Args:
        centers_zyx: int64 `(n, 3)`, window centres; windows are 40 x 40.
        boxes: of `outline_boxes`, `(m, 5)`.

    Returns:
        bool `(n,)`.
    """
    z, row, column = (axis[:, None] for axis in centers_zyx.T)
    index, top, bottom, left, right = boxes.T
    return np.any(
        (np.abs(z - index) <= 1)
        & (row - _HALF <= bottom)
        & (row + _HALF - 1 >= top)
        & (column - _HALF <= right)
        & (column + _HALF - 1 >= left),
        axis=1,
    )


def place_negatives(
    volume: Volume, annotations: Sequence[Annotation], count: int, rules: PatchRules, seed: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Places windows that show no nodule.

    Anchors are uniform over the lung for the share `rules.min_lung_fraction` (rounded up) and over the
    body for the rest; anchor and window centre both lie in the lung, or in the body. The k-th window
    hangs on the seed, the series and k: asking for more changes none of the first.

    Args:
        volume: the CT.
        annotations: of all readers of this series.
        count: how many windows.
        rules: translation and share.
        seed: of the choice.

    Returns:
        Window centres int64 `(count, 3)` (slice, row, column), and their translations `(count, 2)`.

    Raises:
        InputError: no place is left in the lung or in the body, or an outline lies on no slice.
    """
    boxes = outline_boxes(volume, annotations)
    share = rules.min_lung_fraction
    places = ["lung" if np.ceil((k + 1) * share) > np.ceil(k * share) else "body" for k in range(count)]
    masks = dict(zip(("body", "lung"), body_and_lungs(volume), strict=True))
    shape = volume.hu.shape
    centers, offsets = np.empty((count, 3), np.int64), np.empty((count, 2), np.int64)
    for k, place in enumerate(places):
        mask = masks[place]
        rng = np.random.default_rng([seed, stable_id(volume.series_uid, "negative", k)])
        for anchors, translations in _draws(rng, shape, rules.max_offset_px):
            windows = anchors.copy()
            windows[:, 1:] += translations
            inside = np.all((windows >= 0) & (windows < shape), axis=1)
            inside &= mask.holds(anchors)
            inside[inside] = mask.holds(windows[inside])
            inside[inside] = ~touches(windows[inside], boxes)
            if inside.any():
                first = inside.argmax()
                centers[k], offsets[k] = windows[first], translations[first]
                break
        else:
            raise InputError(
                f"Series {volume.series_uid}: no window free of annotations was found in the {place}; "
                f"expected a chest CT with room for {count} negatives."
            )
    return centers, offsets


def _draws(
    rng: np.random.Generator, shape: tuple[int, ...], max_offset_px: int
) -> Iterator[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]]:
    """Anchors `(256, 3)` and translations `(256, 2)`, uniform, until one is taken."""
    for _ in range(_ROUNDS):
        anchors = rng.integers(0, shape, (_DRAWS, 3))
        yield anchors, rng.integers(-max_offset_px, max_offset_px + 1, (_DRAWS, 2))

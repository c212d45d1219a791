"""Patches to look at: real beside synthetic, and the worst errors."""

import os
from typing import Any

import numpy as np
import numpy.typing as npt

from lungnet.evaluation.canvas import drawn
from lungnet.evaluation.shown import sort_answers

PatchesHU = npt.NDArray[np.int16]


def draw_patch_sheet(
    path: str | os.PathLike[str],
    real_patches_hu: PatchesHU,
    synthetic_patches_hu: PatchesHU,
    window_hu: tuple[float, float] = (-1000.0, 400.0),
    rows: int = 5,
    columns: int = 6,
) -> None:
    """Real patches on the left, synthetic ones on the right, drawn evenly from what is given.

    Args:
        path: of the PNG.
        real_patches_hu: `(n, rows, columns)`, at least one.
        synthetic_patches_hu: `(m, rows, columns)`, at least one.
        window_hu: black and white.
        rows: of the sheet, at most.
        columns: of each side.
    """
    most = max(len(real_patches_hu), len(synthetic_patches_hu))
    rows = min(rows, -(-most // columns))
    with drawn(path, 1.6 * columns, 0.8 * rows + 0.2, columns=2) as (_, axes):
        sides = (("Real", real_patches_hu), ("Synthetic", synthetic_patches_hu))
        for axis, (title, patches) in zip(axes, sides, strict=True):
            count = min(rows * columns, len(patches))
            chosen = np.linspace(0, len(patches) - 1, count).astype(int)
            _show(axis, _mosaic(patches[chosen], rows, columns, window_hu), window_hu)
            axis.set_title(title)


def draw_worst_errors(
    path: str | os.PathLike[str],
    patches_hu: PatchesHU,
    y: npt.ArrayLike,
    p: npt.ArrayLike,
    threshold: float,
    window_hu: tuple[float, float] = (-1000.0, 400.0),
    columns: int = 8,
) -> None:
    """The false positives of highest and the false negatives of lowest probability.

    Each carries its probability and, after #, its index among the evaluation patches.

    Args:
        path: of the PNG.
        patches_hu: `(n, rows, columns)`.
        y: labels 0 or 1, `(n,)`.
        p: probabilities in [0, 1], `(n,)`.
        threshold: a patch is called positive when `p >= threshold`.
        window_hu: black and white.
        columns: errors shown of each kind, at most.

    Raises:
        InputError: lengths differ, one class only, or a probability that is NaN or outside [0, 1].
    """
    answers = sort_answers(y, p, threshold)
    scores = np.asarray(p, np.float64)
    kinds = (
        ("False positives", answers.false_positives, answers.true_negatives),
        ("False negatives", answers.false_negatives, answers.true_positives),
    )
    with drawn(path, 1.25 * columns, 3.6, 2, columns) as (_, axes):
        for line, (title, errors, right) in enumerate(kinds):
            across = axes[line * columns : (line + 1) * columns]
            across[0].set_title(f"{title}: {len(errors)} of {len(errors) + len(right)}", fontsize=10)
            for axis, index in zip(across, errors, strict=False):
                _show(axis, patches_hu[index], window_hu)
                axis.set_xlabel(f"p = {scores[index]:.2f}   #{index}", fontsize=8)
            for axis in across[len(errors) :]:
                axis.set_axis_off()


def _mosaic(
    patches_hu: PatchesHU, rows: int, columns: int, window_hu: tuple[float, float]
) -> npt.NDArray[np.float64]:
    """Lays patches side by side, two white pixels apart; missing ones stay white."""
    _, height, width = patches_hu.shape
    sheet = np.full((rows * (height + 2) - 2, columns * (width + 2) - 2), window_hu[1])
    for index, patch in enumerate(patches_hu):
        top, left = (index // columns) * (height + 2), (index % columns) * (width + 2)
        sheet[top : top + height, left : left + width] = patch
    return sheet


def _show(axis: Any, image_hu: npt.NDArray[Any], window_hu: tuple[float, float]) -> None:
    axis.imshow(image_hu, cmap="gray", vmin=window_hu[0], vmax=window_hu[1], interpolation="nearest")
    axis.set(xticks=[], yticks=[])
    for spine in axis.spines.values():
        spine.set_visible(False)

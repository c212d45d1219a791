"""Patches with what a classifier's answer hangs on laid over them."""

import os
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LinearSegmentedColormap, Normalize, to_rgb
from matplotlib.ticker import MaxNLocator

from lungnet.evaluation.canvas import GREY, drawn
from lungnet.evaluation.inputs import Looked
from lungnet.evaluation.shown import sort_answers

Floats = npt.NDArray[np.floating[Any]]

_FOR, _AGAINST, _MIDDLE = "#D55E00", "#0072B2", "#e8e8e8"
#: Of the colour over the patch, where a map is strongest.
_OPACITY = 0.75
#: White pixels between patches.
_GAP = 3
#: A map is as strong as it gets where it reaches this share of all values shown.
_STRONGEST = 0.995

TITLES = {
    "false_negatives": "False negatives",
    "true_positives": "True positives",
    "false_positives": "False positives",
    "true_negatives": "True negatives",
}


def draw_where_it_looked(
    path: str | os.PathLike[str],
    patches_hu: npt.NDArray[np.int16],
    y: npt.ArrayLike,
    p: npt.ArrayLike,
    threshold: float,
    looked: Looked,
    window_hu: tuple[float, float] = (-1000.0, 400.0),
) -> None:
    """Errors on the left, right answers on the right; below each patch its maps, all on one scale.

    Args:
        path: of the PNG.
        patches_hu: int16 `(n, rows, columns)`, all evaluation patches.
        y: labels 0 or 1, `(n,)`.
        p: probabilities in [0, 1], `(n,)`.
        threshold: a patch is called positive when `p >= threshold`.
        looked: the maps.
        window_hu: black and white.

    Raises:
        InputError: as `sort_answers`.
    """
    counts = sort_answers(y, p, threshold)
    scores = np.asarray(p, np.float64)
    columns = max(1, *(len(indices) for indices in looked.shown))
    lines = [("occlusion", looked.occlusion, _strongest(looked.occlusion))]
    if looked.grad_cam is not None:
        lines.append(("Grad-CAM", looked.grad_cam, _strongest(looked.grad_cam)))
    height_in = 2 * (0.9 * (1 + len(lines)) + 0.45) + 0.6
    with drawn(path, 1.8 * columns + 0.4, height_in, 2, 2) as (figure, axes):
        start = 0
        for axis, (kind, indices) in zip(axes, looked.shown._asdict().items(), strict=True):
            part = slice(start, start + len(indices))
            start += len(indices)
            grey = _grey(patches_hu[indices], window_hu)
            rows = [grey, *(_over(grey, values[part] / strongest) for _, values, strongest in lines)]
            axis.imshow(_mosaic(rows, columns, patches_hu.shape[1:]), interpolation="nearest")
            found = len(counts._asdict()[kind])
            axis.set_title(f"{TITLES[kind]}: {len(indices)} of {found:,}", pad=16)
            _label(axis, indices, scores, patches_hu.shape[1:], ["patch", *(name for name, *_ in lines)])
        for side, (name, _, strongest) in enumerate(lines):
            _scale(figure, axes[side::2], name, strongest)


def _strongest(values: Floats) -> float:
    return float(np.quantile(np.abs(values), _STRONGEST)) or 1.0 if values.size else 1.0


def _grey(patches_hu: npt.NDArray[np.int16], window_hu: tuple[float, float]) -> Floats:
    low, high = window_hu
    unit = np.clip((patches_hu.astype(np.float64) - low) / (high - low), 0.0, 1.0)
    return np.repeat(unit[..., None], 3, axis=-1)


def _over(grey: Floats, strength: Floats) -> Floats:
    """Lays colour over grey: towards positive for values above 0, towards negative below, opaque at 1."""
    opacity = _OPACITY * np.clip(np.abs(strength), 0.0, 1.0)[..., None]
    color = np.where(strength[..., None] >= 0, to_rgb(_FOR), to_rgb(_AGAINST))
    return (1.0 - opacity) * grey + opacity * color


def _mosaic(rows: Sequence[Floats], columns: int, size: tuple[int, ...]) -> Floats:
    height, width = size
    sheet = np.ones((len(rows) * (height + _GAP) - _GAP, columns * (width + _GAP) - _GAP, 3))
    for line, patches in enumerate(rows):
        for column, patch in enumerate(patches):
            top, left = line * (height + _GAP), column * (width + _GAP)
            sheet[top : top + height, left : left + width] = patch
    return sheet


def _label(
    axis: Any, indices: npt.NDArray[np.int64], scores: Floats, size: tuple[int, ...], names: Sequence[str]
) -> None:
    height, width = size
    for column, index in enumerate(indices):
        middle = column * (width + _GAP) + width / 2
        axis.text(middle, -2, f"{scores[index]:.2f}  #{index}", ha="center", va="bottom", fontsize=7)
    names = names if len(indices) else ()
    axis.set_xticks([])
    axis.set_yticks([line * (height + _GAP) + height / 2 for line in range(len(names))], names, fontsize=8)
    axis.tick_params(length=0)
    for spine in axis.spines.values():
        spine.set_visible(False)


def _scale(figure: Any, axes: Sequence[Any], name: str, strongest: float) -> None:
    """Says below the axes what the colours of a map stand for."""
    words, colors, least = {
        "occlusion": ("Occlusion: log odds lost where covered", [_AGAINST, _MIDDLE, _FOR], -strongest),
        "Grad-CAM": ("Grad-CAM: what speaks for positive", [_MIDDLE, _FOR], 0.0),
    }[name]
    colormap = LinearSegmentedColormap.from_list(name, colors)
    mappable = ScalarMappable(Normalize(least, strongest), colormap)
    bar = figure.colorbar(mappable, ax=axes, location="bottom", shrink=0.7, aspect=40, pad=0.02)
    bar.set_label(words, fontsize=8)
    bar.ax.tick_params(labelsize=7, color=GREY)
    bar.locator = MaxNLocator(6)
    bar.update_ticks()
    bar.outline.set_visible(False)

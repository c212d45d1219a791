"""Figures of how good synthetic patches are."""

import os
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from lungnet.evaluation.canvas import GREY, LIGHT, Stroke, drawn
from lungnet.evaluation.image_statistics import BIN_HU, intensity_histogram, radial_power_spectrum
from lungnet.evaluation.nearest_patches import best_view

PatchesHU = npt.NDArray[np.int16]

_STROKES = {
    "real": Stroke("#000000", "-", 1.6),
    "real, other half": Stroke("#767676", (0, (1, 1)), 1.6),
    "synthetic": Stroke("#D55E00", (0, (6, 1.5)), 1.6),
}


def draw_statistics(
    path: str | os.PathLike[str],
    reference_hu: PatchesHU,
    floor_hu: PatchesHU,
    synthetic_hu: PatchesHU,
    window_hu: tuple[float, float],
) -> None:
    """Histogram of intensities and radial power spectrum of two real halves and of synthetic patches.

    Args:
        path: of the PNG.
        reference_hu: int16 `(n, size, size)`, real.
        floor_hu: int16 `(n, size, size)`, real patches of other groups.
        synthetic_hu: int16 `(m, size, size)`.
        window_hu: of the histogram.
    """
    samples = dict(zip(_STROKES, (reference_hu, floor_hu, synthetic_hu), strict=True))
    low = round(window_hu[0])
    with drawn(path, 10.0, 3.6, columns=2) as (_, (intensities, spectrum)):
        for name, patches in samples.items():
            color, dashes, width = _STROKES[name]
            shares = intensity_histogram(patches, window_hu)
            edges = np.arange(0, len(shares), BIN_HU)
            binned = np.add.reduceat(shares, edges)
            intensities.step(
                low + edges, binned, where="post", color=color, linestyle=dashes, linewidth=width, label=name
            )
            power = radial_power_spectrum(patches)
            spectrum.plot(np.arange(1, len(power) + 1), power, color=color, linestyle=dashes, linewidth=width)
        intensities.set(xlabel="HU", ylabel=f"Share of pixels in {BIN_HU} HU", yscale="log")
        intensities.legend(loc="upper right", handlelength=3.0, fontsize=9)
        spectrum.set(xlabel="Cycles a patch", ylabel="Power (HU²)", yscale="log")
        for axis in (intensities, spectrum):
            axis.grid(axis="y", color=LIGHT, linewidth=0.6)
            axis.set_axisbelow(True)


def draw_nearest_pairs(
    path: str | os.PathLike[str],
    synthetic_hu: PatchesHU,
    training_hu: PatchesHU,
    window_hu: tuple[float, float],
    shift_px: int = 3,
) -> None:
    """Synthetic patches above the training patches nearest to them, turned and moved to fit.

    Args:
        path: of the PNG.
        synthetic_hu: int16 `(n, size, size)`, the most suspicious first, at least one.
        training_hu: int16 `(n, size, size)`, the nearest to each.
        window_hu: black and white.
        shift_px: translations that are tried; both are shown without that margin.
    """
    count = len(synthetic_hu)
    inner = slice(shift_px, synthetic_hu.shape[1] - shift_px)
    with drawn(path, 1.25 * count, 3.0, 2, count) as (_, axes):
        axes[0].set_title("Synthetic", fontsize=10)
        axes[count].set_title("Nearest in training", fontsize=10)
        for column in range(count):
            view, distance_hu = best_view(synthetic_hu[column], training_hu[column], window_hu, shift_px)
            for axis, image in (
                (axes[column], synthetic_hu[column, inner, inner]),
                (axes[count + column], view),
            ):
                axis.imshow(image, cmap="gray", vmin=window_hu[0], vmax=window_hu[1], interpolation="nearest")
                axis.set(xticks=[], yticks=[])
            axes[count + column].set_xlabel(f"{distance_hu:.0f} HU", fontsize=8)


def draw_gan_training(path: str | os.PathLike[str], history: Mapping[str, Sequence[float]]) -> None:
    """Critic's distance and gradient norm over a GAN's training, its last fifth shaded.

    Args:
        path: of the PNG.
        history: of `lungnet.models.train_gan`: "step", "wasserstein_distance" and "gradient_norm".
    """
    steps = np.asarray(history["step"])
    panels = {
        "wasserstein_distance": "E[D(real)] - E[D(fake)]",
        "gradient_norm": "Norm of the critic's gradient",
    }
    with drawn(path, 10.0, 3.0, columns=2) as (_, axes):
        for axis, (name, label) in zip(axes, panels.items(), strict=True):
            axis.axvspan(steps[-max(1, len(steps) // 5)], steps[-1], color=LIGHT, linewidth=0)
            axis.plot(steps, history[name], color="#0072B2", linewidth=1.6)
            axis.set(xlabel="Updates of the generator", ylabel=label)
        axes[0].set_ylim(bottom=min(0.0, *history["wasserstein_distance"]))
        axes[1].axhline(1.0, color=GREY, linewidth=0.8)

"""Writes `quality.json` and its figures."""

import os
from pathlib import Path

from lungnet.config import QualityConfig
from lungnet.evaluation.quality_figures import (
    draw_gan_training,
    draw_nearest_pairs,
    draw_statistics,
)
from lungnet.evaluation.quality_text import QUALITY_FIGURES
from lungnet.evaluation.synthetic_quality import Judged, QualityInputs
from lungnet.files import write_json

#: Pairs in the figure.
PAIRS = 8


def write_quality(
    folder: str | os.PathLike[str], judged: Judged, inputs: QualityInputs, config: QualityConfig
) -> None:
    """Writes what was measured and shows it.

        folder/
          quality.json      see `judge_synthetic`
          figures/*.png     see `QUALITY_FIGURES`; those there is something to draw for

    Args:
        folder: made if it does not exist.
        judged: what `judge_synthetic` returned for `inputs` and `config`.
        inputs: patches and curves.
        config: as it was given.
    """
    folder = Path(folder)
    paths = {name: folder / path for name, path in QUALITY_FIGURES.items()}
    real_hu, synthetic_hu = judged.positives.patches_hu, inputs.synthetic_hu
    if judged.halves is not None and len(synthetic_hu):
        halves = real_hu[judged.halves.reference], real_hu[judged.halves.floor]
        draw_statistics(paths["quality_statistics"], *halves, synthetic_hu, inputs.window_hu)
    if judged.suspects is not None:
        draw_nearest_pairs(
            paths["quality_pairs"],
            synthetic_hu[judged.suspects.synthetic_rows[:PAIRS]],
            real_hu[judged.suspects.training_rows[:PAIRS]],
            inputs.window_hu,
            config.copy_shift_px,
        )
    if inputs.history.get("step"):
        draw_gan_training(paths["quality_training"], inputs.history)
    write_json(folder / "quality.json", judged.quality)

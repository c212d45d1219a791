"""What TensorBoard shows of an evaluation: curves, figures and Table 1."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tensorflow as tf
from tensorboard.plugins.pr_curve import summary as pr_curve

from lungnet.evaluation.checks import check_labels, check_probabilities
from lungnet.evaluation.inputs import EvaluationInputs
from lungnet.evaluation.report_results import FIGURES
from lungnet.evaluation.tables import table_markdown
from lungnet.models.event_file import fresh_event_file

#: Figure of the report -> what TensorBoard says of it.
_DESCRIPTIONS = {
    "variance": "Figure 4: mean squared Euclidean distance of the features to their cluster's mean.",
    "losses": "Figure 5: cross-entropy against the iterations of CALM.",
    "roc": "Figure 6: ROC curves of all rows of Table 1, evaluation patches.",
    "reliability": "Observed share of positives against probability, ten bins.",
    "patches": "Positives of the training split.",
    "errors": "Evaluation patches that the first row got most wrong.",
    "looked": "Occlusion and Grad-CAM of the first row on its worst errors and some right answers.",
    "looked_cnn": "The same of the convolutional network.",
    "quality_statistics": "Intensities and power spectrum of synthetic patches and two halves of real ones.",
    "quality_pairs": "Synthetic patches that look most like copies, above what they are nearest to.",
    "quality_training": "Critic's distance and gradient norm over the GAN's training.",
}


def log_evaluation(
    tensorboard_dir: str | os.PathLike[str],
    report: str | os.PathLike[str],
    metrics: Mapping[str, Any],
    inputs: EvaluationInputs,
) -> None:
    """Writes event files of an evaluation.

        tensorboard_dir/
          events.out.tfevents.*              figures (images) and Table 1 (text)
          <row key>/events.out.tfevents.*    the row's precision-recall curve

    Each row has a folder of its own, because TensorBoard overlays curves of one name from different folders.
    It has nothing of the kind for ROC curves: they are in the figure.

    Args:
        tensorboard_dir: of this evaluation.
        report: folder that `write_report` filled.
        metrics: what `evaluate` returned for `inputs`.
        inputs: the answers.
    """
    folder = Path(tensorboard_dir)
    with fresh_event_file(folder):
        for name, path in FIGURES.items():
            if (Path(report) / path).is_file():
                image = tf.io.decode_png((Path(report) / path).read_bytes(), channels=3)
                tf.summary.image(f"figures/{name}", image[None], description=_DESCRIPTIONS.get(name))
        tf.summary.text("table_1", table_markdown(metrics))
    labels = check_labels(inputs.labels)
    for key, row in inputs.rows.items():
        curve = pr_curve.pb(
            "evaluation",
            labels,
            check_probabilities(row.probabilities, len(labels)),
            display_name="Precision and recall",
            description="Of the evaluation patches, at their own prevalence.",
        )
        with fresh_event_file(folder / key):
            tf.summary.experimental.write_raw_pb(curve.SerializeToString())

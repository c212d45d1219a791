"""The report: `metrics.json`, `curves.json`, figures, and `report.html`, which a researcher reads first."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from lungnet.evaluation.calibration import reliability
from lungnet.evaluation.documents import metrics_text, write_documents
from lungnet.evaluation.figures import RocLine, draw_losses, draw_reliability, draw_roc, draw_variance
from lungnet.evaluation.inputs import EvaluationInputs, Pictures
from lungnet.evaluation.looked_figure import draw_where_it_looked
from lungnet.evaluation.pictures import draw_patch_sheet, draw_worst_errors
from lungnet.evaluation.prevalence import curve_at
from lungnet.evaluation.report_prevalence import prevalences
from lungnet.evaluation.report_results import FIGURES
from lungnet.evaluation.roc import precision_recall_curve, roc_curve
from lungnet.evaluation.row_figures import draw_row_figures
from lungnet.files import write_text


def write_report(
    folder: str | os.PathLike[str],
    metrics: Mapping[str, Any],
    inputs: EvaluationInputs,
    pictures: Pictures | None = None,
) -> None:
    """Writes everything a reader needs into `folder`, the report last.

        folder/
          metrics.json      see `evaluate`
          curves.json       ROC, precision-recall (at the own prevalence, and precision at others) and
                            training curves: <row key> -> {roc, precision_recall, history}
          figures/*.png     Figures 4, 5 and 6, reliability, precision, patches; what there is to draw
          report.html ...   report, model card and checklist, see `write_documents`

    The same arguments give the same bytes.

    Args:
        folder: made if it does not exist; files of the same names are replaced.
        metrics: what `evaluate` returned for `inputs`.
        inputs: the answers.
        pictures: patches to look at; None leaves them out.

    Raises:
        InputError: the folder cannot be written, or `pictures` does not fit the labels.
    """
    folder = Path(folder)
    write_text(folder / "metrics.json", metrics_text(metrics))
    write_text(
        folder / "curves.json", json.dumps(_curves(inputs, metrics), allow_nan=False, sort_keys=True) + "\n"
    )
    _draw(folder, metrics, inputs, pictures or Pictures())
    write_documents(folder, metrics)


def _draw(folder: Path, metrics: Mapping[str, Any], inputs: EvaluationInputs, pictures: Pictures) -> None:
    """Draws those of `FIGURES` that there is something to draw for."""
    paths = {name: folder / path for name, path in FIGURES.items()}
    draw_roc(paths["roc"], [_roc_line(key, metrics["rows"][key], inputs) for key in inputs.rows])
    draw_reliability(
        paths["reliability"],
        {
            key: (metrics["rows"][key]["name"], reliability(inputs.labels, row.probabilities))
            for key, row in inputs.rows.items()
        },
    )
    draw_row_figures(paths, metrics, inputs)
    first = next(iter(inputs.rows.values()))
    history = first.history or {}
    kept = history.get("kept_iteration")
    variance = history.get("intra_cluster_variance", ())
    if len(variance):
        draw_variance(paths["variance"], variance, kept)
    curves = {"training": history.get("loss", ()), "validation": history.get("validation_loss", ())}
    losses = {name: curve for name, curve in curves.items() if len(curve)}
    if losses:
        draw_losses(paths["losses"], losses, kept)
    real, synthetic = pictures.real_patches_hu, pictures.synthetic_patches_hu
    if real is not None and synthetic is not None and len(real) and len(synthetic):
        draw_patch_sheet(paths["patches"], real, synthetic, pictures.window_hu)
    if pictures.eval_patches_hu is not None:
        draw_worst_errors(
            paths["errors"],
            pictures.eval_patches_hu,
            inputs.labels,
            first.probabilities,
            first.threshold,
            pictures.window_hu,
        )
        for figure, row in (("looked", first), ("looked_cnn", inputs.rows.get("cnn"))):
            if row is not None and row.row in pictures.looked and (figure == "looked" or row is not first):
                draw_where_it_looked(
                    paths[figure],
                    pictures.eval_patches_hu,
                    inputs.labels,
                    row.probabilities,
                    row.threshold,
                    pictures.looked[row.row],
                    pictures.window_hu,
                )


def _roc_line(key: str, row: Mapping[str, Any], inputs: EvaluationInputs) -> RocLine:
    curve = roc_curve(inputs.labels, inputs.rows[key].probabilities)
    own = row["own"]
    point = (1.0 - own["specificity"]["value"], own["recall"]["value"])
    return RocLine(key, row["name"], curve, own["auc"]["value"], point)


def _curves(inputs: EvaluationInputs, metrics: Mapping[str, Any]) -> dict[str, Any]:
    curves = {}
    for key, row in inputs.rows.items():
        roc = roc_curve(inputs.labels, row.probabilities)
        recall = precision_recall_curve(inputs.labels, row.probabilities)
        curves[key] = {
            "roc": {
                "false_positive_rate": _rounded(roc.false_positive_rate),
                "true_positive_rate": _rounded(roc.true_positive_rate),
            },
            "precision_recall": {
                "precision": _rounded(recall.precision),
                "recall": _rounded(recall.recall),
                "thresholds": recall.thresholds.tolist(),
                "precision_at": {
                    name: _rounded(curve_at(inputs.labels, row.probabilities, share).precision)
                    for name, share in prevalences(metrics).items()
                    if name != "own"
                },
            },
            "history": _plain(row.history),
        }
    return curves


def _rounded(values: np.ndarray) -> list[float]:
    return [round(float(value), 6) for value in values]


def _plain(value: Any) -> Any:
    """Returns plain data that JSON takes: a loss that ran away to NaN becomes None."""
    if isinstance(value, Mapping):
        return {str(key): _plain(entry) for key, entry in value.items()}
    if isinstance(value, np.ndarray | np.generic):
        return _plain(value.tolist())
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    return None if isinstance(value, float) and not np.isfinite(value) else value

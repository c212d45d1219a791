"""Figures of what is measured beside Table 1: calibrations, and precision at other prevalences."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lungnet.evaluation.calibration import ReliabilityBin, reliability
from lungnet.evaluation.figures import PrecisionRecallLine, draw_precision_recall, draw_reliability
from lungnet.evaluation.inputs import EvaluationInputs
from lungnet.evaluation.prevalence import curve_at
from lungnet.evaluation.report_calibration import CALIBRATION_NAMES
from lungnet.evaluation.report_prevalence import prevalence_name, prevalences
from lungnet.models import CALIBRATION_METHODS, fit_calibration


def draw_row_figures(paths: Mapping[str, Path], metrics: Mapping[str, Any], inputs: EvaluationInputs) -> None:
    """Draws "precision_recall" of all rows, and "calibrations" of the first row whose logits are known.

    Args:
        paths: figure -> PNG.
        metrics: what `evaluate` returned for `inputs`.
        inputs: the answers.
    """
    panels = {}
    for key, share in prevalences(metrics).items():
        lines = [
            PrecisionRecallLine(
                row, metrics["rows"][row]["name"], curve_at(inputs.labels, given.probabilities, share)
            )
            for row, given in inputs.rows.items()
        ]
        panels[prevalence_name(key, share).capitalize()] = (share, lines)
    draw_precision_recall(paths["precision_recall"], panels)
    known = next((row.uncalibrated for row in inputs.rows.values() if row.uncalibrated is not None), None)
    if known is None:
        return
    bins: dict[str, tuple[str, tuple[ReliabilityBin, ...]]] = {}
    for method in sorted(CALIBRATION_METHODS, key=list(CALIBRATION_NAMES).index):
        calibration = fit_calibration(method, known.validation_logits, known.validation_labels)
        name = CALIBRATION_NAMES[method].capitalize() + (", used" if method == known.method else "")
        bins[method] = (name, reliability(inputs.labels, calibration(known.logits)))
    draw_reliability(paths["calibrations"], bins, columns=4)

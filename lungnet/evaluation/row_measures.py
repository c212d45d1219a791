"""What is measured of each row of Table 1 beside its five measures."""

from typing import Any

import numpy as np

from lungnet.config import EvaluationConfig
from lungnet.evaluation.calibration_comparison import best_on_validation, compare_calibrations
from lungnet.evaluation.delong import delong_auc, delong_difference
from lungnet.evaluation.inputs import EvaluationInputs, RowResult
from lungnet.evaluation.prevalence import at_prevalence
from lungnet.evaluation.subgroups import subgroup_tables


def row_measures(
    inputs: EvaluationInputs, row: RowResult, config: EvaluationConfig, options: dict[str, Any]
) -> dict[str, Any]:
    """Returns `delong`, `candidates`, `calibrations` and `subgroups` of a row, as `metrics.json` has them.

    Args:
        inputs: labels, groups and traits.
        row: the answers.
        config: prevalence of candidates, size of subgroups.
        options: of the intervals, as `classification_report` takes them.

    Raises:
        InputError: the row's logits, or a trait, are not what they should be.
    """
    y, groups = inputs.labels, inputs.groups
    candidates = None
    if inputs.task == "nodule":  # where every patch is a nodule there are no candidates
        share = config.candidate_prevalence
        candidates = at_prevalence(y, row.probabilities, groups, row.threshold, share, **options).to_json()
    tables = subgroup_tables(
        y,
        row.probabilities,
        groups,
        row.threshold,
        inputs.traits,
        task=inputs.task,
        fewest=config.min_subgroup,
        **options,
    )
    return {
        "delong": delong(inputs, row, None, config.confidence),
        "candidates": candidates,
        "calibrations": _calibrations(inputs, row, options),
        "subgroups": {name: table.to_json() for name, table in tables.items()},
    }


def delong(
    inputs: EvaluationInputs, row: RowResult, other: RowResult | None, confidence: float
) -> dict[str, Any] | None:
    """Returns DeLong's interval of a row's AUC, or of the AUC less that of another.

    None with fewer than two patches of a class.
    """
    y = np.asarray(inputs.labels)
    if min(int(y.sum()), int((1 - y).sum())) < 2:
        return None
    if other is None:
        return delong_auc(y, row.probabilities, confidence).to_json()
    return delong_difference(y, row.probabilities, other.probabilities, confidence).to_json()


def _calibrations(inputs: EvaluationInputs, row: RowResult, options: dict[str, Any]) -> dict[str, Any] | None:
    known = row.uncalibrated
    if known is None:
        return None
    compared = compare_calibrations(
        inputs.labels,
        known.logits,
        inputs.groups,
        known.validation_labels,
        known.validation_logits,
        **options,
    )
    return {
        "used": known.method,
        "best_on_validation": best_on_validation(compared),
        "validation_patches": len(np.asarray(known.validation_labels)),
        "methods": {method: one.to_json() for method, one in compared.items()},
    }

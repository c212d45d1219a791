"""From answers to `metrics.json`."""

from collections.abc import Mapping
from typing import Any, get_args

import numpy as np

import lungnet
from lungnet.config import EvaluationConfig
from lungnet.errors import InputError
from lungnet.evaluation.blessing import bless
from lungnet.evaluation.bootstrap import Estimate
from lungnet.evaluation.inputs import EvaluationInputs, RowResult, SplitUnit
from lungnet.evaluation.metrics import classification_report
from lungnet.evaluation.paired import paired_difference
from lungnet.evaluation.paper import TABLE_1, TABLE_2, row_name
from lungnet.evaluation.row_measures import delong, row_measures

SCHEMA = "lungnet.metrics/2"

# What metrics.json tells of a training's history.
FACTS = ("kept_iteration", "converged")
CURVES = ("intra_cluster_variance", "loss", "validation_loss")


def evaluate(inputs: EvaluationInputs, config: EvaluationConfig, seed: int) -> dict[str, Any]:
    """Measures every row on the same resamples, and gathers what a reader has to know beside it.

    The result is JSON (`metrics.json`), without NaN: an undefined number is None. ESTIMATE is
    `{value, low, high, undefined_resamples}`:

        schema              "lungnet.metrics/2"
        lungnet_version, date, task, data_description
        is_phantom          true if the description says so
        patches, positives, prevalence, groups      of the evaluation set
        split_unit          "patient", "nodule" or "patch"
        split_leaks         true for "patch"
        labels_shuffled     true where the labels of all splits were dealt anew and say nothing
                            (`patches.shuffle_labels`)
        threshold_origin    a clause
        intervals           {unit: "group" or "patch", note, confidence, resamples}
        rows
          <row key>
            name            as in Table 1
            threshold, confusion {tp, fp, tn, fn}
            own             {accuracy, precision, recall, f1, auc, specificity, balanced_accuracy,
                            average_precision: ESTIMATE}
            balanced        the same after reweighting to as many positives as negatives
            calibration     {brier: ESTIMATE, ece, bins: [{low, high, patches, mean_probability,
                            positive_fraction}]}
            delong          {value, standard_error, low, high, p_value: null} of the AUC over patches
                            (`DelongEstimate`), or null
            candidates      {prevalence, average_precision: ESTIMATE, precision: ESTIMATE,
                            negative_predictive_value: ESTIMATE, false_positives, least_precision} at
                            `evaluation.candidate_prevalence` (`AtPrevalence`); null for task "malignancy"
            calibrations    {used, best_on_validation, validation_patches, methods: {<method>: {ece,
                            brier: ESTIMATE, log_loss: ESTIMATE, validation_log_loss}}} (`CalibratedAs`), or
                            null where the logits are not known
            subgroups       {<property>: {title, comparison, known, subgroups: [{name, positives, negatives,
                            groups, too_small, interval_unit, auc, recall, ...: ESTIMATE}]}} (`SubgroupTable`)
            training        {iterations, kept_iteration, converged, intra_cluster_variance, loss,
                            validation_loss: {first, last, least}}, as far as known, or null
        blessing            {blessed, checks: [{name, value, bound, passed, sentence}]} of the first row; see
                            `bless`
        differences         {reference: <row key>, metric: "auc", rows: {<row key>: ESTIMATE},
                            delong: {<row key>: {value, standard_error, low, high, p_value}, or null}}: the
                            reference less the other; reference is the first row
        paper               {table_1: {<row key>: {accuracy, ...}}, table_2: {<model>: accuracy}}
        splits              <split> -> {patches, positive, negative, synthetic, nodules, patients, series}
        cohort              {funnel: [{name, scans, patients, nodules}], facts: {<name>: number or text}}, or
                            null
        real_vs_synthetic_auc, config, model, software, lineage     as given
        synthetic_quality   see `judge_synthetic`, or null

    Args:
        inputs: answers and what is known of the data.
        config: number of resamples, confidence, least number of groups.
        seed: of the resamples.

    Raises:
        InputError: there is no row, or labels, probabilities or groups are not what they should be;
            the message names the row.
        ValueError: `split_unit` is unknown.
    """
    if inputs.split_unit not in get_args(SplitUnit):
        known = ", ".join(get_args(SplitUnit))
        raise ValueError(f"split_unit must be one of {known}. Received: {inputs.split_unit!r}")
    if not inputs.rows:
        raise InputError("rows must hold at least one classifier's answers. Received: none")
    options: dict[str, Any] = {
        "confidence": config.confidence,
        "resamples": config.bootstrap,
        "min_groups": config.min_groups,
        "seed": seed,
    }
    reports: dict[str, dict[str, Any]] = {}
    for key, row in inputs.rows.items():
        try:
            report = classification_report(
                inputs.labels, row.probabilities, inputs.groups, row.threshold, **options
            )
            further = row_measures(inputs, row, config, options)
        except InputError as error:
            raise InputError(f"Row {key}: {error}") from error
        reports[key] = {**report.to_json(), **further}
    reference, *others = inputs.rows

    def less(other: RowResult) -> Estimate:
        return paired_difference(
            inputs.labels,
            inputs.rows[reference].probabilities,
            other.probabilities,
            inputs.groups,
            "auc",
            **options,
        ).difference

    differences = {key: less(inputs.rows[key]).to_json() for key in others}
    independent = {
        key: delong(inputs, inputs.rows[reference], inputs.rows[key], config.confidence) for key in others
    }
    shared = reports[reference]
    shuffled = bool(inputs.config.get("patches", {}).get("shuffle_labels", False))
    verdict = bless(
        shared["own"], config, None if inputs.baseline is None else less(inputs.baseline), shuffled
    )
    return {
        "schema": SCHEMA,
        "lungnet_version": lungnet.__version__,
        "date": inputs.date,
        "task": inputs.task,
        "data_description": inputs.data_description,
        "is_phantom": "phantom" in inputs.data_description.lower(),
        "patches": shared["patches"],
        "positives": shared["positives"],
        "prevalence": shared["prevalence"],
        "groups": shared["groups"],
        "split_unit": inputs.split_unit,
        "split_leaks": inputs.split_unit == "patch",
        "labels_shuffled": shuffled,
        "threshold_origin": inputs.threshold_origin,
        "intervals": {
            "unit": shared["interval_unit"],
            "note": shared["interval_note"],
            "confidence": shared["confidence"],
            "resamples": shared["resamples"],
        },
        "rows": {key: _row(key, inputs.rows[key], report) for key, report in reports.items()},
        "blessing": verdict.to_json(),
        "differences": {
            "reference": reference,
            "metric": "auc",
            "rows": differences,
            "delong": independent,
        },
        "paper": {
            "table_1": {key: dict(values) for key, values in TABLE_1.items()},
            "table_2": dict(TABLE_2),
        },
        "real_vs_synthetic_auc": inputs.real_vs_synthetic_auc,
        "synthetic_quality": None if inputs.synthetic_quality is None else dict(inputs.synthetic_quality),
        "splits": {split: _split_counts(counts) for split, counts in inputs.summary.items()},
        "cohort": None if inputs.cohort is None else _cohort(inputs.cohort),
        "config": dict(inputs.config),
        "model": dict(inputs.model),
        "software": dict(inputs.software),
        "lineage": dict(inputs.lineage),
    }


def _row(key: str, row: RowResult, report: Mapping[str, Any]) -> dict[str, Any]:
    kept = (
        *("threshold", "confusion", "own", "balanced", "calibration"),
        *("delong", "candidates", "calibrations", "subgroups"),
    )
    history = row.history or {}
    training: dict[str, Any] = {name: history[name] for name in FACTS if name in history}
    for name in CURVES:
        curve = np.asarray(history.get(name, ()), np.float64)
        if len(curve) and np.isfinite(curve).all():
            training[name] = {"first": float(curve[0]), "last": float(curve[-1]), "least": float(curve.min())}
            training["iterations"] = len(curve)
    return {
        "name": row_name(key),
        **{name: report[name] for name in kept},
        "training": training or None,
    }


def _split_counts(counts: Mapping[str, Any]) -> dict[str, int]:
    synthetic = counts["by_source"].get("synthetic", {})
    return {
        "patches": counts["patches"],
        "positive": counts["by_label"]["1"],
        "negative": counts["by_label"]["0"],
        "synthetic": sum(synthetic.values()),
        **{key: counts[key] for key in ("nodules", "patients", "series")},
    }


def _cohort(cohort: Mapping[str, Any]) -> dict[str, Any]:
    """Leaves out what fills pages: every exclusion, scan and nodule."""
    facts = {key: value for key, value in cohort.items() if isinstance(value, str | int | float)}
    return {"funnel": list(cohort.get("funnel", [])), "facts": facts}

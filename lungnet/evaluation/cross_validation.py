"""From the runs of a cross-validation to its `metrics.json`."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

import lungnet
from lungnet.config import EvaluationConfig
from lungnet.evaluation.auc import roc_auc
from lungnet.evaluation.calibration import expected_calibration_error
from lungnet.evaluation.checks import Floats
from lungnet.evaluation.fold_resampling import MEASURES, FoldResampling
from lungnet.evaluation.fold_runs import CrossValidationInputs, FoldRun
from lungnet.evaluation.paper import TABLE_1, TABLE_2, row_name

SCHEMA = "lungnet.benchmark/1"

#: In which rows are compared.
COMPARED = ("auc", "balanced_accuracy")
#: What is told of each run.
OF_A_RUN = ("auc", "accuracy", "balanced_accuracy", "brier")


def cross_validate(inputs: CrossValidationInputs, config: EvaluationConfig, seed: int) -> dict[str, Any]:
    """Measures every row over folds and seeds.

    A measure is taken in each run, at the threshold that was frozen on the inner validation of that run;
    its value is the mean over folds of the mean over seeds (and head seeds), never that of pooled
    probabilities, which come from different models. The result is JSON without NaN: an undefined number
    is None. ESTIMATE is `{value, low, high, undefined_resamples}`:

        schema              "lungnet.benchmark/1"
        lungnet_version, date, task, data_description, split_unit, threshold_origin
        is_phantom          true if the description says so
        fold_rule           how groups were parted into folds
        missing             runs that have not ended, in words
        source_states       how many states of lungnet's sources made the runs
        patches, positives, prevalence, groups      of the evaluation sets of all folds together
        intervals           {unit: "group" or "patch", drawn, note, confidence, resamples}
        folds               [{fold, groups: [<name>], patches, positives, runs: [{seed, head_seed}]}]
        rows
          <row key>
            name            as in Table 1
            folds           [<number>], those that have the row
            own             {accuracy, precision, recall, f1, auc, specificity, balanced_accuracy: ESTIMATE}
            balanced        the same after reweighting each fold to as many positives as negatives
            calibration     {brier: ESTIMATE, ece: mean over folds}
            pooled_auc      of all folds' probabilities together, mean over seeds
            runs            [{fold, seed, head_seed, threshold, auc, accuracy, balanced_accuracy, brier, ece}]
        differences         the first row less each other one, over the folds and seeds that both have
          reference         <row key>
          rows              {<row key>: {auc: ESTIMATE, balanced_accuracy: ESTIMATE, runs: {greater, equal,
                            less}: how many runs have a greater AUC in the reference}}
        paper               {table_1: {<row key>: {accuracy, ...}}, table_2: {<model>: accuracy}}
        config              as given

    Args:
        inputs: runs, and what is known of the data.
        config: number of resamples and confidence.
        seed: of the resamples.

    Raises:
        InputError: as `lungnet.evaluation.fold_runs.checked_runs`.
    """
    resampling = FoldResampling(
        inputs.runs, confidence=config.confidence, resamples=config.bootstrap, seed=seed
    )
    runs = resampling.runs
    keys = list(dict.fromkeys(row for run in runs for row in run.rows))
    reference, *others = keys
    folds = [_fold(number, [run for run in runs if run.fold == number]) for number in resampling.folds]
    patches, positives = (sum(fold[name] for fold in folds) for name in ("patches", "positives"))
    plan = resampling.plan
    return {
        "schema": SCHEMA,
        "lungnet_version": lungnet.__version__,
        "date": inputs.date,
        "task": inputs.task,
        "data_description": inputs.data_description,
        "is_phantom": "phantom" in inputs.data_description.lower(),
        "split_unit": inputs.split_unit,
        "threshold_origin": inputs.threshold_origin,
        "fold_rule": inputs.fold_rule,
        "missing": list(inputs.missing),
        "source_states": inputs.source_states,
        "patches": patches,
        "positives": positives,
        "prevalence": positives / patches,
        "groups": sum(len(fold["groups"]) for fold in folds),
        "intervals": {
            "unit": plan.unit,
            "drawn": resampling.drawn,
            "note": resampling.note,
            "confidence": plan.confidence,
            "resamples": plan.resamples,
        },
        "folds": folds,
        "rows": {key: _row(key, [run for run in runs if key in run.rows], resampling) for key in keys},
        "differences": {
            "reference": reference,
            "rows": {key: _difference(reference, key, runs, resampling) for key in others},
        },
        "paper": {
            "table_1": {key: dict(values) for key, values in TABLE_1.items()},
            "table_2": dict(TABLE_2),
        },
        "config": dict(inputs.config),
    }


def _fold(number: int, runs: Sequence[FoldRun]) -> dict[str, Any]:
    """The evaluation set of a fold, as the first of its runs has it."""
    first = runs[0].predictions
    return {
        "fold": number,
        "groups": sorted(set(first.group_id)),
        "patches": len(first),
        "positives": int(np.sum(np.asarray(first.labels))),
        "runs": [{"seed": run.seed, "head_seed": run.head_seed} for run in runs],
    }


def _row(key: str, runs: Sequence[FoldRun], resampling: FoldResampling) -> dict[str, Any]:
    estimates = _estimates(resampling.mean(key), resampling)
    brier = estimates["own"].pop("brier")
    told = [_run(key, run, resampling) for run in runs]
    folds = sorted({run.fold for run in runs})
    ece = [np.mean([one["ece"] for one in told if one["fold"] == fold]) for fold in folds]
    return {
        "name": row_name(key),
        "folds": folds,
        **estimates,
        "calibration": {"brier": brier, "ece": float(np.mean(ece))},
        "pooled_auc": _pooled_auc(key, runs),
        "runs": told,
    }


def _run(key: str, run: FoldRun, resampling: FoldResampling) -> dict[str, Any]:
    point = resampling.measures(run.key, key)[:, 0]
    values = dict(zip(MEASURES, point.tolist(), strict=True))
    p = run.predictions
    return {
        "fold": run.fold,
        "seed": run.seed,
        "head_seed": run.head_seed,
        "threshold": run.thresholds[key],
        **{name: values["own", name] for name in OF_A_RUN},
        "ece": expected_calibration_error(np.asarray(p.labels, bool), p.probabilities[key]),
    }


def _pooled_auc(key: str, runs: Sequence[FoldRun]) -> float:
    """AUC of all folds together; seeds that lack a fold which others have are left out."""
    by_seed: dict[tuple[int, int], list[FoldRun]] = {}
    for run in runs:
        by_seed.setdefault((run.seed, run.head_seed), []).append(run)
    most = max(len(several) for several in by_seed.values())
    values = [
        roc_auc(
            np.concatenate([np.asarray(run.predictions.labels) for run in several]),
            np.concatenate([run.predictions.probabilities[key] for run in several]),
        )
        for several in by_seed.values()
        if len(several) == most
    ]
    return float(np.mean(values))


def _difference(
    reference: str, key: str, runs: Sequence[FoldRun], resampling: FoldResampling
) -> dict[str, Any]:
    estimates = _estimates(resampling.difference(reference, key), resampling)["own"]
    auc = MEASURES.index(("own", "auc"))
    signs = [
        np.sign(resampling.measures(run.key, reference)[auc, 0] - resampling.measures(run.key, key)[auc, 0])
        for run in runs
        if {reference, key} <= set(run.rows)
    ]
    counts = {name: signs.count(sign) for name, sign in (("greater", 1), ("equal", 0), ("less", -1))}
    return {**{name: estimates[name] for name in COMPARED}, "runs": counts}


def _estimates(measured: Floats, resampling: FoldResampling) -> Mapping[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {"own": {}, "balanced": {}}
    for (share, name), values in zip(MEASURES, measured, strict=True):
        found[share][name] = resampling.plan.estimate(values[0], values[1:]).to_json()
    return found

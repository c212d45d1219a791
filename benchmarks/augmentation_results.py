"""From the predictions of all runs to numbers: arms, what they differ by, learning curves, the verdict."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
from augmentation_arms import ARMS, CURVES, GAN_CONTRASTS, REFERENCES, SHARES
from augmentation_runs import ROW, Experiment, Run

from lungnet.evaluation import FoldRun, Predictions
from lungnet.evaluation.fold_resampling import MEASURES, FoldResampling
from lungnet.models import decision_threshold

#: What is told of every arm and every difference, at the pool's own prevalence.
TOLD = ("auc", "average_precision", "balanced_accuracy")
RESAMPLES = 1000

Estimates = dict[str, Any]


def results(experiment: Experiment, runs: Sequence[Run], missing: int) -> dict[str, Any]:
    """Measures the runs that are kept.

    ESTIMATE is `{value, low, high, undefined_resamples}`, a mean over folds of the mean over seeds; ESTIMATES
    has one for each of `TOLD`. Differences are over the folds and seeds that both have, on the same draws.

        lungnet_version, date, asked, arrays, window_hu, missing (how many runs)
        network, gan     settings that all share
        held_out         [[<group>]] of each fold that is there
        seeds            how many
        intervals        {unit, note, confidence, resamples}
        arms             <name> -> {title, runs, **ESTIMATES, against: {<name>: ESTIMATES + {greater, runs}}}
        gan_contrasts    [{with, without, **ESTIMATES, greater, runs}], the first of which is what the
                         verdict is about; None for a pair that has no runs yet
        curves           [{share, positives: [of each fold], <arm>: ESTIMATES, difference: ESTIMATES}]

    Args:
        experiment: that has them.
        runs: kept ones.
        missing: how many are not.
    """
    settings = experiment.settings
    told: dict[str, Any] = {
        "lungnet_version": settings["lungnet_version"],
        "date": datetime.now(UTC).date().isoformat(),
        "asked": settings["asked"],
        "arrays": settings["arrays"],
        "window_hu": settings["config"]["window_hu"],
        "network": settings["config"]["baselines"],
        "gan": settings["config"]["gan"],
        "missing": missing,
        "held_out": [settings["folds"][fold] for fold in sorted({run.fold for run in runs})],
        "seeds": len({run.seed for run in runs}),
        "intervals": None,
        "arms": {},
        "gan_contrasts": [None] * len(GAN_CONTRASTS),
        "curves": [],
    }
    if not runs:
        return told
    resampling = FoldResampling(fold_runs(experiment, runs), confidence=0.95, resamples=RESAMPLES, seed=0)
    there = {row for run in resampling.runs for row in run.rows}
    told["intervals"] = {
        "unit": resampling.plan.unit,
        "note": resampling.note,
        "confidence": resampling.plan.confidence,
        "resamples": RESAMPLES,
    }
    told["arms"] = {
        name: {
            "title": arm.title,
            "runs": sum(name in run.rows for run in resampling.runs),
            **estimates(resampling, resampling.mean(name)),
            "against": {
                other: difference(resampling, name, other)
                for other in REFERENCES
                if other != name and other in there
            },
        }
        for name, arm in ARMS.items()
        if name in there
    }
    told["gan_contrasts"] = [
        {"with": one, "without": other, **difference(resampling, one, other)}
        if {one, other} <= there
        else None
        for one, other in GAN_CONTRASTS
    ]
    shares = [share for share in SHARES if {row_of(name, share) for name in CURVES} <= there]
    if len(shares) > 1:
        told["curves"] = [curve_point(experiment, runs, resampling, share) for share in shares]
    return told


def row_of(name: str, share: float) -> str:
    """Returns the key of an arm that has a share of the positives."""
    return name if share == 1 else f"{name} of {100 * share:g} %"


def fold_runs(experiment: Experiment, runs: Sequence[Run]) -> list[FoldRun]:
    """Joins the arms of each fold and seed, whose thresholds are settled on validation groups.

    Raises:
        ValueError: two arms of a fold judged different patches.
    """
    joined: dict[tuple[int, int], FoldRun] = {}
    for run in runs:
        predictions = experiment.predictions(run)
        split = np.array(predictions.split)
        labels, probabilities = np.asarray(predictions.labels), predictions.probabilities[ROW]
        row, validation = row_of(run.name, run.arm.positive_share), split == "validation"
        threshold = decision_threshold(probabilities[validation], labels[validation])
        own = evaluation_part(predictions, row)
        known = joined.setdefault(
            (run.fold, run.seed),
            FoldRun(run.fold, run.seed, 0, replace(own, probabilities={}), {}),
        )
        if not np.array_equal(known.predictions.labels, own.labels) or list(
            known.predictions.group_id
        ) != list(own.group_id):
            raise ValueError(f"{run} judged other patches than the arms before it")
        joined[run.fold, run.seed] = replace(
            known,
            predictions=replace(own, probabilities={**known.predictions.probabilities, **own.probabilities}),
            thresholds={**known.thresholds, row: threshold},
        )
    return list(joined.values())


def evaluation_part(predictions: Predictions, row: str) -> Predictions:
    """Returns what is told of the evaluation patches, under another name."""
    kept = [index for index, split in enumerate(predictions.split) if split == "eval"]

    def of(values: Sequence[Any]) -> list[Any]:
        return [values[index] for index in kept]

    return Predictions(
        split=of(predictions.split),
        patient_id=of(predictions.patient_id),
        group_id=of(predictions.group_id),
        series_uid=of(predictions.series_uid),
        nodule_id=np.asarray(predictions.nodule_id)[kept],
        labels=np.asarray(predictions.labels)[kept],
        source=of(predictions.source),
        probabilities={row: predictions.probabilities[ROW][kept]},
    )


def estimates(resampling: FoldResampling, measured: np.ndarray) -> Estimates:
    """Returns the estimate of each of `TOLD` from the point value and the resamples, `(measures, 1 + n)`."""
    found = {}
    for name in TOLD:
        values = measured[MEASURES.index(("own", name))]
        found[name] = resampling.plan.estimate(values[0], values[1:]).to_json()
    return found


def difference(resampling: FoldResampling, one: str, other: str) -> Estimates:
    """Returns the estimates of one row less another, and in how many of the runs its AUC is greater."""
    auc = MEASURES.index(("own", "auc"))
    pairs = [
        [resampling.measures(run.key, row)[auc, 0] for row in (one, other)]
        for run in resampling.runs
        if {one, other} <= set(run.rows)
    ]
    return {
        **estimates(resampling, resampling.difference(one, other)),
        "greater": sum(bool(mine > others) for mine, others in pairs),
        "runs": len(pairs),
    }


def curve_point(
    experiment: Experiment, runs: Sequence[Run], resampling: FoldResampling, share: float
) -> dict[str, Any]:
    """Returns the learning curves at one share of the positives."""
    without, with_gan = (row_of(name, share) for name in CURVES)
    positives = {
        run.fold: experiment.told(run)["training"]["real_positives"]
        for run in runs
        if run.name in CURVES and run.arm.positive_share == share
    }
    return {
        "share": share,
        "positives": [positives[fold] for fold in sorted(positives)],
        **{name: estimates(resampling, resampling.mean(row_of(name, share))) for name in CURVES},
        "difference": difference(resampling, with_gan, without),
    }


def verdict(told: Mapping[str, Any]) -> str:
    """Returns one sentence on whether the GAN paid: what the interval of the first contrast's AUC says.

    It paid if the interval lies above 0, did harm if it lies below, and did not pay otherwise; the other
    contrasts are told in the same sentence and decide nothing.

    Args:
        told: of `results`.
    """
    first, *others = told["gan_contrasts"]
    if first is None or first["auc"]["low"] is None:
        return "Whether the GAN pays cannot be said yet: its runs are missing."
    low, high = first["auc"]["low"], first["auc"]["high"]
    word = "paid" if low > 0 else "did harm" if high < 0 else "did not pay"
    changes = [f"{changed(first)} against {ARMS[first['without']].title}"]
    changes += [
        f"{changed(one)} ({ARMS[one['with']].title} against {ARMS[one['without']].title})"
        for one in others
        if one is not None
    ]
    drawn = {"group": "groups", "patch": "single patches"}[told["intervals"]["unit"]]
    chance = "seeds" if told["seeds"] > 1 else "not over seeds, of which there is one"
    intervals = f"95 % intervals over {drawn} and {chance}"
    return f"The GAN {word}: it changed the AUC by {'; '.join(changes)}, with {intervals}."


def changed(contrast: Mapping[str, Any]) -> str:
    """Returns a difference of the AUC with its interval."""
    auc = contrast["auc"]
    return f"{auc['value']:+.4f} ({auc['low']:+.4f} to {auc['high']:+.4f})"

"""The report of a cross-validation: `predictions.csv`, `metrics.json`, and a report made from that."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lungnet.evaluation.changed_settings import changed_settings
from lungnet.evaluation.fold_predictions import write_fold_predictions
from lungnet.evaluation.fold_runs import FoldRun
from lungnet.evaluation.markdown import NOTHING, markdown_table
from lungnet.evaluation.page import html_page
from lungnet.evaluation.report_text import OPINION, SHUFFLED, TASKS
from lungnet.evaluation.tables import estimate_text, holds_zero, signed_text, table_markdown
from lungnet.files import write_json, write_text

#: So many groups of a fold are named.
_NAMED = 6


def write_benchmark(
    folder: str | os.PathLike[str], metrics: Mapping[str, Any], runs: Sequence[FoldRun]
) -> None:
    """Writes `predictions.csv`, `metrics.json` and, last, `report.md` and `report.html` with the same words.

    Files of these names are replaced.

    Args:
        folder: made if it does not exist.
        metrics: what `cross_validate` returned for `runs`.
        runs: of all folds.

    Raises:
        InputError: the folder cannot be written.
    """
    folder = Path(folder)
    write_fold_predictions(folder / "predictions.csv", runs)
    write_json(folder / "metrics.json", metrics)
    text = benchmark_markdown(metrics)
    write_text(folder / "report.md", text)
    write_text(folder / "report.html", html_page(text))


def benchmark_markdown(metrics: Mapping[str, Any]) -> str:
    """Returns the report as Markdown.

    Args:
        metrics: what `metrics.json` holds, see `cross_validate`.
    """
    sections = (_head, _warnings, _data, _table_1, _differences, _folds, _calibration, _configuration)
    return "\n\n".join(text for section in sections if (text := section(metrics))) + "\n"


def difference_lines(metrics: Mapping[str, Any]) -> list[str]:
    """Says in a line each by how much the AUC of the first row differs from that of the others.

    Args:
        metrics: as `benchmark_markdown` takes them.
    """
    rows, differences = metrics["rows"], metrics["differences"]
    name = rows[differences["reference"]]["name"]
    return [
        f"{name} less {rows[key]['name']}: AUC {signed_text(found['auc'])}, greater in {_greater(found)}"
        for key, found in differences["rows"].items()
    ]


def _greater(found: Mapping[str, Any]) -> str:
    return f"{found['runs']['greater']} of {sum(found['runs'].values())} runs"


def _head(metrics: Mapping[str, Any]) -> str:
    first = next(iter(metrics["rows"].values()))
    confidence = f"{100 * metrics['intervals']['confidence']:g} %"
    made = f"lungnet {metrics['lungnet_version']}" + (f", {metrics['date']}" if metrics["date"] else "")
    task = TASKS.get(metrics["task"], metrics["task"])
    return (
        "# Cross-validation\n\n"
        f"**{first['name']}: AUC {estimate_text(first['own']['auc'])}, balanced accuracy "
        f"{estimate_text(first['own']['balanced_accuracy'], 100, 1)} %**, mean of {len(first['folds'])} "
        f"folds, on {metrics['patches']:,} patches ({100 * metrics['prevalence']:.1f} % positive). "
        f"In brackets: {confidence} intervals over {metrics['intervals']['drawn']}.\n\n"
        f"Task: {task}. Made by {made}. For research; not for diagnosis."
    )


def _warnings(metrics: Mapping[str, Any]) -> str:
    warnings = []
    if metrics["config"].get("patches", {}).get("shuffle_labels"):
        warnings.append(SHUFFLED)
    if metrics["missing"]:
        warnings.append(
            f"**This is not all of it.** Not run to the end yet: {'; '.join(metrics['missing'])}."
        )
    folds = [fold["fold"] for fold in metrics["folds"]]
    for row in metrics["rows"].values():
        if row["folds"] != folds:
            had = ", ".join(map(str, row["folds"]))
            warnings.append(f"**{row['name']} is not in every fold**, but in these: {had}.")
    if metrics["source_states"] > 1:
        warnings.append(
            f"**The runs were made by {metrics['source_states']} states of lungnet's sources.** Run the "
            "benchmark again: it repeats the steps whose sources have changed."
        )
    if metrics["is_phantom"]:
        warnings.append("**The CT is a phantom.** Its pixels are synthetic: this says nothing of patients.")
    if metrics["task"] == "malignancy":
        warnings.append(OPINION)
    if metrics["intervals"]["unit"] == "patch":
        warnings.append(f"**Intervals are over patches.** {metrics['intervals']['note']}")
    if metrics["split_unit"] == "nodule":
        warnings.append(
            "**Inner validation is not of other patients.** It shares groups with training, so thresholds "
            "and calibration were settled on groups that the models had seen."
        )
    return "\n>\n".join(f"> {warning}" for warning in warnings)


def _data(metrics: Mapping[str, Any]) -> str:
    head = ("Fold", "Groups", "Patches", "Positive", "Runs")
    body = [
        (
            str(fold["fold"]),
            _named(fold["groups"]),
            f"{fold['patches']:,}",
            f"{fold['positives']:,}",
            str(len(fold["runs"])),
        )
        for fold in metrics["folds"]
    ]
    return "\n\n".join(
        [
            "## Data and folds",
            metrics["data_description"],
            f"{metrics['groups']:,} groups; {metrics['fold_rule']}. Each fold is evaluated by models that "
            "saw none of its groups: GAN, autoencoder, clusters, scaler, calibration and thresholds are "
            "fitted in the other folds.",
            markdown_table(head, body),
        ]
    )


def _named(groups: Sequence[str]) -> str:
    more = len(groups) - _NAMED
    return ", ".join(groups[:_NAMED]) + (f" and {more} more" if more > 0 else "")


def _table_1(metrics: Mapping[str, Any]) -> str:
    notes = (
        f"Intervals: {metrics['intervals']['note']}",
        "Each value is the mean over folds of the mean over seeds, each run at its own threshold "
        f"({metrics['threshold_origin']}).",
    )
    return "\n\n".join(
        [
            "## Results (Table 1)",
            "Each fold reweighted to as many positives as negatives (50:50), the balance of the paper's "
            "evaluation set, with the paper's values below ours. The paper measured on its own selection of "
            "LIDC-IDRI, split at random.",
            table_markdown(metrics, "balanced"),
            "At each fold's own prevalence:",
            table_markdown(metrics, "own"),
            "\n".join(f"- {note}" for note in notes),
        ]
    )


def _differences(metrics: Mapping[str, Any]) -> str:
    differences = metrics["differences"]
    if not differences["rows"]:
        return ""
    name = metrics["rows"][differences["reference"]]["name"]
    head = ("Other", "AUC", "Holds 0", "Balanced accuracy, %", "Holds 0", "Greater AUC in")
    body = []
    for key, found in differences["rows"].items():
        body.append(
            (
                metrics["rows"][key]["name"],
                signed_text(found["auc"]),
                holds_zero(found["auc"]),
                signed_text(found["balanced_accuracy"], 100, 1),
                holds_zero(found["balanced_accuracy"]),
                _greater(found),
            )
        )
    return "\n\n".join(
        [
            f"## {name} against the others",
            f"{name} less the other, on the same draws of {metrics['intervals']['drawn']}. An interval that "
            "holds 0 leaves open which is better.",
            markdown_table(head, body),
        ]
    )


def _folds(metrics: Mapping[str, Any]) -> str:
    numbers = [fold["fold"] for fold in metrics["folds"]]
    head = ("Model", *(f"Fold {number}" for number in numbers), "Mean", "Pooled", "Runs")
    body = []
    for row in metrics["rows"].values():
        by_fold = {number: [r["auc"] for r in row["runs"] if r["fold"] == number] for number in numbers}
        body.append(
            (
                row["name"],
                *(_mean_and_range(values) for values in by_fold.values()),
                estimate_text({**row["own"]["auc"], "low": None}),
                f"{row['pooled_auc']:.3f}",
                str(len(row["runs"])),
            )
        )
    return "\n\n".join(
        [
            "## AUC fold by fold",
            "Mean over seeds, with the least and the greatest of them. The pooled value ranks probabilities "
            "of different models among one another; it stands here for those who look for it.",
            markdown_table(head, body),
        ]
    )


def _mean_and_range(values: Sequence[float]) -> str:
    if not values:
        return NOTHING
    mean = f"{sum(values) / len(values):.3f}"
    return f"{mean} [{min(values):.3f}, {max(values):.3f}]" if len(values) > 1 else mean


def _calibration(metrics: Mapping[str, Any]) -> str:
    head = ("Model", "Brier score", "ECE", "Thresholds")
    body = []
    for row in metrics["rows"].values():
        thresholds = [run["threshold"] for run in row["runs"]]
        body.append(
            (
                row["name"],
                estimate_text(row["calibration"]["brier"]),
                f"{row['calibration']['ece']:.3f}",
                f"{min(thresholds):.3f} to {max(thresholds):.3f}",
            )
        )
    return "\n\n".join(
        [
            "## Threshold and calibration",
            markdown_table(head, body),
            "At each fold's own prevalence. ECE: expected calibration error over ten bins of equal "
            "width, mean over folds; it has no interval because resampling inflates it.",
        ]
    )


def _configuration(metrics: Mapping[str, Any]) -> str:
    return f"## Configuration\n\n{changed_settings(metrics['config'])}" if metrics["config"] else ""

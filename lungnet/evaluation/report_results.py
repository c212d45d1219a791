"""The results of `report.md`: the verdict, Table 1, Table 2, thresholds and calibration."""

from collections.abc import Collection, Mapping
from typing import Any

from lungnet.evaluation.markdown import NOTHING, markdown_table
from lungnet.evaluation.quality_text import QUALITY_FIGURES
from lungnet.evaluation.tables import (
    estimate_text,
    holds_zero,
    literature_markdown,
    signed_text,
    table_markdown,
)

#: Figure -> path relative to the report.
FIGURES = {
    "variance": "figures/figure_4_intra_cluster_variance.png",
    "losses": "figures/figure_5_losses.png",
    "roc": "figures/figure_6_roc.png",
    "reliability": "figures/reliability.png",
    "calibrations": "figures/calibrations.png",
    "precision_recall": "figures/precision_recall.png",
    "patches": "figures/real_and_synthetic.png",
    "errors": "figures/worst_errors.png",
    "looked": "figures/where_it_looked.png",
    "looked_cnn": "figures/where_the_cnn_looked.png",
    "lineage": "figures/lineage.svg",
    **QUALITY_FIGURES,  # drawn where the generator was judged, and copied
}


def verdict(metrics: Mapping[str, Any]) -> str:
    """Returns whether the first row is blessed, and each reason."""
    first = next(iter(metrics["rows"].values()))
    blessing = metrics["blessing"]
    said = "is **blessed**" if blessing["blessed"] else "is **not blessed**, and will not be pushed"
    failed = [check for check in blessing["checks"] if not check["passed"]]
    reasons = "\n".join(f"- {check['sentence']}" for check in (failed or blessing["checks"]))
    return f"## Verdict\n\n{first['name']} {said}:\n\n{reasons}"


def table_1(metrics: Mapping[str, Any]) -> str:
    """Returns Table 1 at 50:50 and at the own prevalence, what to know of it, and paired differences."""
    prevalence = 100 * metrics["prevalence"]
    over_groups = metrics["intervals"]["unit"] == "group"
    parts = [
        "## Results (Table 1)",
        "Reweighted to as many positives as negatives (50:50), the balance of the paper's evaluation set, "
        "with the paper's values below ours. The paper measured on its own selection of LIDC-IDRI, split at "
        "random.",
        table_markdown(metrics, "balanced"),
    ]
    if round(metrics["prevalence"], 3) != 0.5:
        parts += [
            f"At the evaluation set's own prevalence of {prevalence:.1f} %:",
            table_markdown(metrics, "own"),
        ]
    notes = [
        f"Intervals: {metrics['intervals']['note']}"
        if over_groups
        else "Intervals: over patches, see above.",
        f"Thresholds: {metrics['threshold_origin']}; a patch is called positive at or above its row's "
        "threshold. The AUC needs none, and is the same at every prevalence.",
        *_remarks(metrics),
        "Not all of the paper's values fit one another: on a balanced set a precision and a recall of 92 % "
        "imply an accuracy of 92 %, where it has 90.3 % and 90.1 %.",
    ]
    parts += ["\n".join(f"- {note}" for note in notes)]
    differences = metrics["differences"]["rows"]
    if differences:
        name = metrics["rows"][metrics["differences"]["reference"]]["name"]
        independent = metrics["differences"]["delong"]
        body = [
            (
                metrics["rows"][key]["name"],
                signed_text(estimate),
                holds_zero(estimate),
                *_delong(independent[key]),
            )
            for key, estimate in differences.items()
        ]
        parts += [
            f"### {name} against the others",
            f"AUC of {name} less that of the other, on the same resamples. DeLong's interval and p need "
            "none, and take every patch for independent.",
            markdown_table(("Other", "Difference in AUC", "Interval holds 0", "DeLong", "p"), body),
        ]
    return "\n\n".join(parts)


def _remarks(metrics: Mapping[str, Any]) -> list[str]:
    estimates = [
        estimate
        for row in metrics["rows"].values()
        for prevalence in ("own", "balanced")
        for estimate in row[prevalence].values()
    ]
    remarks = []
    if any(estimate["low"] is not None and estimate["low"] == estimate["high"] for estimate in estimates):
        remarks.append(
            "An interval of no width means that all resamples agree, as they must where no error was "
            "seen; it does not mean that none can occur."
        )
    if any(estimate["value"] is None for estimate in estimates):
        remarks.append(f'"{NOTHING}" stands for undefined: precision where nothing is called positive.')
    undefined = max(estimate["undefined_resamples"] for estimate in estimates)
    if undefined:
        remarks.append(
            f"Up to {undefined} of {metrics['intervals']['resamples']:,} resamples were of one class or "
            "without a positive call; intervals leave out those in which the measure is undefined."
        )
    return remarks


def table_2(metrics: Mapping[str, Any]) -> str:
    """Returns Table 2 with what it is worth."""
    return "\n\n".join(
        [
            "## Beside the literature (Table 2)",
            "Accuracy beside the literature as the paper quotes it; ours at 50:50. Every line was measured "
            "on other data: the table ranks nothing.",
            literature_markdown(metrics),
        ]
    )


def calibration(metrics: Mapping[str, Any], figures: Collection[str]) -> str:
    """Returns counts at the threshold, Brier score and calibration error of each row."""
    head = ("Model", "Threshold", "TP", "FP", "TN", "FN", "Specificity, %", "Brier score", "ECE")
    body = []
    for row in metrics["rows"].values():
        counts = [f"{row['confusion'][cell]:,}" for cell in ("tp", "fp", "tn", "fn")]
        body.append(
            (
                row["name"],
                f"{row['threshold']:.3f}",
                *counts,
                estimate_text(row["own"]["specificity"], 100, 1),
                estimate_text(row["calibration"]["brier"]),
                f"{row['calibration']['ece']:.3f}",
            )
        )
    parts = [
        "## Threshold and calibration",
        markdown_table(head, body),
        "At the evaluation set's own prevalence. ECE: expected calibration error over ten bins of equal "
        "width; it has no interval because resampling inflates it. Giving every patch the prevalence "
        f"({metrics['prevalence']:.3f}) as its probability has a Brier score of "
        f"{metrics['prevalence'] * (1 - metrics['prevalence']):.3f}.",
    ]
    if "reliability" in figures:
        parts.append(
            image(
                "reliability",
                "Reliability: share of positives against probability; bars are shares of all patches",
            )
        )
    return "\n\n".join(parts)


def image(name: str, caption: str) -> str:
    """Returns the link to one of `FIGURES`, and its caption."""
    return f"![{caption}]({FIGURES[name]})\n\n*{caption}.*"


def _delong(estimate: Mapping[str, Any] | None) -> tuple[str, str]:
    """Interval and p of a difference, if it could be had."""
    if estimate is None:
        return NOTHING, NOTHING
    least = "< 0.001" if estimate["p_value"] < 0.001 else f"{estimate['p_value']:.3f}"
    return f"{estimate['low']:+.3f} to {estimate['high']:+.3f}", least

"""The words of `report.md`, from `metrics.json` alone."""

import json
from collections.abc import Collection, Mapping
from typing import Any

from lungnet.evaluation.changed_settings import changed_settings
from lungnet.evaluation.markdown import literal, markdown_table, words
from lungnet.evaluation.quality_text import quality_markdown
from lungnet.evaluation.report_calibration import calibrations
from lungnet.evaluation.report_lineage import lineage
from lungnet.evaluation.report_looked import looked
from lungnet.evaluation.report_prevalence import prevalence
from lungnet.evaluation.report_results import calibration, image, table_1, table_2, verdict
from lungnet.evaluation.report_subgroups import subgroups
from lungnet.evaluation.tables import estimate_text, percent_text
from lungnet.lidc import PAPER_COHORT

SPLITS = {
    "patient": "by patient (by group, where patches come with groups): none has patches in two splits",
    "nodule": "by patient for evaluation; inner validation shares patients with training, but no nodule",
    "patch": "at random over patches",
}

TASKS = {"nodule": "nodule or not", "malignancy": "malignant or benign"}

#: What the label of the task "malignancy" is worth.
OPINION = (
    "**The truth is an opinion.** Malignant and benign are what readers thought of the images, "
    "without biopsy or follow-up: these figures say how well their ratings are met, not how well "
    "cancer is found. The paper's values beside them are of another question, nodule or not."
)

#: What a run with `patches.shuffle_labels` is good for.
SHUFFLED = (
    "**THE LABELS WERE SHUFFLED.** The labels of every split were dealt at random among its nodules and "
    "patches. Nothing here says how good a model is: an AUC further from 0.5 than its interval says that "
    "evaluation patches were seen in training."
)

STAGES = {
    "all": "all",
    "slice_thickness": "slices thin enough",
    "min_readers": "marked by enough readers",
    "outliers": "no outlier in x, y or z",
    "no_nodule": "a nodule left",
    "rated": "rated for malignancy",
    "clear_rating": "rated at least 4, or at most 2",
}


def report_markdown(metrics: Mapping[str, Any], figures: Collection[str] = ()) -> str:
    """Returns the report as Markdown.

    Args:
        metrics: what `metrics.json` holds.
        figures: which of `FIGURES` have been drawn; the others are not linked.
    """
    sections = (
        _head(metrics),
        _warnings(metrics),
        verdict(metrics),
        _data(metrics),
        table_1(metrics),
        table_2(metrics),
        _training(metrics, figures),
        _roc(metrics, figures),
        calibration(metrics, figures),
        calibrations(metrics, figures),
        prevalence(metrics, figures),
        subgroups(metrics),
        _synthetic(metrics, figures),
        _errors(metrics, figures),
        looked(metrics, figures),
        _configuration(metrics),
        lineage(metrics, figures),
    )
    return "\n\n".join(section for section in sections if section) + "\n"


def _head(metrics: Mapping[str, Any]) -> str:
    first = next(iter(metrics["rows"].values()))
    confidence = f"{100 * metrics['intervals']['confidence']:g} %"
    unit = {"group": "groups", "patch": "single patches"}[metrics["intervals"]["unit"]]
    best = max(metrics["rows"].values(), key=lambda row: row["own"]["auc"]["value"])
    task = TASKS.get(metrics["task"], metrics["task"])
    lines = [
        "# Evaluation report",
        "",
        f"**{first['name']}: AUC {estimate_text(first['own']['auc'])}, accuracy "
        f"{percent_text(first['balanced']['accuracy'])} at 50:50**, on {metrics['patches']:,} evaluation "
        f"patches ({100 * metrics['prevalence']:.1f} % positive). In brackets: {confidence} "
        f"intervals over {unit}.",
        "",
    ]
    if best is not first:
        auc = estimate_text(best["own"]["auc"])
        lines += [f"The best AUC of this run is that of {best['name']}, {auc}.", ""]
    made = f"lungnet {metrics['lungnet_version']}"
    made += f", {metrics['date']}" if metrics["date"] else ""
    return "\n".join([*lines, f"Task: {task}. Made by {made}. For research; not for diagnosis."])


def _warnings(metrics: Mapping[str, Any]) -> str:
    warnings = []
    if metrics["labels_shuffled"]:
        warnings.append(SHUFFLED)
    if metrics["is_phantom"]:
        warnings.append(
            "**The CT is a phantom.** Its pixels are synthetic: these figures show that the "
            "pipeline runs, and say nothing of how it does on patients."
        )
    if metrics["task"] == "malignancy":
        warnings.append(OPINION)
    if metrics["split_leaks"]:
        warnings.append(
            "**The split leaks.** Patches were split at random, so patches of one nodule stand on both "
            "sides. On LIDC-IDRI this raises the AUC by about 0.06 to 0.08. Split by patient for figures to "
            "rely on."
        )
    if metrics["intervals"]["unit"] == "patch":
        warnings.append(f"**Intervals are over patches.** {metrics['intervals']['note']}")
    if metrics["split_unit"] == "nodule":
        warnings.append(
            "**Inner validation is not of other patients.** It shares patients with training, so thresholds "
            "and calibration were settled on patients that the models had seen."
        )
    return "\n>\n".join(f"> {warning}" for warning in warnings)


def _data(metrics: Mapping[str, Any]) -> str:
    negatives = metrics["patches"] - metrics["positives"]
    groups = f"{metrics['groups']:,} groups" if metrics["groups"] else "unknown groups"
    parts = [
        "## Data",
        metrics["data_description"],
        f"- Split {SPLITS[metrics['split_unit']]}.\n"
        f"- Evaluation set: {metrics['patches']:,} patches of {groups}, {metrics['positives']:,} positive "
        f"and {negatives:,} negative (prevalence {100 * metrics['prevalence']:.1f} %).",
    ]
    if metrics["cohort"]:
        parts += ["### Cohort", _cohort(metrics["cohort"])]
    if metrics["splits"]:
        parts += ["### Splits", _splits(metrics["splits"])]
    return "\n\n".join(parts)


def _cohort(cohort: Mapping[str, Any]) -> str:
    parts = []
    if cohort["funnel"]:
        counted = ("scans", "patients", "nodules", "patches")
        head = ("Rule", *(words(key) for key in counted if key in cohort["funnel"][0]))
        body = [
            (
                STAGES.get(stage["name"], words(stage["name"])),
                *(literal(stage[key.lower()]) for key in head[1:]),
            )
            for stage in cohort["funnel"]
        ]
        parts.append(f"What each rule leaves:\n\n{markdown_table(head, body)}")
    if cohort["funnel"] and "scans" in cohort["funnel"][0]:
        parts.append(
            f"The paper kept {PAPER_COHORT['training_scans']} scans for training and "
            f"{PAPER_COHORT['evaluation_scans']} for evaluation, of {PAPER_COHORT['patients']:,} patients, "
            f"and had {PAPER_COHORT['positives']:,} positive patches."
        )
    if cohort["facts"]:
        facts = (f"- {words(key)}: {literal(value)}" for key, value in cohort["facts"].items())
        parts.append("\n".join(facts))
    return "\n\n".join(parts)


def _splits(splits: Mapping[str, Mapping[str, Any]]) -> str:
    columns = list(dict.fromkeys(key for counts in splits.values() for key in counts))
    body = [(split, *(literal(counts.get(key)) for key in columns)) for split, counts in splits.items()]
    return markdown_table(("Split", *(words(key) for key in columns)), body)


def _training(metrics: Mapping[str, Any], figures: Collection[str]) -> str:
    first = next(iter(metrics["rows"].values()))
    training = first["training"]
    if not training or "iterations" not in training:
        return "## Training (Figures 4 and 5)\n\nThere is no history of the first row's training to draw."
    parts = ["## Training (Figures 4 and 5)"]
    told = f"{first['name']} trained for {training['iterations']} iterations"
    if "converged" in training:
        told += (
            ", until its clusters had settled" if training["converged"] else "; its clusters never settled"
        )
    if training.get("kept_iteration"):
        told += f"; iteration {training['kept_iteration']} was kept"
    parts.append(
        f"{told}. In the paper the variance falls until about iteration 75, the testing loss from 80 on."
    )
    if "variance" in figures:
        parts.append(
            image(
                "variance",
                "Figure 4: intra-cluster variance (mean squared Euclidean distance of the features)",
            )
        )
    if "losses" in figures:
        parts.append(
            image(
                "losses",
                "Figure 5: loss in training, and on inner-validation patients where the paper has tests",
            )
        )
    return "\n\n".join(parts)


def _roc(metrics: Mapping[str, Any], figures: Collection[str]) -> str:
    return f"## ROC (Figure 6)\n\n{image('roc', 'Figure 6: ROC of all rows')}" if "roc" in figures else ""


def _synthetic(metrics: Mapping[str, Any], figures: Collection[str]) -> str:
    auc, quality = metrics["real_vs_synthetic_auc"], metrics.get("synthetic_quality")
    if auc is None and quality is None and "patches" not in figures:
        return ""
    parts = ["## Real and synthetic patches"]
    if auc is not None:
        parts.append(
            f"A logistic regression on features tells synthetic from real positives with an AUC of {auc:.3f} "
            "(1: always; 0.5 or less: not at all, which does not mean that a network could not). All "
            "synthetic patches of training are positive, so whatever gives one away as synthetic gives its "
            "label away too. None is in the evaluation set."
        )
    if "patches" in figures:
        parts.append(image("patches", "Real and synthetic positives of training"))
    if quality is not None:
        parts.append(quality_markdown(quality, figures))
    return "\n\n".join(parts)


def _errors(metrics: Mapping[str, Any], figures: Collection[str]) -> str:
    if "errors" not in figures:
        return ""
    name = next(iter(metrics["rows"].values()))["name"]
    text = f"Of {name}, at its threshold: the most confident errors of either kind. # is the index "
    text += "among the evaluation patches."
    return f"## Worst errors\n\n{text}\n\n{image('errors', f'Worst errors of {name}')}"


def _configuration(metrics: Mapping[str, Any]) -> str:
    if not metrics["config"]:
        return ""
    parts = ["## Configuration", changed_settings(metrics["config"])]
    whole = json.dumps(metrics["config"], indent=2)
    parts.append(
        f"<details><summary>The whole configuration</summary>\n\n```json\n{whole}\n```\n\n</details>"
    )
    return "\n\n".join(parts)

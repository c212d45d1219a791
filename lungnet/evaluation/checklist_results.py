"""What a run can answer of a checklist on evaluation and results, from `metrics.json`."""

from lungnet.evaluation.checklist_answers import Metrics, first_row, sample_size
from lungnet.evaluation.model_card_limits import limitations
from lungnet.evaluation.tables import estimate_text, percent_text


def measures(metrics: Metrics) -> str:
    """What was measured, and why at two prevalences."""
    return (
        "Accuracy, precision, recall, specificity, F1, balanced accuracy, AUC, average precision, Brier "
        "score, calibration error; at the evaluation set's own prevalence and reweighted to 50:50."
    )


def uncertainty(metrics: Metrics) -> str:
    """Where intervals come from."""
    return f"{metrics['intervals']['note']} Rows are compared by paired differences on the same resamples."


def robustness(metrics: Metrics) -> str | None:
    """Subgroups, where they were measured."""
    tables = [table for table in first_row(metrics)["subgroups"].values() if table["known"]]
    if not tables:
        return None
    return f"Subgroups by {', '.join(table['title'].lower() for table in tables)}, see the report."


def explanation(metrics: Metrics) -> str:
    """How the model is looked into."""
    return "Occlusion maps and Grad-CAM of the worst errors and of right answers, as pictures in the report."


def internal(metrics: Metrics) -> str:
    """On what it was judged."""
    return (
        f"{metrics['patches']:,} held-out patches of the same data, {100 * metrics['prevalence']:.1f} % "
        f"positive; none is synthetic."
    )


def performance(metrics: Metrics) -> str:
    """The headline numbers."""
    row = first_row(metrics)
    own = row["own"]
    return (
        f"AUC {estimate_text(own['auc'])}, recall {percent_text(own['recall'])}, specificity "
        f"{percent_text(own['specificity'])}, precision {percent_text(own['precision'])} at "
        f"{100 * metrics['prevalence']:.1f} % positive; Brier score "
        f"{estimate_text(row['calibration']['brier'])}, "
        f"calibration error {row['calibration']['ece']:.3f}. Table 1 has all rows."
    )


def failures(metrics: Metrics) -> str:
    """How often it was wrong, and where to look."""
    wrong = first_row(metrics)["confusion"]
    return (
        f"{wrong['fn']:,} missed and {wrong['fp']:,} false alarms at the threshold; the most confident "
        f"ones are "
        "pictures in the report, all are in `predictions.csv`. What they have in common: researcher."
    )


def limits(metrics: Metrics) -> str:
    """What the run itself knows to weaken the numbers."""
    return " ".join(limitations(metrics))


def events(metrics: Metrics) -> str:
    """Patches and positives behind each analysis."""
    return "; ".join(
        f"{split}: {counts['patches']:,} patches, {counts['positive']:,} positive"
        for split, counts in metrics["splits"].items()
    ) or sample_size(metrics)

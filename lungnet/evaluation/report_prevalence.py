"""Precision at other prevalences, in the report."""

from collections.abc import Collection, Mapping
from typing import Any

from lungnet.evaluation.markdown import markdown_table
from lungnet.evaluation.report_results import image
from lungnet.evaluation.tables import estimate_text


def prevalence(metrics: Mapping[str, Any], figures: Collection[str]) -> str:
    """Returns average precision and precision at the threshold at each prevalence, and what they hang on."""
    shares = prevalences(metrics)
    parts = [
        "## Precision and prevalence",
        "Recall and specificity are the same at every prevalence; precision is not. Reweighted from the "
        "evaluation set, whose negatives stand for all others:",
        _table(metrics, "average_precision", "Average precision", shares),
        _table(metrics, "precision", "Precision at the threshold, %", shares, 100.0, 1),
    ]
    if "candidates" in shares:
        parts.append(_at_candidates(metrics, shares["candidates"]))
    if "precision_recall" in figures:
        parts.append(image("precision_recall", "Precision against recall at each prevalence"))
    return "\n\n".join(parts)


def prevalences(metrics: Mapping[str, Any]) -> dict[str, float]:
    """Returns the share of positives of "own", "balanced" and, among a detector's, "candidates"."""
    shares = {"own": metrics["prevalence"], "balanced": 0.5}
    candidates = next(iter(metrics["rows"].values()))["candidates"]
    return shares if candidates is None else {**shares, "candidates": candidates["prevalence"]}


def prevalence_name(key: str, share: float) -> str:
    """Returns a prevalence, one of those of `prevalences`, in words."""
    if key == "balanced":
        return "50:50"
    if key == "own":
        return f"own, {100 * share:.1f} % positive"
    return f"candidates, 1 positive in {1 / share:,.0f}"


def _table(
    metrics: Mapping[str, Any],
    measure: str,
    title: str,
    shares: Mapping[str, float],
    scale: float = 1.0,
    digits: int = 3,
) -> str:
    head = ("Model", *(prevalence_name(key, share) for key, share in shares.items()))
    body = [
        (row["name"], *(estimate_text(row[key][measure], scale, digits) for key in shares))
        for row in metrics["rows"].values()
    ]
    return f"{title}:\n\n{markdown_table(head, body)}"


def _at_candidates(metrics: Mapping[str, Any], share: float) -> str:
    """What stands behind the numbers at the prevalence of a detector's candidates."""
    first = next(iter(metrics["rows"].values()))
    at = first["candidates"]
    negatives = metrics["patches"] - metrics["positives"]
    confidence = f"{100 * metrics['intervals']['confidence']:g} %"
    text = (
        f"At 1 positive in {1 / share:,.0f} (`evaluation.candidate_prevalence`; of LUNA16's 551,065 "
        f"candidates 1,351 are nodules) the false positives of {first['name']} were measured on "
        f"{negatives:,} negatives, of which it calls {at['false_positives']:,} positive. "
    )
    if at["least_precision"] is not None:
        text += (
            f"If its false positive rate lay at the upper end of its exact {confidence} interval over "
            f"patches, its precision there would be {100 * at['least_precision']:.1f} %. "
        )
    return text + (
        "The threshold serves balanced accuracy, which weighs both errors alike: where nodules are rare, one "
        "that calls fewer patches is more precise."
    )

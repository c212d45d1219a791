"""Subgroups, in the report."""

import re
from collections.abc import Mapping
from typing import Any

from lungnet.evaluation.markdown import markdown_table
from lungnet.evaluation.tables import estimate_text

_HEADINGS = {
    "auc": "AUC",
    "recall": "Recall, %",
    "specificity": "Specificity, %",
    "balanced_accuracy": "Balanced accuracy, %",
}
_TOO_SMALL, _OVER_PATCHES = "\\*", "†"


def subgroups(metrics: Mapping[str, Any]) -> str:
    """Returns the subgroups of the first row, property by property; "" where no property was given."""
    first = next(iter(metrics["rows"].values()))
    tables = first["subgroups"]
    if not tables:
        return ""
    known = [table for table in tables.values() if table["known"]]
    nothing = [table["title"] for table in tables.values() if not table["known"]]
    parts = ["## Subgroups"]
    if known:
        parts.append(
            f"{first['name']}, at its threshold; all rows are in `metrics.json`. By a property of nodules, "
            "positives are held against all negatives, unless those are nodules too; by a property of "
            "scanners, against the negatives of the same subgroup."
        )
    over = metrics["intervals"]["unit"]
    parts += [f"{table['title']}:\n\n{_table(table, over)}" for table in known]
    marks = {_mark(one, over) for table in known for one in table["subgroups"]}
    if _TOO_SMALL in marks:
        parts.append(
            f"{_TOO_SMALL} too few patches of a class for an AUC or an interval (`evaluation.min_subgroup`)."
        )
    if _OVER_PATCHES in marks:
        parts.append(f"{_OVER_PATCHES} too few groups: its intervals are over patches, and too narrow.")
    if nothing:
        parts.append(f"Not known of any patch: {', '.join(nothing).lower()}.")
    return "\n\n".join(parts)


def _table(table: Mapping[str, Any], over: str) -> str:
    measured = [name for name in _HEADINGS if name in table["subgroups"][0]]
    head = ("Subgroup", "Positives", "Negatives", "Groups", *(_HEADINGS[name] for name in measured))
    body = []
    for one in table["subgroups"]:
        # What a scanner writes into its headers is no Markdown.
        name = re.sub(r"[^\w .,&()/+-]", "?", one["name"])
        counts = (f"{one[key]:,}" for key in ("positives", "negatives", "groups"))
        cells = (_cell(one[metric], metric) for metric in measured)
        body.append((f"{name} {_mark(one, over)}".rstrip(), *counts, *cells))
    return markdown_table(head, body)


def _mark(one: Mapping[str, Any], over: str) -> str:
    if one["too_small"]:
        return _TOO_SMALL
    return _OVER_PATCHES if one["interval_unit"] != over else ""


def _cell(estimate: Mapping[str, Any], metric: str) -> str:
    return estimate_text(estimate) if metric == "auc" else estimate_text(estimate, 100.0, 1)

"""CLAIM 2024 and TRIPOD+AI, with what a run can answer filled in."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from lungnet.evaluation.checklist_items import CLAIM, TRIPOD_AI, Item
from lungnet.evaluation.markdown import markdown_table

#: What stands where nobody but the researcher knows.
RESEARCHER = "**Researcher**"


def checklist_markdown(metrics: Mapping[str, Any]) -> str:
    """Returns `checklist.md`: each item in short, and its answer or whose it is to give.

    Args:
        metrics: what `evaluate` returned, or `metrics.json` holds.
    """
    return (
        "\n\n".join(
            [
                "# Reporting checklists",
                "What this run can answer is filled in, from `metrics.json`; an answer that ends in "
                f"researcher is half of one, and {RESEARCHER} marks what no run can know. Items are in our "
                "own words and short: before a paper is sent in, read them where they were published.",
                "## CLAIM 2024",
                _said(CLAIM, metrics),
                _table(CLAIM, metrics),
                "Tejani et al., Radiology: Artificial Intelligence 6:e240300, 2024, doi:10.1148/ryai.240300.",
                "## TRIPOD+AI",
                _said(TRIPOD_AI, metrics),
                _table(TRIPOD_AI, metrics),
                "Collins et al., BMJ 385:e078378, 2024, doi:10.1136/bmj-2023-078378.",
            ]
        )
        + "\n"
    )


def _answer(item: Item, metrics: Mapping[str, Any]) -> str | None:
    return None if item.answer is None else item.answer(metrics)


def _said(items: Sequence[Item], metrics: Mapping[str, Any]) -> str:
    answered = sum(_answer(item, metrics) is not None for item in items)
    return f"{answered} of {len(items)} items are answered by the run."


def _table(items: Sequence[Item], metrics: Mapping[str, Any]) -> str:
    body = [(item.number, item.section, item.asks, _cell(_answer(item, metrics))) for item in items]
    return markdown_table(("No.", "Section", "Item, in short", "This run"), body)


def _cell(answer: str | None) -> str:
    """A cell holds one line, and no bar of its own."""
    return RESEARCHER if answer is None else re.sub(r"\s+", " ", answer).replace("|", "\\|")

"""Everything that is written from `metrics.json` and its figures: report, model card, checklist."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lungnet.evaluation.checklist import checklist_markdown
from lungnet.evaluation.model_card import model_card
from lungnet.evaluation.model_card_text import model_card_markdown
from lungnet.evaluation.page import html_page
from lungnet.evaluation.report_results import FIGURES
from lungnet.evaluation.report_text import report_markdown
from lungnet.files import write_json, write_text

REPORT, CARD = "report.html", "model_card"


def metrics_text(metrics: Mapping[str, Any]) -> str:
    """Returns `metrics.json`; not sorted, for the order of rows, splits and measures means something."""
    return json.dumps(metrics, indent=2, allow_nan=False) + "\n"


def write_documents(folder: str | os.PathLike[str], metrics: Mapping[str, Any]) -> None:
    """Writes the documents beside the figures that lie in `folder`.

        folder/
          figures/          read: those of `FIGURES` that are there
          checklist.md      CLAIM 2024 and TRIPOD+AI, with what the run can answer filled in
          model_card.json   `ModelCard`
          model_card.md     the same for people
          report.md         with links to the figures by relative paths
          report.html       the same words as one file, with the figures inside

    The same metrics and figures give the same bytes.

    Args:
        folder: made if it does not exist; files of the same names are replaced.
        metrics: what `evaluate` returned, or `metrics.json` holds.

    Raises:
        InputError: the folder cannot be written.
    """
    folder = Path(folder)
    drawn = {name: folder / path for name, path in FIGURES.items() if (folder / path).is_file()}
    card = model_card(metrics)
    text = report_markdown(metrics, drawn)
    write_text(folder / "checklist.md", checklist_markdown(metrics))
    write_json(folder / f"{CARD}.json", card.model_dump(mode="json"))
    write_text(folder / f"{CARD}.md", model_card_markdown(card))
    write_text(folder / "report.md", text)
    write_text(
        folder / REPORT, html_page(text, {FIGURES[name]: path.read_bytes() for name, path in drawn.items()})
    )

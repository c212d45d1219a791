"""The seven operating points and their mean, for the terminal."""

from typing import TYPE_CHECKING

from lungnet.evaluation.bootstrap import Estimate
from lungnet.evaluation.froc_report import FrocReport
from lungnet.evaluation.markdown import NOTHING
from lungnet.evaluation.tables import estimate_text

if TYPE_CHECKING:
    from rich.table import Table

_FRACTIONS = {0.125: "1/8", 0.25: "1/4", 0.5: "1/2"}


def froc_table(report: FrocReport) -> "Table":
    """Returns the table to be printed by a `rich.console.Console`.

    Args:
        report: of `froc`.
    """
    from rich import box
    from rich.table import Table

    table = Table(
        title=f"FROC on {report.scans:,} scans with {report.nodules:,} nodules",
        caption=report.interval_note,
        box=box.SIMPLE_HEAD,
        title_justify="left",
        caption_justify="left",
    )
    table.add_column("False positives per scan", no_wrap=True)
    table.add_column("Sensitivity", no_wrap=True)
    table.add_column("Threshold", no_wrap=True)
    for point in report.operating_points:
        rate = point.false_positives_per_scan
        threshold = NOTHING if point.threshold is None else f"{point.threshold:.4g}"
        table.add_row(_FRACTIONS.get(rate, f"{rate:g}"), _cell(point.sensitivity), threshold)
    table.add_section()
    table.add_row("Mean of the seven (CPM)", _cell(report.cpm), "")
    return table


def _cell(estimate: Estimate) -> str:
    return estimate_text(estimate.to_json())

"""Table 1 and Table 2 from `metrics.json`: as Markdown and for the terminal."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from lungnet.evaluation.markdown import NOTHING, markdown_table
from lungnet.evaluation.paper import ROW_NAMES
from lungnet.evaluation.scorer import TABLE_METRICS

if TYPE_CHECKING:
    from rich.table import Table

#: At which share of positives: the evaluation set's own, or as many positives as negatives.
Prevalence = Literal["own", "balanced"]

HEADINGS = ("Accuracy, %", "Precision, %", "Recall, %", "F1, %", "AUC")


class TableRow(NamedTuple):
    """A line of Table 1.

    Attributes:
        name: of the model, as the paper has it.
        source: "here" or "paper".
        cells: accuracy, precision, recall, F1, AUC.
    """

    name: str
    source: str
    cells: tuple[str, ...]


def table_rows(metrics: Mapping[str, Any], prevalence: Prevalence = "balanced") -> list[TableRow]:
    """Returns Table 1 line by line: each model as measured here, then as the paper has it.

    Args:
        metrics: what `metrics.json` holds.
        prevalence: "balanced" is the paper's 50:50, and has its values beside ours; "own" has ours alone,
            because the paper's precision and accuracy are not those of another prevalence.

    Raises:
        ValueError: `prevalence` is neither.
    """
    if prevalence not in ("own", "balanced"):
        raise ValueError(f"prevalence must be 'own' or 'balanced'. Received: {prevalence!r}")
    extra = [key for key in metrics["rows"] if key not in ROW_NAMES]
    lines = []
    for key in (*ROW_NAMES, *extra):
        row = metrics["rows"].get(key)
        name = row["name"] if row else ROW_NAMES[key]
        estimates = row[prevalence] if row else {}
        here = tuple(_cell(metric, estimates.get(metric)) for metric in TABLE_METRICS)
        lines.append(TableRow(name, "here" if row else "here: not run", here))
        paper = metrics["paper"]["table_1"].get(key)
        if paper and prevalence == "balanced":
            lines.append(TableRow(name, "paper", tuple(_paper(m, paper[m]) for m in TABLE_METRICS)))
    return lines


def table_markdown(metrics: Mapping[str, Any], prevalence: Prevalence = "balanced") -> str:
    """Returns Table 1 as a Markdown table, intervals in brackets.

    Args:
        metrics: what `metrics.json` holds.
        prevalence: see `table_rows`.
    """
    beside = prevalence == "balanced"
    lines = table_rows(metrics, prevalence)
    head = ("Model", *(("",) if beside else ()), *HEADINGS)
    body = []
    for index, line in enumerate(lines):
        name = "" if index and lines[index - 1].name == line.name else f"**{line.name}**"
        if line.source != "paper":
            body.append((name, *((line.source,) if beside else ()), *line.cells))
        else:
            body.append((name, *(f"*{text}*" for text in (line.source, *line.cells))))
    return markdown_table(head, body)


def literature_markdown(metrics: Mapping[str, Any], prevalence: Prevalence = "balanced") -> str:
    """Returns Table 2, accuracies from the literature as the paper quotes them, with ours on top."""
    head = ("Model", "Accuracy, %")
    first = next(iter(metrics["rows"].values()))
    body = [(f"**{first['name']}, here**", _cell("accuracy", first[prevalence]["accuracy"]))]
    for name, accuracy in metrics["paper"]["table_2"].items():
        body.append((f"{name}, paper" if name == "Proposed model" else name, f"{100 * accuracy:.1f}"))
    return markdown_table(head, body)


def rich_table(metrics: Mapping[str, Any], prevalence: Prevalence = "balanced") -> "Table":
    """Returns Table 1 for the terminal, to be printed by a `rich.console.Console`.

    Args:
        metrics: what `metrics.json` holds.
        prevalence: see `table_rows`.
    """
    from rich import box
    from rich.table import Table

    share = 100 * metrics["prevalence"]
    at = "reweighted to 50 % positives" if prevalence == "balanced" else f"{share:.1f} % positives"
    table = Table(
        title=f"Table 1 on {metrics['patches']:,} evaluation patches, {at}",
        caption=metrics["intervals"]["note"],
        box=box.SIMPLE_HEAD,
        title_justify="left",
        caption_justify="left",
    )
    table.add_column("Model", no_wrap=True)
    table.add_column("", no_wrap=True)
    for heading in HEADINGS:
        table.add_column(heading, overflow="fold")  # narrow terminals put the interval below its value
    lines = table_rows(metrics, prevalence)
    for index, line in enumerate(lines):
        repeated = index > 0 and lines[index - 1].name == line.name
        style = "dim" if line.source == "paper" else None
        table.add_row("" if repeated else line.name, line.source, *line.cells, style=style)
    return table


def estimate_text(estimate: Mapping[str, Any] | None, scale: float = 1.0, digits: int = 3) -> str:
    """Returns `value (low–high)`, or the value alone where there is no interval, or a dash."""
    if estimate is None or estimate["value"] is None:
        return NOTHING
    value = f"{scale * estimate['value']:.{digits}f}"
    if estimate["low"] is None:
        return value
    low, high = (f"{scale * estimate[end]:.{digits}f}" for end in ("low", "high"))
    return f"{value} ({low}–{high})"


def signed_text(estimate: Mapping[str, Any], scale: float = 1.0, digits: int = 3) -> str:
    """Returns a difference as `+value (+low to +high)`, or without what it lacks."""
    if estimate["value"] is None:
        return NOTHING
    value = f"{scale * estimate['value']:+.{digits}f}"
    if estimate["low"] is None:
        return value
    low, high = (f"{scale * estimate[end]:+.{digits}f}" for end in ("low", "high"))
    return f"{value} ({low} to {high})"


def holds_zero(estimate: Mapping[str, Any]) -> str:
    """Returns whether 0 lies in an interval: yes, no, or a dash where there is none."""
    if estimate["low"] is None:
        return NOTHING
    return "yes" if estimate["low"] <= 0.0 <= estimate["high"] else "no"


def percent_text(estimate: Mapping[str, Any]) -> str:
    """Returns `value % (low–high)`, in percent."""
    value, space, interval = estimate_text(estimate, 100.0, 1).partition(" ")
    return f"{value} %{space}{interval}" if value != NOTHING else NOTHING


def _cell(metric: str, estimate: Mapping[str, Any] | None) -> str:
    return estimate_text(estimate) if metric == "auc" else estimate_text(estimate, 100.0, 1)


def _paper(metric: str, value: float) -> str:
    return f"{value:.2f}" if metric == "auc" else f"{100 * value:.1f}"

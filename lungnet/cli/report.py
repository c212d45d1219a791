"""`lungnet report`: the table of a run, and how it gets into a README."""

import json
from pathlib import Path

import click

from lungnet.errors import InputError
from lungnet.files import write_text
from lungnet.pipeline import Channel, Evaluation
from lungnet.pipeline.records import latest

EPILOG = """\b
Examples:
  lungnet report --root runs/lidc
  lungnet report --root lungnet-demo --readme README.md --name demo
"""


@click.command(epilog=EPILOG)
@click.option(
    "--root",
    type=click.Path(path_type=Path, file_okay=False),
    default="lungnet-run",
    show_default=True,
    help="Pipeline root of a run that has ended.",
)
@click.option(
    "--readme",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Paste the table between <!-- NAME: begin --> and <!-- NAME: end --> of this file.",
)
@click.option("--name", default="table", show_default=True, help="NAME of the marks in the file.")
def command(root: Path, readme: Path | None, name: str) -> None:
    """Prints Table 1 of a run as Markdown, or pastes it into a file."""
    from lungnet.evaluation import table_markdown

    evaluation = latest(root, Channel("Evaluator", "evaluation", Evaluation))
    metrics = json.loads((evaluation.uri / "metrics.json").read_text("utf-8"))
    table = table_markdown(metrics)
    if readme is None:
        click.echo(table)
    else:
        paste(readme, name, table)
        click.echo(f"{readme}: {name} brought up to date", err=True)


def paste(path: Path, name: str, text: str) -> None:
    """Replaces what stands between the marks of `name` in a Markdown file.

    Raises:
        InputError: the file cannot be read, or lacks the marks.
    """
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    try:
        before, found_begin, rest = path.read_text("utf-8").partition(begin)
    except OSError as error:
        raise InputError(f"Cannot read {path}: {error.strerror}.") from error
    _, found_end, after = rest.partition(end)
    if not (found_begin and found_end):
        raise InputError(f"{path} lacks the marks {begin} and {end}.")
    write_text(path, f"{before}{begin}\n{text.strip()}\n{end}{after}")

"""`lungnet report`: the table of a run."""

import json
from pathlib import Path

import click

from lungnet.cli import options
from lungnet.pipeline import Channel, Evaluation, latest

EPILOG = """\b
Example:
  lungnet report --root runs/lidc
"""


@click.command(epilog=EPILOG)
@click.option(
    "--root",
    type=click.Path(path_type=Path, file_okay=False),
    default="lungnet-run",
    show_default=True,
    help="Pipeline root of a run that has ended.",
)
@options.metadata
def command(root: Path, metadata: str | None) -> None:
    """Prints Table 1 of a run as Markdown, the paper's values below ours."""
    from lungnet.evaluation import table_markdown

    evaluation = latest(root, Channel("Evaluator", "evaluation", Evaluation), metadata)
    metrics = json.loads((evaluation.uri / "metrics.json").read_text("utf-8"))
    click.echo(metrics["data_description"] + "\n")
    click.echo(table_markdown(metrics))

"""`lungnet report`: the table of a run, and its documents with all that led to it."""

import json
import shutil
from pathlib import Path
from typing import Any

import click

from lungnet.cli import options
from lungnet.errors import InputError
from lungnet.files import write_text
from lungnet.pipeline import Channel, Evaluation, latest, look_at
from lungnet.pipeline.lineage import Lineage, find_artifact, moment, trace
from lungnet.pipeline.lineage_drawing import to_svg

EPILOG = """\b
Examples:
  lungnet report --root runs/lidc
  lungnet report --root runs/lidc --output report
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
@click.option(
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    help="Write report, model card and checklist to this folder, with the whole lineage.",
)
def command(root: Path, metadata: str | None, output: Path | None) -> None:
    """Prints Table 1 of a run as Markdown, the paper's values below ours."""
    from lungnet.evaluation import table_markdown

    evaluation = latest(root, Channel("Evaluator", "evaluation", Evaluation), metadata)
    metrics = json.loads((evaluation.uri / "metrics.json").read_text("utf-8"))
    if output is not None:
        with look_at(root, metadata) as session:
            lineage = trace(session, find_artifact(session, str(evaluation.id)))
        _write(output, evaluation.uri, metrics, lineage)
        click.echo(f"Written to {output / 'report.html'}", err=True)
        return
    click.echo(metrics["data_description"] + "\n")
    click.echo(table_markdown(metrics))


def _write(output: Path, evaluation: Path, metrics: dict[str, Any], lineage: Lineage) -> None:
    from lungnet.evaluation import write_documents
    from lungnet.evaluation.documents import metrics_text
    from lungnet.evaluation.evaluator import SCHEMA
    from lungnet.evaluation.report_results import FIGURES

    if metrics["schema"] != SCHEMA:
        raise InputError(
            f"{evaluation / 'metrics.json'} was written by another version of lungnet: expected {SCHEMA}. "
            f"Received: {metrics['schema']}. Run the pipeline again, which repeats the evaluation alone."
        )
    known = {**metrics, "lineage": {**metrics.get("lineage", {}), **_known(lineage)}}
    (output / "figures").mkdir(parents=True, exist_ok=True)
    for path in FIGURES.values():
        if (evaluation / path).is_file():
            shutil.copyfile(evaluation / path, output / path)
    write_text(output / FIGURES["lineage"], to_svg(lineage))
    shutil.copyfile(evaluation / "curves.json", output / "curves.json")
    write_text(output / "metrics.json", metrics_text(known))
    write_documents(output, known)


def _known(lineage: Lineage) -> dict[str, Any]:
    """As `EvaluationInputs.lineage` has it, the newest artifact first."""
    artifacts = sorted(lineage.artifacts.values(), key=lambda one: -one.id)
    return {
        "whole": True,
        "series": len({uid for uids in lineage.series_uids.values() for uid in uids}),
        "artifacts": [
            {"type": one.type, "uri": one.uri, "sha256": one.digest, "created": moment(one.create_time)}
            for one in artifacts
        ],
    }

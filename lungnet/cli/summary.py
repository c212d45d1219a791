"""What a finished run prints: the table on stdout, and where everything lies."""

import json
from pathlib import Path

import click
from rich.console import Console

from lungnet.pipeline import Artifact, Made


def show_results(made: Made, root: Path) -> None:
    """Prints Table 1 beside the paper's values, and the paths a user wants next, as far as they were made."""
    from lungnet.evaluation import rich_table

    if "Evaluator" in made:
        evaluation, predictions = made["Evaluator"]["evaluation"], made["Evaluator"]["predictions"]
        metrics = json.loads((evaluation.uri / "metrics.json").read_text("utf-8"))
        Console(width=max(120, Console().width)).print(rich_table(metrics))
        click.echo(f"Report       {evaluation.uri / 'report.html'}")
        click.echo(f"Predictions  {predictions.uri / 'predictions.csv'}")
    if "OnnxExporter" in made:
        click.echo(f"ONNX model   {made['OnnxExporter']['model'].uri / 'classifier.onnx'}")
    if "Pusher" in made:
        click.echo(f"Served from  {_served_from(made['Pusher']['pushed_model'], root)}")
    click.echo(f"TensorBoard  tensorboard --logdir {root / 'tensorboard'}")


def _served_from(pushed_model: Artifact, root: Path) -> str:
    properties = pushed_model.properties
    if not properties["pushed"]:
        return f"nowhere: {properties['reason']}"
    version, inside = Path(properties["pushed_destination"]), root.resolve()
    return str(root / version.relative_to(inside) if version.is_relative_to(inside) else version)

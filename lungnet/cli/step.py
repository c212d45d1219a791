"""`lungnet step`: one component, on the artifacts of the ones before it."""

from pathlib import Path
from typing import Any

import click

from lungnet.cli import options
from lungnet.cli.root_file import RootFile
from lungnet.cli.running import from_options, running

EPILOG = """\b
Examples:
  lungnet step ArrayExampleGen --arrays patches.npz --root runs/luna --preset demo
  lungnet step GanTrainer --root runs/luna --set gan.generator_steps=200
"""


@click.command(epilog=EPILOG)
@click.argument("name")
@options.source
@running("lungnet-run")
@options.configuration
def command(
    name: str,
    data: Path | None,
    arrays: Path | None,
    eval_groups: str | None,
    preset: str | None,
    config_file: Path | None,
    settings: tuple[str, ...],
    seed: int | None,
    **how: Any,
) -> None:
    """Runs the step NAME on the newest artifacts of the steps before it, and prints where its outputs lie.

    Data and configuration are those of the root; what is given here replaces them.
    """
    this = from_options(how)
    own = [*settings, *options.eval_groups_setting(eval_groups)]
    root_file = RootFile.resolve(this.root, data, arrays, preset, config_file, own, seed)
    pipeline = root_file.pipeline()
    selected = pipeline.select(only=name)
    for artifact in ((this.run(root_file, pipeline, selected) or {}).get(name) or {}).values():
        click.echo(artifact.uri)

"""`lungnet run`: every step, in order, that is not done already."""

from pathlib import Path
from typing import Any

import click

from lungnet.cli import options
from lungnet.cli.root_file import RootFile
from lungnet.cli.running import from_options, running
from lungnet.cli.summary import show_results

EPILOG = """\b
Examples:
  lungnet run --data LIDC-IDRI --root runs/lidc
  lungnet run --arrays patches.npz --eval-groups 6,7 --preset standard
  lungnet run --root runs/lidc                          # go on, or see that nothing is to be done
  lungnet run --root runs/lidc --set gan.width=32 --dry-run
  lungnet run --root runs/lidc --from CaeTrainer --until CalmTrainer
"""


@click.command(epilog=EPILOG)
@options.source
@running("lungnet-run")
@click.option("--only", metavar="STEP", help="Run this step alone, on what the others made last.")
@click.option("--from", "first", metavar="STEP", help="Begin with this step.")
@click.option("--until", "last", metavar="STEP", help="End with this step.")
@options.configuration
def command(
    data: Path | None,
    arrays: Path | None,
    eval_groups: str | None,
    only: str | None,
    first: str | None,
    last: str | None,
    preset: str | None,
    config_file: Path | None,
    settings: tuple[str, ...],
    seed: int | None,
    **how: Any,
) -> None:
    """Runs the whole method: patches, WGAN-GP, autoencoder, CALM, rivals, report, ONNX.

    Steps whose parameters, inputs and sources are those of an earlier run are not run again, and a run that
    was killed goes on. Without --data and --arrays, data and settings are those of the root; what is given
    here replaces them.
    """
    this = from_options(how)
    own = [*settings, *options.eval_groups_setting(eval_groups)]
    root_file = RootFile.resolve(this.root, data, arrays, preset, config_file, own, seed)
    pipeline = root_file.pipeline()
    selected = pipeline.select(only, first, last)
    made = this.run(root_file, pipeline, selected)
    if made is not None:
        show_results(made, this.root)

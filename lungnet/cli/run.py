"""`lungnet run`: every step, in order."""

from pathlib import Path

import click

from lungnet.cli import options
from lungnet.cli.progress import StepProgress
from lungnet.cli.quiet import import_tensorflow
from lungnet.cli.root_file import RootFile
from lungnet.cli.summary import show_results
from lungnet.config import Config
from lungnet.pipeline import Artifact, LocalRunner

EPILOG = """\b
Examples:
  lungnet run --data LIDC-IDRI --root runs/lidc
  lungnet run --arrays patches.npz --eval-groups 6,7 --preset standard
"""


@click.command(epilog=EPILOG)
@options.source
@click.option(
    "--root",
    type=click.Path(path_type=Path, file_okay=False),
    default="lungnet-run",
    show_default=True,
    help="Folder of everything that the run makes.",
)
@options.configuration("standard")
def command(
    data: Path | None,
    arrays: Path | None,
    eval_groups: str | None,
    root: Path,
    preset: str,
    config_file: Path | None,
    settings: tuple[str, ...],
    seed: int | None,
) -> None:
    """Runs the whole method: patches, WGAN-GP, autoencoder, CALM, rivals, report, ONNX."""
    if (data is None) == (arrays is None):
        raise click.UsageError("Give either --data FOLDER or --arrays FILE.npz.")
    config = options.load(preset, config_file, settings, seed, *options.eval_groups_setting(eval_groups))
    show_results(run_all(root, config, data=data, arrays=arrays), root)


def run_all(
    root: Path, config: Config, *, data: Path | None = None, arrays: Path | None = None
) -> dict[str, dict[str, Artifact]]:
    """Runs the method under `root` with progress on stderr; returns every step's outputs."""
    root_file = RootFile(data, arrays, config)
    pipeline = root_file.pipeline()
    root_file.write(root)
    import_tensorflow()
    with StepProgress(len(pipeline.components)) as progress:
        return LocalRunner(root, on_step=progress.begin).run(pipeline)

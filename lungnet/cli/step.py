"""`lungnet step`: one component, on the artifacts of the ones before it."""

from pathlib import Path

import click

from lungnet.cli import options
from lungnet.cli.progress import StepProgress
from lungnet.cli.quiet import import_tensorflow
from lungnet.cli.root_file import RootFile
from lungnet.errors import InputError
from lungnet.pipeline import LocalRunner
from lungnet.presets import config_from, merge_settings

EPILOG = """\b
Examples:
  lungnet step ArrayExampleGen --arrays patches.npz --root runs/luna --preset demo
  lungnet step GanTrainer --root runs/luna --set gan.generator_steps=200
"""


@click.command(epilog=EPILOG)
@click.argument("name")
@options.source
@click.option(
    "--root",
    type=click.Path(path_type=Path, file_okay=False),
    default="lungnet-run",
    show_default=True,
    help="Pipeline root with what the steps before have made.",
)
@options.configuration(None)
def command(
    name: str,
    data: Path | None,
    arrays: Path | None,
    eval_groups: str | None,
    root: Path,
    preset: str | None,
    config_file: Path | None,
    settings: tuple[str, ...],
    seed: int | None,
) -> None:
    """Runs the step NAME on the newest artifacts of the steps before it.

    Data and configuration are those of the root; what is given here replaces them.
    """
    known = RootFile.read(root)
    own = options.eval_groups_setting(eval_groups)
    if known is None or preset is not None or config_file is not None:
        config = options.load(preset or "standard", config_file, settings, seed, *own)
    else:
        seeds = [] if seed is None else [f"seed={seed}"]
        config = config_from(merge_settings(known.config.model_dump(), [*settings, *seeds, *own]))
    if data is not None and arrays is not None:
        raise click.UsageError("Give either --data FOLDER or --arrays FILE.npz.")
    if data is None and arrays is None:
        if known is None:
            raise InputError(f"{root} is no pipeline root yet: give --data FOLDER or --arrays FILE.npz.")
        data, arrays = known.data, known.arrays
    root_file = RootFile(data, arrays, config)
    pipeline = root_file.pipeline()
    pipeline.component(name)
    root_file.write(root)
    import_tensorflow()
    with StepProgress(1) as progress:
        outputs = LocalRunner(root, on_step=progress.begin).run_step(pipeline, name)
    for artifact in outputs.values():
        click.echo(artifact.uri)

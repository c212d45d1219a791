"""`lungnet demo`: the whole method, on phantom CTs, to an ONNX file that meets a CT it has not seen."""

from pathlib import Path

import click

from lungnet.cli import options
from lungnet.cli.run import run_all
from lungnet.cli.summary import show_results

EPILOG = """\b
Example:
  lungnet demo --root lungnet-demo
"""


@click.command(epilog=EPILOG)
@click.option(
    "--root",
    type=click.Path(path_type=Path, file_okay=False),
    default="lungnet-demo",
    show_default=True,
    help="Folder of everything that the demo makes.",
)
@click.option("--patients", type=click.IntRange(min=3), default=12, show_default=True)
@options.configuration("demo")
def command(
    root: Path,
    patients: int,
    preset: str,
    config_file: Path | None,
    settings: tuple[str, ...],
    seed: int | None,
) -> None:
    """Writes phantom CTs, runs the whole method on them, and classifies candidates of one more CT."""
    from lungnet.cli.unseen import judge_unseen
    from lungnet.phantom import write_phantom

    config = options.load(preset, config_file, settings, seed)
    click.echo(f"Writing {patients + 1} phantom CTs below {root} ...", err=True)
    write_phantom(root / "ct", patients, config.seed)
    unseen = write_phantom(root / "unseen-ct", 1, config.seed, first=patients + 1)[0]
    made = run_all(root, config, data=root / "ct")
    show_results(made, root)

    model = made["OnnxExporter"]["model"].uri / "classifier.onnx"
    judge_unseen(unseen, root / "unseen-candidates.csv", model, config)

"""`lungnet demo`: the whole method, on phantom CTs, to an ONNX file that meets a CT it has not seen."""

from pathlib import Path
from typing import Any

import click

from lungnet.cli import options
from lungnet.cli.root_file import RootFile
from lungnet.cli.running import from_options, running
from lungnet.cli.summary import show_results

EPILOG = """\b
Example:
  lungnet demo --root lungnet-demo
"""


@click.command(epilog=EPILOG)
@running("lungnet-demo")
@click.option("--patients", type=click.IntRange(min=3), default=12, show_default=True)
@options.configuration
def command(
    patients: int,
    preset: str | None,
    config_file: Path | None,
    settings: tuple[str, ...],
    seed: int | None,
    **how: Any,
) -> None:
    """Writes phantom CTs, runs the whole method on them, and classifies candidates of one more CT."""
    from lungnet.cli.unseen import judge_unseen
    from lungnet.phantom import write_phantom

    this = from_options(how)
    root = this.root
    config = options.load(preset or "demo", config_file, settings, seed)
    click.echo(f"Writing {patients + 1} phantom CTs below {root} ...", err=True)
    write_phantom(root / "ct", patients, config.seed)
    unseen = write_phantom(root / "unseen-ct", 1, config.seed, first=patients + 1)[0]
    root_file = RootFile(root / "ct", None, config)
    made = this.run(root_file, root_file.pipeline())
    if made is None:
        return
    show_results(made, root)

    model = made["OnnxExporter"]["model"].uri / "classifier.onnx"
    judge_unseen(unseen, root / "unseen-candidates.csv", model, config)

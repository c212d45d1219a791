"""`lungnet export`: a trained classifier as ONNX files, and as a model repository for Triton."""

from pathlib import Path

import click

from lungnet.cli import options
from lungnet.config import ExportConfig

EPILOG = """\b
Examples:
  lungnet export runs/lidc --triton /srv/triton
  lungnet export runs/lidc/CalmTrainer/classifier/9 -o exported --set export.pad_channels=16
"""


@click.command(epilog=EPILOG)
@click.argument("model", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder for classifier.onnx and scanner.onnx, made from a classifier's SavedModel.",
)
@click.option(
    "--triton",
    type=click.Path(path_type=Path, file_okay=False),
    help="Model repository of Triton that gets a new version.",
)
@click.option("--max-patches", default=128, show_default=True, help="Patches that Triton batches at most.")
@options.configuration
def command(
    model: Path,
    output: Path | None,
    triton: Path | None,
    max_patches: int,
    preset: str | None,
    config_file: Path | None,
    settings: tuple[str, ...],
    seed: int | None,
) -> None:
    """Exports MODEL: a pipeline root, a folder with classifier.onnx, or a classifier's SavedModel."""
    from lungnet.errors import InputError

    if output is None and triton is None:
        raise click.UsageError("Say where to: -o FOLDER for ONNX files, --triton DIR for a repository.")
    if max_patches < 1:
        raise click.UsageError("--max-patches must be at least 1.")
    folder = model
    if output is not None:
        _export(model, output, options.load(preset or "standard", config_file, settings, seed).export)
        folder = output
    if triton is not None:
        from lungnet.serving import Batching, write_model_repository

        if (folder / "pipeline.json").is_file():
            from lungnet.pipeline import Channel, OnnxModel, latest

            folder = latest(folder, Channel("OnnxExporter", "model", OnnxModel)).uri
        elif not (folder / "classifier.onnx").is_file():
            raise InputError(
                f"{folder} holds no classifier.onnx; expected a pipeline root or an export. For a SavedModel "
                "give -o FOLDER as well."
            )
        for name, version in write_model_repository(folder, triton, Batching(max_patches)).items():
            click.echo(f"{triton / name} version {version}")


def _export(classifier: Path, output: Path, config: ExportConfig) -> None:
    from lungnet.export import export_onnx, export_scanner, has_scanner

    exported = export_onnx(classifier, output / "classifier.onnx", config=config)
    click.echo(f"{exported.path} differs from the SavedModel by {exported.parity.max_difference:.1e}")
    if has_scanner(classifier):
        exported = export_scanner(classifier, output / "scanner.onnx", config=config)
        click.echo(f"{exported.path} differs from the SavedModel by {exported.parity.max_difference:.1e}")

"""`lungnet export`: a trained classifier as ONNX files, and as a model repository for Triton."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lungnet.cli import options
from lungnet.config import ExportConfig
from lungnet.errors import InputError

if TYPE_CHECKING:
    from lungnet.export import OnnxExport

EPILOG = """\b
Examples:
  lungnet export runs/lidc --triton /srv/triton
  lungnet export runs/lidc/CalmTrainer/classifier/9 -o exported --set export.pad_channels=16
  lungnet export runs/lidc/CalmTrainer/classifier/9 -o exported --set export.precision=int8
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
@options.metadata
@options.configuration
def command(
    model: Path,
    output: Path | None,
    triton: Path | None,
    max_patches: int,
    metadata: str | None,
    preset: str | None,
    config_file: Path | None,
    settings: tuple[str, ...],
    seed: int | None,
) -> None:
    """Exports MODEL: a pipeline root, a folder with classifier.onnx, or a classifier's SavedModel."""
    if output is None and triton is None:
        raise click.UsageError("Say where to: -o FOLDER for ONNX files, --triton DIR for a repository.")
    if max_patches < 1:
        raise click.UsageError("--max-patches must be at least 1.")
    if output is None and (preset or config_file or settings or seed is not None):
        raise click.UsageError(
            "--triton takes ONNX files as they are; --preset, --config, --set and --seed need -o FOLDER, for "
            "files that are made anew."
        )
    folder = model
    if output is not None:
        config = options.load(preset or "standard", config_file, settings, seed).export
        _export(model, output, config, metadata)
        folder = output
    if triton is not None:
        from lungnet.serving import Batching, write_model_repository

        if (folder / "pipeline.json").is_file():
            from lungnet.pipeline import Channel, OnnxModel, latest

            folder = latest(folder, Channel("OnnxExporter", "model", OnnxModel), metadata).uri
        elif not (folder / "classifier.onnx").is_file():
            raise InputError(
                f"{folder} holds no classifier.onnx; expected a pipeline root or an export. For a SavedModel "
                "give -o FOLDER as well."
            )
        for name, version in write_model_repository(folder, triton, Batching(max_patches)).items():
            click.echo(f"{triton / name} version {version}")


def _export(classifier: Path, output: Path, config: ExportConfig, metadata: str | None) -> None:
    from lungnet.export import export_onnx, export_scanner, has_scanner

    evidence = {} if config.precision == "float32" else _evidence(classifier, config.precision, metadata)
    _tell(export_onnx(classifier, output / "classifier.onnx", config=config, **evidence))
    if has_scanner(classifier):
        _tell(export_scanner(classifier, output / "scanner.onnx", config=config, **evidence))


def _evidence(classifier: Path, precision: str, metadata: str | None) -> dict[str, Any]:
    """Returns patches of the run that made a classifier; what a precision costs is measured on them."""
    from lungnet.components.onnx_exporter.evidence import read_evidence
    from lungnet.pipeline import Examples, look_at
    from lungnet.pipeline.lineage import find_artifact, trace

    folder = classifier.resolve()
    root = next((one for one in folder.parents if (one / "pipeline.json").is_file()), None)
    if root is None:
        raise InputError(
            f"export.precision {precision} is measured on patches of the run that made the classifier: "
            "expected a classifier in its pipeline root, such as runs/lidc/CalmTrainer/classifier/9. "
            f"Received: {classifier}."
        )
    with look_at(root, metadata) as session:
        behind = trace(session, find_artifact(session, str(folder))).artifacts.values()
        examples = [one for one in behind if one.type == Examples.TYPE_NAME]
        if not examples:
            raise InputError(f"{classifier} was made of no examples that {root} knows of.")
        # Each step adds to those of the one before it: it learnt from the last.
        last = session.artifact(Examples, max(examples, key=lambda one: one.id))
    return read_evidence(last.uri, precision)


def _tell(exported: "OnnxExport") -> None:
    told = f"{exported.path} differs from the SavedModel by {exported.parity.max_difference:.1e}"
    if change := exported.change:
        told += f" on {change.patches:,} evaluation patches, in AUC by {change.auc_change:+.4f}"
    click.echo(told)

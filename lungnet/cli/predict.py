"""`lungnet predict`: candidates of a CT through an ONNX file."""

from pathlib import Path

import click

from lungnet.cli import options

EPILOG = """\b
Examples:
  lungnet predict CT_FOLDER --candidates candidates.csv -o probabilities.csv
  lungnet predict CT_FOLDER --candidates candidates.csv --model classifier.onnx
"""


@click.command(epilog=EPILOG)
@click.argument("ct", type=click.Path(path_type=Path))
@click.option(
    "--candidates",
    "candidates_file",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="LUNA16's CSV: seriesuid,coordX,coordY,coordZ (LPS, mm).",
)
@click.option(
    "--model",
    type=click.Path(path_type=Path, dir_okay=False),
    help="classifier.onnx of a run; by default the model that comes with lungnet.",
)
@click.option("--series-uid", help="Which series of the folder; needed where there are several.")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="CSV to write; stdout by default.",
)
@options.execution
def command(
    ct: Path,
    candidates_file: Path,
    model: Path | None,
    series_uid: str | None,
    output: Path | None,
    providers: tuple[str, ...],
    require_gpu: bool,
) -> None:
    """Writes the probability of each candidate in the CT series at CT (a folder or a .mhd file)."""
    from lungnet.ct import format_candidates, read_candidates, read_series, write_candidates
    from lungnet.serving import NoduleClassifier, predict_candidates
    from lungnet.serving.shipped_model import SHIPPED_CLASSIFIER, model_words

    model = SHIPPED_CLASSIFIER if model is None else model
    classifier = NoduleClassifier(model, providers or None, require_gpu=require_gpu)
    click.echo(model_words(model, classifier.metadata), err=True)
    candidates = read_candidates(candidates_file)
    found = predict_candidates(read_series(ct, series_uid), candidates, classifier)
    if output is None:
        click.echo(format_candidates(found), nl=False)
    else:
        write_candidates(output, found)
        click.echo(f"{len(found)} candidates written to {output}", err=True)

"""`lungnet scan`: nodules in a whole CT, by an ONNX file."""

import json
from pathlib import Path

import click

EPILOG = """\b
Examples:
  lungnet scan CT_FOLDER --model scanner.onnx -o detections.csv
  lungnet scan CT.mhd --model scanner.onnx --json --heatmap probability.nii.gz
"""


@click.command(epilog=EPILOG)
@click.argument("ct", type=click.Path(path_type=Path))
@click.option(
    "--model",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="scanner.onnx of a run.",
)
@click.option("--series-uid", help="Which series of the folder; needed where there are several.")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File to write; stdout by default.",
)
@click.option(
    "--json", "as_json", is_flag=True, help="JSON with extents and settings instead of LUNA16's CSV."
)
@click.option(
    "--heatmap",
    type=click.Path(path_type=Path, dir_okay=False),
    help="NIfTI (.nii, .nii.gz) of the probability at every position.",
)
@click.option(
    "--threshold",
    type=click.FloatRange(0.0, 1.0),
    help="Least probability of a detection; the model's own threshold by default.",
)
@click.option(
    "--stride",
    type=click.Choice(["1", "2", "4", "8"]),
    help="Pixels between positions; 8 by default, half of it costs four times as much.",
)
@click.option(
    "--config", "config_file", type=click.Path(path_type=Path), help="TOML file with a table [scan]."
)
@click.option(
    "--set", "settings", multiple=True, metavar="KEY=VALUE", help="One setting, such as scan.second_look=max."
)
def command(
    ct: Path,
    model: Path,
    series_uid: str | None,
    output: Path | None,
    as_json: bool,
    heatmap: Path | None,
    threshold: float | None,
    stride: str | None,
    config_file: Path | None,
    settings: tuple[str, ...],
) -> None:
    """Finds nodules in the chest CT at CT (a folder or a .mhd file). For research, not for diagnosis."""
    from lungnet.ct import format_candidates, read_series
    from lungnet.files import write_text
    from lungnet.presets import load_config
    from lungnet.serving import CTScanner, detections_json, write_heat_map

    own = [f"scan.threshold={threshold}"] if threshold is not None else []
    own += [f"scan.stride_px={stride}"] if stride is not None else []
    config = load_config("paper", config_file, [*settings, *own]).scan
    if heatmap is not None and not heatmap.name.endswith((".nii", ".nii.gz")):
        raise click.BadParameter("expected a name that ends in .nii or .nii.gz.", param_hint="--heatmap")
    scanner = CTScanner(model, config)
    volume = read_series(ct, series_uid)
    heat = scanner.heat_map(volume)
    detections = scanner.detect(volume, heat)
    if heatmap is not None:
        write_heat_map(heatmap, volume, heat)
        click.echo(f"Heat map written to {heatmap}", err=True)
    if as_json:
        described = {**config.model_dump(mode="json"), "threshold": scanner.threshold}
        text = json.dumps(detections_json(detections, scanner.metadata, described), indent=2) + "\n"
    else:
        text = format_candidates(detection.candidate() for detection in detections)
    if output is None:
        click.echo(text, nl=False)
    else:
        write_text(output, text)
        click.echo(f"{len(detections)} detections written to {output}", err=True)

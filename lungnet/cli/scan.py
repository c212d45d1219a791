"""`lungnet scan`: nodules in a whole CT, by an ONNX file."""

import functools
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lungnet.cli import options

if TYPE_CHECKING:
    from lungnet.serving import CTScanner, Detection, HeatMap, ModelFacts, SourceSeries

EPILOG = """\b
Examples:
  lungnet scan CT_FOLDER -o detections.csv
  lungnet scan CT.mhd --model scanner.onnx --json --heatmap probability.nii.gz
  lungnet scan CT_FOLDER --model scanner.onnx --require-gpu
  lungnet scan CT_FOLDER --model scanner.onnx --sr report.dcm --seg segmentation.dcm
"""


@click.command(epilog=EPILOG)
@click.argument("ct", type=click.Path(path_type=Path))
@click.option(
    "--model",
    type=click.Path(path_type=Path, dir_okay=False),
    help="scanner.onnx of a run; by default the model that comes with lungnet.",
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
    help="Probability at every position: NIfTI (.nii, .nii.gz), or a DICOM parametric map (.dcm; needs the "
    "extra dicom and a DICOM series).",
)
@click.option(
    "--sr",
    "sr_file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="DICOM structured report (TID 1500) of the detections; needs the extra dicom and a DICOM series.",
)
@click.option(
    "--seg",
    "seg_file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="DICOM segmentation of the detections, alike; none is written where nothing was found.",
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
@options.execution
def command(
    ct: Path,
    model: Path | None,
    series_uid: str | None,
    output: Path | None,
    as_json: bool,
    heatmap: Path | None,
    sr_file: Path | None,
    seg_file: Path | None,
    threshold: float | None,
    stride: str | None,
    config_file: Path | None,
    settings: tuple[str, ...],
    providers: tuple[str, ...],
    require_gpu: bool,
) -> None:
    """Finds nodules in the chest CT at CT (a folder or a .mhd file). For research, not for diagnosis."""
    from lungnet.ct import format_candidates, read_series
    from lungnet.files import write_text
    from lungnet.presets import load_config
    from lungnet.serving import CTScanner, detections_json, write_heat_map
    from lungnet.serving.shipped_model import SHIPPED_SCANNER, model_words

    own = [f"scan.threshold={threshold}"] if threshold is not None else []
    own += [f"scan.stride_px={stride}"] if stride is not None else []
    config = load_config("paper", config_file, [*settings, *own]).scan
    if heatmap is not None and not heatmap.name.endswith((".nii", ".nii.gz", ".dcm")):
        raise click.BadParameter(
            "expected a name that ends in .nii, .nii.gz or .dcm.", param_hint="--heatmap"
        )
    model = SHIPPED_SCANNER if model is None else model
    scanner = CTScanner(model, config, providers or None, require_gpu=require_gpu)
    click.echo(model_words(model, scanner.metadata), err=True)
    volume = read_series(ct, series_uid)
    heat = scanner.heat_map(volume)
    detections = scanner.detect(volume, heat)
    results = _DicomResults(scanner, model, ct, series_uid)
    if heatmap is not None:
        if heatmap.suffix == ".dcm":
            results.write_heat_map(heatmap, heat)
        else:
            write_heat_map(heatmap, volume, heat)
        click.echo(f"Heat map written to {heatmap}", err=True)
    if sr_file is not None:
        results.write_sr(sr_file, detections)
    if seg_file is not None:
        results.write_seg(seg_file, detections)
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


class _DicomResults:
    """Writes what an archive takes; the series is read once, when the first of them is asked for."""

    def __init__(self, scanner: "CTScanner", model: Path, ct: Path, series_uid: str | None) -> None:
        self._scanner, self._model = scanner, model
        self._ct, self._series_uid = ct, series_uid

    @functools.cached_property
    def _series(self) -> "SourceSeries":
        from lungnet.serving import read_source

        return read_source(self._ct, self._series_uid)

    @functools.cached_property
    def _facts(self) -> "ModelFacts":
        from lungnet.hashing import file_sha256

        return self._scanner.facts(file_sha256(self._model))

    def write_heat_map(self, path: Path, heat_map: "HeatMap") -> None:
        from lungnet.serving import write_dicom_heat_map

        write_dicom_heat_map(path, self._series, heat_map, self._facts)

    def write_sr(self, path: Path, detections: "Sequence[Detection]") -> None:
        from lungnet.serving import write_sr

        write_sr(path, self._series, detections, self._facts)
        click.echo(f"Structured report written to {path}", err=True)

    def write_seg(self, path: Path, detections: "Sequence[Detection]") -> None:
        from lungnet.serving import write_seg

        if not detections:
            click.echo("Nothing was found: a segmentation needs a finding, and none was written.", err=True)
            return
        write_seg(path, self._series, detections, self._facts)
        click.echo(f"Segmentation written to {path}", err=True)

"""`lungnet froc`: detections against a reference, by LUNA16's rules."""

import importlib.util
from pathlib import Path

import click

from lungnet.ct import Candidate, find_series, read_candidates, read_series_uids
from lungnet.errors import InputError
from lungnet.files import write_json

EPILOG = """\b
Examples:
  lungnet froc detections.csv --annotations annotations.csv --series seriesuids.csv
  lungnet froc detections.csv --annotations annotations.csv --series seriesuids.csv \\
      --excluded annotations_excluded.csv --json froc.json --curve froc.csv --figure froc.png
"""
#: LUNA16's name for the findings on which candidates are ignored.
EXCLUDED_NAME = "annotations_excluded.csv"

File = click.Path(path_type=Path, dir_okay=False)


@click.command(epilog=EPILOG)
@click.argument("candidates_file", metavar="CANDIDATES", type=File)
@click.option(
    "--annotations",
    "annotations_file",
    required=True,
    type=File,
    help="Nodules to be found: seriesuid,coordX,coordY,coordZ,diameter_mm (LPS, mm).",
)
@click.option(
    "--series",
    "series_file",
    required=True,
    type=File,
    help="Every series that was searched, one UID a line; those without nodules count too.",
)
@click.option(
    "--excluded",
    "excluded_file",
    type=File,
    help=f"Findings on which candidates are ignored; {EXCLUDED_NAME} beside the annotations by default.",
)
@click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    help="CT series with reader XML, to place what one or two readers marked where no excluded findings "
    "are given.",
)
@click.option(
    "--approximate/--no-approximate",
    default=True,
    show_default=True,
    help="Without excluded findings, ignore candidates on marks of one or two readers of LIDC-IDRI.",
)
@click.option(
    "--max-candidates",
    type=click.IntRange(min=0),
    default=100,
    show_default=True,
    help="The most probable of each scan that take part; 0 for all.",
)
@click.option("--resamples", type=click.IntRange(min=1), default=1000, show_default=True)
@click.option(
    "--confidence",
    type=click.FloatRange(0.0, 1.0, min_open=True, max_open=True),
    default=0.95,
    show_default=True,
)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of the resamples.")
@click.option("--json", "json_file", type=File, help="Write all numbers but the curve.")
@click.option("--curve", "curve_file", type=File, help="Write the curve as CSV.")
@click.option("--figure", "figure_file", type=File, help="Draw the curve as PNG.")
def command(
    candidates_file: Path,
    annotations_file: Path,
    series_file: Path,
    excluded_file: Path | None,
    data: Path | None,
    approximate: bool,
    max_candidates: int,
    resamples: int,
    confidence: float,
    seed: int,
    json_file: Path | None,
    curve_file: Path | None,
    figure_file: Path | None,
) -> None:
    """Evaluates CANDIDATES (seriesuid,coordX,coordY,coordZ,probability) as LUNA16 does.

    Prints the sensitivity at 1/8 to 8 false positives per scan and their mean, with intervals over scans.
    """
    from rich.console import Console

    from lungnet.evaluation import froc, froc_table, write_froc_curve

    if figure_file is not None and importlib.util.find_spec("matplotlib") is None:
        raise InputError("A figure needs matplotlib, which is not installed: pip install 'lungnet[train]'")
    series_uids = read_series_uids(series_file)
    annotations = read_candidates(annotations_file)
    candidates = read_candidates(candidates_file)
    beside = annotations_file.with_name(EXCLUDED_NAME)
    excluded_file = excluded_file or (beside if beside.is_file() else None)
    if excluded_file is not None:
        excluded, note = (
            read_candidates(excluded_file),
            f"Excluded findings are those of {excluded_file.name}.",
        )
    elif approximate:
        excluded, note = _approximated(series_uids, annotations, data)
    else:
        excluded, note = [], "No findings are excluded: every candidate off the nodules is false."
    report = froc(
        candidates,
        annotations,
        series_uids,
        excluded,
        excluded_note=note,
        max_candidates=max_candidates or None,
        confidence=confidence,
        resamples=resamples,
        seed=seed,
    )
    Console(width=max(80, Console().width)).print(froc_table(report))
    click.echo(
        f"{report.candidates:,} candidates: {report.false_positives:,} false, {report.ignored:,} ignored on "
        f"{report.excluded:,} excluded findings, {report.repeated:,} repeated, {report.capped:,} beyond the "
        f"cap. Nodules found at any threshold: {report.found:,} of {report.nodules:,}."
    )
    click.echo(note, err=True)
    for what, count in (
        ("candidates", report.candidates_elsewhere),
        ("annotations", report.nodules_elsewhere),
    ):
        if count:
            click.echo(f"{count:,} {what} are of series that are not listed and do not count.", err=True)
    if json_file is not None:
        write_json(json_file, report.to_json())
    if curve_file is not None:
        write_froc_curve(curve_file, report)
    if figure_file is not None:
        from lungnet.evaluation import draw_froc

        draw_froc(figure_file, report, candidates_file.stem)
    for path in (json_file, curve_file, figure_file):
        if path is not None:
            click.echo(f"Written: {path}", err=True)


def _approximated(
    series_uids: list[str], annotations: list[Candidate], data: Path | None
) -> tuple[list[Candidate], str]:
    """Returns marks of one or two readers, and a sentence that says that these stand in for the file."""
    from lungnet.lidc import minority_findings

    found = minority_findings(series_uids, annotations, find_series(data) if data else ())
    if not found.scans:
        return [], (
            f"There is no {EXCLUDED_NAME}, and LIDC-IDRI's readers are not known to have seen any of these "
            "series: no findings are excluded, every candidate off the nodules is false."
        )
    note = (
        f"There is no {EXCLUDED_NAME}: it is approximated by {len(found.findings):,} marks of one or two "
        f"readers (the readers of {found.scans:,} of {len(series_uids):,} series are known). Nodules below "
        "3 mm and non-nodules are missing, so that there are more false positives than LUNA16 would count."
    )
    if found.unplaced:
        note += (
            f" {found.unplaced:,} further marks in {found.unplaced_scans:,} series are left out, because "
            "without the CT (--data) their place is not known."
        )
    return list(found.findings), note

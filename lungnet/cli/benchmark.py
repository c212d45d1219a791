"""`lungnet benchmark`: the whole method once a fold, and what comes of it over folds and seeds."""

import datetime
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from lungnet.cli import options
from lungnet.cli.benchmark_folds import COHORT, RULES, check_splittable, folds_of_arrays, folds_of_ct
from lungnet.cli.benchmark_pieces import Ended, ended, record, sources_digest
from lungnet.cli.benchmark_plan import NAME, BenchmarkPlan
from lungnet.cli.root_file import RootFile
from lungnet.cli.running import Running, from_options, running
from lungnet.errors import InputError
from lungnet.hashing import file_sha256

EPILOG = """\b
Examples:
  lungnet benchmark --arrays patches.npz --folds 4 --root runs/four-folds
  lungnet benchmark --root runs/four-folds --head-seeds 3 --only-fold 0   # a part of it, more of it
  lungnet benchmark --root runs/four-folds --summarise                    # what there is already
  lungnet benchmark --data LIDC-IDRI --folds 5 --seeds 2 --rows gan_cae_nn,cnn
"""

_FOLDS = 4


@click.command(epilog=EPILOG)
@options.data_or_arrays
@running("lungnet-benchmark")
@click.option(
    "--folds",
    type=click.IntRange(min=2),
    help=f"Evaluation sets of whole groups (patients); {_FOLDS} at first.",
)
@click.option("--seeds", type=click.IntRange(min=1), help="Complete runs of each fold; 1 at first.")
@click.option(
    "--head-seeds",
    type=click.IntRange(min=1),
    help="Trainings of CALM and of the plain network on the features of each run; 1 at first.",
)
@click.option("--rows", metavar="A,B", help="Rows of Table 1 to be trained now beside gan_cae_calm.")
@click.option("--only-fold", type=click.IntRange(min=0), metavar="K", help="Run this fold alone, from 0.")
@click.option("--summarise", is_flag=True, help="Run nothing; write the report of what there is.")
@options.configuration
def command(
    data: Path | None,
    arrays: Path | None,
    folds: int | None,
    seeds: int | None,
    head_seeds: int | None,
    rows: str | None,
    only_fold: int | None,
    summarise: bool,
    preset: str | None,
    config_file: Path | None,
    settings: tuple[str, ...],
    seed: int | None,
    **how: Any,
) -> None:
    """Cross-validates the method over groups (patients), and writes Table 1 with intervals.

    Each fold is a run of its own under the root, as `lungnet run` makes it, up to its evaluation: everything
    is fitted without the groups that it is judged on. Runs that were killed go on, and what is there already
    is not run again. Folds, seeds and rows may be run one after the other; the report says what is missing.
    """
    this = from_options(how)
    own = [*settings, *_rows_setting(rows)]
    source = RootFile.resolve(this.root, data, arrays, preset, config_file, own, seed, NAME)
    plan = _plan(this, source, folds, seeds, head_seeds)
    if plan is None:
        click.echo("The folds of CT series are known once LidcExampleGen has run.", err=True)
        return
    if only_fold is not None and only_fold >= len(plan.partition.folds):
        raise click.UsageError(f"--only-fold counts from 0 to {len(plan.partition.folds) - 1}: {only_fold}.")
    if not summarise:
        _run(this, plan, only_fold)
    if not this.dry_run:
        _summarise(this.root, plan)


def _rows_setting(rows: str | None) -> list[str]:
    """Turns `gan_cae_nn,cnn` into the setting it stands for; CALM is always there."""
    if rows is None:
        return []
    names = [name.strip() for name in rows.split(",") if name.strip() not in ("", "gan_cae_calm")]
    return [f"baselines.rows={names!r}"]


def _plan(
    this: Running, source: RootFile, folds: int | None, seeds: int | None, head_seeds: int | None
) -> BenchmarkPlan | None:
    """What is to be done in all; None where a dry run cannot know it."""
    check_splittable(source.config)
    digest = ""
    if source.arrays is not None:
        if not source.arrays.is_file():
            raise InputError(f"{source.arrays} is no file; expected an .npz of patches.")
        digest = file_sha256(source.arrays)
    known = BenchmarkPlan.read(this.root)
    if known is not None:
        known.check_same(this.root, source, digest, folds)
        return replace(
            known, source=source, seeds=seeds or known.seeds, head_seeds=head_seeds or known.head_seeds
        )
    if source.arrays is not None:
        partition = folds_of_arrays(source.arrays, source.config, folds or _FOLDS)
    else:
        looked = folds_of_ct(replace(this, root=this.root / COHORT), source, folds or _FOLDS)
        if looked is None:
            return None
        partition = looked
    return BenchmarkPlan(source, digest, partition, seeds or 1, head_seeds or 1)


def _run(this: Running, plan: BenchmarkPlan, only_fold: int | None) -> None:
    if not this.dry_run:
        plan.write(this.root)
    sources = sources_digest(plan)
    pieces = plan.pieces(only_fold)
    for number, piece in enumerate(pieces, start=1):
        groups = plan.partition.folds[piece.fold]
        held_out = f"groups {', '.join(groups[:3])}{' ...' if len(groups) > 3 else ''}"
        click.echo(f"Run {number} of {len(pieces)}: {piece.name}, evaluated on {held_out}", err=True)
        pipeline = piece.pipeline()
        try:
            # pipeline.json is that of the ordinary run, whatever head seed is trained in it.
            at = replace(this, root=piece.root(this.root))
            made = at.run(piece.source, pipeline, piece.steps(pipeline))
        except InputError as error:
            raise InputError(f"{piece.name.capitalize()}: {error}") from error
        if made is not None:
            record(this.root, plan, piece, made, sources)


def _summarise(root: Path, plan: BenchmarkPlan) -> None:
    """Writes the report of the runs that have ended, and prints its table."""
    from lungnet.evaluation import difference_lines, rich_table, write_benchmark

    found = {piece.name: ended(root, plan, piece) for piece in plan.pieces()}
    done = [one for one in found.values() if one is not None]
    missing = [name for name, one in found.items() if one is None]
    if not done:
        raise InputError(f"No run of the benchmark in {root} has ended yet.")
    metrics = _measure(plan, done, missing)
    write_benchmark(root, metrics, [one.run for one in done])
    Console(width=max(120, Console().width)).print(rich_table(metrics))
    click.echo("".join(f"{line}\n" for line in difference_lines(metrics)))
    click.echo(f"Report       {root / 'report.html'}")
    click.echo(f"Metrics      {root / 'metrics.json'}")
    click.echo(f"Predictions  {root / 'predictions.csv'}")
    if missing:
        click.echo(f"Not run to the end yet: {'; '.join(missing)}.", err=True)


def _measure(plan: BenchmarkPlan, done: list[Ended], missing: list[str]) -> dict[str, Any]:
    from lungnet.evaluation import CrossValidationInputs, cross_validate

    config, facts = plan.source.config, done[0].facts
    inputs = CrossValidationInputs(
        runs=[one.run for one in done],
        data_description=facts["data_description"],
        split_unit=facts["split_unit"],
        threshold_origin=facts["threshold_origin"],
        task=config.task,
        date=datetime.datetime.now(datetime.UTC).date().isoformat(),
        fold_rule=RULES[plan.partition.rule],
        missing=missing,
        source_states=len(frozenset.union(*(one.sources for one in done))),
        config=config.model_dump(mode="json"),
    )
    return cross_validate(inputs, config.evaluation, config.seed)

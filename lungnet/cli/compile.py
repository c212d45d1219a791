"""`lungnet compile`: the pipeline as a file that a cluster's engine runs."""

from pathlib import Path

import click

from lungnet.cli import options
from lungnet.cli.root_file import RootFile
from lungnet.components import Pusher
from lungnet.ct.identity import KEY_VARIABLE
from lungnet.errors import InputError
from lungnet.pipeline import Component, Pipeline
from lungnet.pipeline.kubeflow import Cluster, compile_kubeflow

EPILOG = """\b
Examples:
  lungnet compile pipeline.yaml --data /mnt/lidc --data-version 2026-11 --volume lidc-claim:/mnt/lidc
  lungnet compile pipeline.yaml --root runs/lidc --image registry.example/lungnet:0.1.0
"""


def _absolute(context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    if value is not None and not value.startswith("/"):
        raise click.BadParameter(f"expected an absolute path on a volume. Received: {value}")
    return value


def _volumes(context: click.Context, parameter: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    volumes = {}
    for value in values:
        claim, _, mount = value.partition(":")
        if not claim or not mount.startswith("/"):
            raise click.BadParameter(f"expected CLAIM:/PATH, such as lidc-claim:/mnt/lidc. Received: {value}")
        volumes[claim] = mount
    return volumes


@click.command(epilog=EPILOG)
@click.argument("out", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--engine",
    type=click.Choice(["kubeflow"]),
    default="kubeflow",
    show_default=True,
    help="What will run it; kubeflow: Kubeflow Pipelines v2.",
)
@options.source
@click.option(
    "--root",
    type=click.Path(path_type=Path, file_okay=False),
    default="lungnet-run",
    show_default=True,
    help="Pipeline root whose data and settings are taken where none are given.",
)
@click.option(
    "--image",
    default=Cluster.image,
    show_default=True,
    help="Container image with this very lungnet and its extra train.",
)
@click.option("--name", default=Cluster.name, show_default=True, help="Name of the pipeline.")
@click.option(
    "--volume",
    "volumes",
    multiple=True,
    metavar="CLAIM:/PATH",
    callback=_volumes,
    help="A claim of a persistent volume, and where every step sees it.",
)
@click.option(
    "--state",
    metavar="/PATH",
    callback=_absolute,
    help="Folder on a volume for checkpoints and TensorBoard; without it they go with the container.",
)
@click.option(
    "--data-version",
    metavar="TEXT",
    help="Name for the state of the data, such as a date; by default they are read for a digest.",
)
@click.option(
    "--id-key-secret",
    metavar="NAME",
    help=f"Kubernetes secret whose entry {KEY_VARIABLE} is the key of patients' hashes; without it a "
    "container makes a key of its own, and patients have other hashes in every run.",
)
@options.ingest
@options.configuration
def command(
    out: Path,
    engine: str,
    data: Path | None,
    arrays: Path | None,
    eval_groups: str | None,
    root: Path,
    image: str,
    name: str,
    volumes: dict[str, str],
    state: str | None,
    data_version: str | None,
    id_key_secret: str | None,
    workers: int | None,
    beam_runner: str | None,
    beam_options: tuple[str, ...],
    preset: str | None,
    config_file: Path | None,
    settings: tuple[str, ...],
    seed: int | None,
) -> None:
    """Writes the whole method to OUT as a pipeline whose steps run in containers on a cluster.

    The path of --data or --arrays becomes a parameter of the pipeline (input_base, input_file), with what is
    given here as its default: the cluster must see it, on a volume. So does the state of the data
    (data_version): give another when files have changed there, for the cluster's cache does not look.

    The image must hold the lungnet that compiles: a step whose sources are others refuses to run. Steps on a
    cluster have no lineage store, so a model is not compared with the last blessed one. Models are pushed
    where pusher.destination says: a folder on a volume.
    """
    given = options.ingest_settings(workers, beam_runner, beam_options)
    runtime = {
        setting: value for setting, value in given.items() if value
    }  # by default the container's cores
    own = [*settings, *options.eval_groups_setting(eval_groups)]
    root_file = RootFile.resolve(root, data, arrays, preset, config_file, own, seed)
    source = root_file.data or root_file.arrays
    elsewhere = source is not None and not source.exists()
    if elsewhere and data_version is None:
        raise InputError(
            f"{source} is not on this machine, so what it holds cannot be told; name its state with "
            "--data-version, such as a date."
        )
    if data_version is None:
        click.echo(f"Reading {source} for its digest ...", err=True)
    pipeline = _for_a_cluster(root_file.pipeline(elsewhere))
    secrets = {KEY_VARIABLE: id_key_secret} if id_key_secret else {}
    compile_kubeflow(pipeline, out, Cluster(image, name, volumes, state, data_version, runtime, secrets))
    click.echo(out)


def _for_a_cluster(pipeline: Pipeline) -> Pipeline:
    """Leaves out what needs a pipeline root, and says so."""
    destination = pipeline.config.pusher.destination
    if destination and not Path(destination).is_absolute():
        raise InputError(
            f"pusher.destination is {destination}; expected an absolute path on a volume of the cluster."
        )
    for node in pipeline.nodes:
        if not isinstance(node, Component):  # the compiler itself leaves them out
            click.echo(f"Left out: {node.id}, which needs a lineage store.", err=True)
    if destination:
        return pipeline
    click.echo("Left out: Pusher, for pusher.destination names no folder on a volume.", err=True)
    return Pipeline([node for node in pipeline.nodes if not isinstance(node, Pusher)], pipeline.config)

"""Options that several verbs share."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from lungnet.config import Config
from lungnet.errors import InputError
from lungnet.presets import PRESETS, load_config

Function = TypeVar("Function", bound=Callable[..., Any])


def configuration(function: Function) -> Function:
    """Adds `--preset`, `--config`, `--set` and `--seed`."""
    for option in (
        click.option("--seed", type=click.IntRange(min=0), help="Seed of every random choice."),
        click.option(
            "--set",
            "settings",
            multiple=True,
            metavar="KEY=VALUE",
            help="One setting, such as gan.latent_dim=64.",
        ),
        click.option(
            "--config",
            "config_file",
            type=click.Path(path_type=Path),
            help="TOML file over the preset.",
        ),
        click.option("--preset", type=click.Choice(PRESETS), help="Where the configuration starts from."),
    ):
        function = option(function)
    return function


def load(preset: str, config_file: Path | None, settings: Sequence[str], seed: int | None) -> Config:
    """Builds the configuration that the options describe."""
    return load_config(preset, config_file, [*settings, *seed_setting(seed)])


def seed_setting(seed: int | None) -> list[str]:
    """Turns `--seed` into the setting it stands for."""
    return [] if seed is None else [f"seed={seed}"]


def source(function: Function) -> Function:
    """Adds `--data`, `--arrays` and `--eval-groups`."""
    return data_or_arrays(
        click.option(
            "--eval-groups",
            metavar="A,B",
            help="Groups or patients held out for evaluation, or @FILE with one a line, instead of a share "
            "drawn by hash.",
        )(function)
    )


def data_or_arrays(function: Function) -> Function:
    """Adds `--data` and `--arrays`."""
    for option in (
        click.option(
            "--arrays",
            type=click.Path(path_type=Path, dir_okay=False),
            help="An .npz of patches cut elsewhere: patches_hu, groups or patient_id, and labels (or, for "
            "task=malignancy, malignancy from 1 to 5).",
        ),
        click.option(
            "--data",
            type=click.Path(path_type=Path, file_okay=False),
            help="Folder of CT series (DICOM, .mhd) with the readers' annotations.",
        ),
    ):
        function = option(function)
    return function


def eval_groups_setting(eval_groups: str | None) -> list[str]:
    """Turns `6,7`, or `@FILE` with a name on each line, into the setting it stands for.

    Raises:
        InputError: the file cannot be read, or names nobody.
    """
    if eval_groups is None:
        return []
    given = eval_groups.split(",")
    if eval_groups.startswith("@"):
        given = _lines(Path(eval_groups[1:]))
    names = [name.strip() for name in given if name.strip()]
    return [f"split.eval_groups={json.dumps(names, ensure_ascii=False)}"]  # TOML reads it too


def _lines(path: Path) -> list[str]:
    try:
        lines = path.read_text("utf-8-sig").splitlines()
    except OSError as error:
        raise InputError(f"Cannot read {path} of --eval-groups: {error.strerror or error}.") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path} of --eval-groups is no text; expected a name on each line.") from error
    if not any(line.strip() for line in lines):
        raise InputError(f"{path} of --eval-groups names nobody; expected a name on each line.")
    return lines


def metadata(function: Function) -> Function:
    """Adds `--metadata`."""
    return click.option(
        "--metadata",
        metavar="URL",
        envvar="LUNGNET_METADATA",
        help="Lineage store as SQLAlchemy URL, such as postgresql+psycopg://user@host/lungnet; "
        "by default the file metadata.sqlite in the root.",
    )(function)


def execution(function: Function) -> Function:
    """Adds `--provider` and `--require-gpu` of verbs that run ONNX files."""
    for option in (
        click.option(
            "--require-gpu",
            is_flag=True,
            help="Fail where a GPU cannot run the whole model, instead of taking the CPU.",
        ),
        click.option(
            "--provider",
            "providers",
            multiple=True,
            metavar="NAME",
            help="tensorrt, cuda, cpu or a name of ONNX Runtime's; repeat in order of preference. By default "
            "cuda where it starts, else cpu.",
        ),
    ):
        function = option(function)
    return function


def ingest(function: Function) -> Function:
    """Adds `--workers`, `--beam-runner` and `--beam-option`; see `ingest_settings`."""
    for option in (
        click.option(
            "--beam-option",
            "beam_options",
            multiple=True,
            metavar="KEY=VALUE",
            help="An option of that runner, such as flink_master=host:8081.",
        ),
        click.option(
            "--beam-runner",
            metavar="NAME",
            help="Read series on Apache Beam (DirectRunner, FlinkRunner ...) instead of in processes.",
        ),
        click.option(
            "--workers",
            type=click.IntRange(min=1),
            help="Processes that read series; by default one for each usable core.",
        ),
    ):
        function = option(function)
    return function


def ingest_settings(
    workers: int | None, beam_runner: str | None, beam_options: Sequence[str]
) -> dict[str, Any]:
    """Returns the runtime settings that these options stand for.

    Raises:
        click.UsageError: options for a runner that is not named.
    """
    if beam_options and not beam_runner:
        raise click.UsageError("--beam-option is for a --beam-runner.")
    parts = [option.lstrip("-").partition("=") for option in beam_options]
    options = {name: value if equals else True for name, equals, value in parts}
    return {"workers": workers, "beam_runner": beam_runner, "beam_options": options}

"""What verbs that run a pipeline share: their options, and running or planning it."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, TypeVar

import click

from lungnet.cli import options
from lungnet.cli.progress import FollowerProgress, StepProgress
from lungnet.cli.root_file import RootFile
from lungnet.cli.tensorboard import serve_tensorboard
from lungnet.config import Cluster
from lungnet.pipeline import Component, Decision, LocalRunner, Made, Pipeline, follow

Function = TypeVar("Function", bound=Callable[..., Any])


@dataclass(frozen=True)
class Running:
    """How a pipeline is run; nothing here changes results.

    Attributes:
        root: pipeline root.
        metadata: SQLAlchemy URL of the lineage store, or None for the file in the root.
        force: runs steps whose outputs are there already.
        verify: reads every file again instead of trusting size and time.
        wait: for another run on this root to end.
        dry_run: says what would run and why, and runs nothing.
        tensorboard: serves event files meanwhile.
        tensorboard_port: where; None for a free one.
        workers: processes that read series; None for as many as there are usable cores.
        beam_runner: Apache Beam runner that reads series instead.
        beam_options: of that runner, each `KEY=VALUE` or the name of a flag.
    """

    root: Path
    metadata: str | None = None
    force: bool = False
    verify: bool = False
    wait: bool = False
    dry_run: bool = False
    tensorboard: bool = False
    tensorboard_port: int | None = None
    workers: int | None = None
    beam_runner: str | None = None
    beam_options: tuple[str, ...] = ()

    def run(
        self, root_file: RootFile, pipeline: Pipeline, selected: Sequence[Component] | None = None
    ) -> Made | None:
        """Runs the selected components with progress on stderr; returns None where it does not.

        With `dry_run` it prints the plan; a worker that is not the chief of its cluster follows the chief.
        """
        runner = LocalRunner(
            self.root,
            runtime=options.ingest_settings(self.workers, self.beam_runner, self.beam_options),
            on_start=lambda: root_file.write(self.root),
            metadata=self.metadata,
            force=self.force,
            verify=self.verify,
            wait=self.wait,
        )
        if self.dry_run:
            _print_plan(runner.plan(pipeline, selected))
            return None
        distribution = pipeline.config.distribution
        if distribution.strategy == "multi_worker" and not (cluster := Cluster.from_environment()).is_chief:
            with FollowerProgress(cluster) as follower:
                follow(self.root, distribution.timeout_s, follower.begin)
            return None
        steps = len(pipeline.components if selected is None else selected)
        with self._watched(), StepProgress(steps) as progress:
            return replace(runner, on_step=progress.begin).run(pipeline, selected)

    @contextmanager
    def _watched(self) -> Iterator[None]:
        """Serves what the run logs, if wanted, and says where."""
        if not self.tensorboard and self.tensorboard_port is None:
            yield
            return
        with serve_tensorboard(self.root / "tensorboard", self.tensorboard_port) as url:
            click.echo(f"TensorBoard  {url}", err=True)
            yield


def running(root: str) -> Callable[[Function], Function]:
    """Adds the options of `Running`, with this default for `--root`; see `from_options`."""

    def decorate(function: Function) -> Function:
        for option in (
            click.option(
                "--tensorboard-port",
                type=click.IntRange(1, 65535),
                metavar="PORT",
                help="Its port on 127.0.0.1 instead of 6006 or the next free one; implies --tensorboard.",
            ),
            click.option(
                "--tensorboard",
                is_flag=True,
                help="Serve curves, images and clusters while they come into being.",
            ),
            options.ingest,
            click.option("--dry-run", is_flag=True, help="Say what would run and why, and run nothing."),
            click.option("--wait", is_flag=True, help="Wait for another run on this root to end."),
            click.option(
                "--verify", is_flag=True, help="Read every file again instead of trusting its size and time."
            ),
            click.option("--force", is_flag=True, help="Run also what is there already."),
            options.metadata,
            click.option(
                "--root",
                type=click.Path(path_type=Path, file_okay=False),
                default=root,
                show_default=True,
                help="Folder of everything that the run makes.",
            ),
        ):
            function = option(function)
        return function

    return decorate


def from_options(given: dict[str, Any]) -> Running:
    """Takes what belongs to `Running` out of a command's keyword arguments."""
    known = {one.name for one in fields(Running)} & set(given)
    return Running(**{name: given.pop(name) for name in known})


def _print_plan(decisions: Sequence[Decision]) -> None:
    for decision in decisions:
        why = f"runs: {'; '.join(decision.reasons)}" if decision.runs else "cached"
        click.echo(f"{decision.component.id}: {why}")
    count = sum(decision.runs for decision in decisions)
    click.echo(f"{count} of {len(decisions)} steps would run.", err=True)

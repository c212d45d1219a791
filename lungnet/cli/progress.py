"""Progress of a pipeline on stderr: bars on a terminal, one line a step elsewhere."""

import time
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from lungnet.cli.quiet import import_tensorflow
from lungnet.config import Cluster
from lungnet.pipeline import FIRST_RUN, Decision, ProgressFunction, no_progress

#: Fewer seconds between two updates would cost more than they show.
_MIN_INTERVAL_S = 0.1
#: A dry run shows all of them.
_SHOWN_REASONS = 3


class StepProgress:
    """Context manager whose `begin` is a runner's `on_step`.

    Args:
        steps: number of steps to come.
        console: where to draw; stderr by default.
    """

    def __init__(self, steps: int, console: Console | None = None) -> None:
        self.console = console or Console(stderr=True)
        self.steps = steps
        self.number = 0
        self.seconds: dict[str, float] = {}
        self._name = ""
        self._started = 0.0
        self._task: TaskID | None = None
        self._bars = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("[dim]{task.fields[text]}"),
            console=self.console,
            transient=True,
            disable=not self.console.is_terminal,
        )

    def __enter__(self) -> "StepProgress":
        self._bars.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            self._finish()
        self._bars.stop()

    def begin(self, decision: Decision) -> ProgressFunction:
        """Ends the step before and begins this one; returns what its executor reports to."""
        self._finish()
        self.number += 1
        self._name = decision.component.id
        if not decision.runs:
            self._print("cached")
            return no_progress
        if any(reason != FIRST_RUN for reason in decision.reasons):
            more = len(decision.reasons) - _SHOWN_REASONS
            shown = [*decision.reasons[:_SHOWN_REASONS], *([f"{more} more changes"] if more > 0 else [])]
            self._print(f"runs, because {'; '.join(shown)}")
        import_tensorflow()
        self._started = time.monotonic()
        task = self._bars.add_task(f"[{self.number}/{self.steps}] {self._name}", total=None, text="")
        self._task = task
        last = 0.0

        def report(done: int, total: int, text: str) -> None:
            nonlocal last
            now = time.monotonic()
            if now - last >= _MIN_INTERVAL_S or done == total:
                last = now
                self._bars.update(task, completed=done, total=total, text=text)

        return report

    def _finish(self) -> None:
        if self._task is None:
            return
        self._bars.remove_task(self._task)
        self._task = None
        seconds = self.seconds[self._name] = time.monotonic() - self._started
        self._print(f"{seconds:.1f} s")

    def _print(self, text: str) -> None:
        line = f"[{self.number}/{self.steps}] {self._name}: {text}"
        self.console.print(line, markup=False, highlight=False, soft_wrap=True)


class FollowerProgress:
    """Context manager whose `begin` is the `on_step` of `lungnet.pipeline.follow`: a line a step on stderr.

    Args:
        cluster: whose chief is followed.
        console: where to print; stderr by default.
    """

    def __init__(self, cluster: Cluster, console: Console | None = None) -> None:
        self._console = console or Console(stderr=True)
        self._cluster = cluster

    def __enter__(self) -> "FollowerProgress":
        self._print(f"follows the chief, {self._cluster.workers[0]}")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            self._print("the chief's run has ended")

    def begin(self, component_id: str) -> ProgressFunction:
        """Says which step has begun."""
        self._print(f"does its part of {component_id}")
        return no_progress

    def _print(self, text: str) -> None:
        line = f"Worker {self._cluster.index} of {len(self._cluster.workers)}: {text}"
        self._console.print(line, markup=False, highlight=False, soft_wrap=True)

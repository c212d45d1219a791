"""What runs tasks: this process, a pool of processes, or Apache Beam."""

import contextlib
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import TracebackType
from typing import Any, Protocol

from lungnet.cores import usable_cores
from lungnet.errors import InputError
from lungnet.pipeline.executor import ProgressFunction, no_progress
from lungnet.pipeline.tasks import Task, TaskResults, perform

#: For `ComponentSpec.runtime` of a component whose executor uses an engine.
#: `workers`: processes, 1 for this process alone; None for as many as there are usable cores, as soon as
#: more work is left than they take to start.
#: `beam_runner`: name of an Apache Beam runner that takes their place. `beam_options`: its options.
ENGINE_SETTINGS: Mapping[str, Any] = {"workers": None, "beam_runner": None, "beam_options": {}}

#: So much work in this process is worth starting others, which takes each of them most of a second.
_WORTH_WORKERS_S = 2.0


class _Crew(Protocol):
    def run(
        self, function: str, tasks: Iterator[Task], results: TaskResults, one_done: Callable[[], None]
    ) -> None: ...


class Engine:
    """Runs tasks; a context manager, whose processes wait for more tasks until it ends.

    Args:
        runtime: see `ENGINE_SETTINGS`; other settings are not looked at.
        progress: told how many tasks are done.

    Raises:
        InputError: a setting is wrong, or Beam or its runner is not installed.

    Example:
        >>> with Engine({"workers": 4}) as engine:                                     # doctest: +SKIP
        ...     engine.run("package.module:function", tasks, TaskResults(folder), total=len(tasks))
    """

    def __init__(
        self, runtime: Mapping[str, Any] | None = None, progress: ProgressFunction = no_progress
    ) -> None:
        settings = {**ENGINE_SETTINGS, **(runtime or {})}
        self._progress = progress
        self._stack = contextlib.ExitStack()
        self._crew: _Crew = _ThisProcess()
        self._alone = settings["workers"] is None and not settings["beam_runner"]
        workers = _workers(settings["workers"])
        if settings["beam_runner"]:
            from lungnet.pipeline.beam_engine import BeamPipelines

            self._crew = BeamPipelines(settings["beam_runner"], settings["beam_options"] or {})
        elif workers > 1:
            from lungnet.pipeline.process_pool import ProcessPool

            self._crew = self._stack.enter_context(ProcessPool(workers))

    def __enter__(self) -> "Engine":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    def run(
        self, function: str, tasks: Iterable[Task], results: TaskResults, *, total: int, text: str = ""
    ) -> None:
        """Runs the tasks whose results are not there yet.

        Args:
            function: as `lungnet.pipeline.tasks.perform` takes it.
            tasks: drawn one by one, as there is somebody to take them.
            results: where the results go; all of them are there when this returns.
            total: how many tasks there are, for the progress.
            text: what is being done, for the progress.

        Raises:
            InputError: a worker was killed; the message says at which task. Or what a task raises.
            OSError: what a task raises.
        """
        done = 0

        def one_done() -> None:
            nonlocal done
            done += 1
            self._progress(done, total, text)

        def waiting() -> Iterator[Task]:
            for task in tasks:
                if task.key in results:
                    one_done()
                else:
                    yield task

        self._progress(done, total, text)
        undone = waiting()
        if self._alone:
            self._alone = _begin(function, undone, results, one_done, lambda: total - done)
        self._crew.run(function, undone, results, one_done)


def _begin(
    function: str,
    tasks: Iterator[Task],
    results: TaskResults,
    one_done: Callable[[], None],
    left: Callable[[], int],
) -> bool:
    """Runs tasks in this process until much work is left; returns whether there was little."""
    warm: list[float] = []  # when a task ended: what the first one took says little of the others
    for task in tasks:
        perform(function, task, results)
        one_done()
        warm.append(time.monotonic())
        if len(warm) > 1 and (warm[-1] - warm[0]) / (len(warm) - 1) * left() > _WORTH_WORKERS_S:
            return False
    return True


class _ThisProcess:
    def run(
        self, function: str, tasks: Iterator[Task], results: TaskResults, one_done: Callable[[], None]
    ) -> None:
        for task in tasks:
            perform(function, task, results)
            one_done()


def _workers(wanted: Any) -> int:
    if wanted is None:
        return usable_cores()
    if isinstance(wanted, bool) or not isinstance(wanted, int) or wanted < 1:
        raise InputError(f"workers must be a whole number of at least 1. Received: {wanted!r}")
    return wanted

"""Tasks in several processes on this machine."""

import contextlib
import json
import signal
import socket
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection, wait
from types import TracebackType

from lungnet.errors import InputError
from lungnet.pipeline.tasks import Task, TaskResults
from lungnet.pipeline.worker_process import message, reraise, start


class ProcessPool:
    """Worker processes; each has one task at a time and is given the next when that is done.

    They are started as they are needed and wait for further tasks until the context ends.

    Args:
        workers: processes at most.
    """

    def __init__(self, workers: int) -> None:
        self._most = workers
        self._workers: list[_Worker] = []

    def __enter__(self) -> "ProcessPool":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for worker in self._workers:
            worker.end()

    def run(
        self, function: str, tasks: Iterator[Task], results: TaskResults, one_done: Callable[[], None]
    ) -> None:
        """Runs tasks and returns when all are done.

        Args:
            function: as `lungnet.pipeline.tasks.perform` takes it.
            tasks: drawn one ahead of the workers, never more.
            results: where the results go.
            one_done: called after each task.

        Raises:
            InputError: a worker was killed; the message names its task. Or what a task raises.
            OSError: what a task raises.
            RuntimeError: any other error of a task.
        """
        idle = list(self._workers)
        busy: dict[object, _Worker] = {}
        for task in tasks:
            if idle:
                worker = idle.pop()
            elif len(self._workers) < self._most:
                worker = _Worker()
                self._workers.append(worker)
            else:
                worker = _next_done(busy)
                one_done()
            worker.give(function, task, results)
            busy[worker.connection] = worker
        while busy:
            _next_done(busy)
            one_done()


def _next_done(busy: "dict[object, _Worker]") -> "_Worker":
    """Waits until a worker has done its task, and takes it off the busy ones."""
    ready = wait([worker.connection for worker in busy.values()])[0]
    worker = busy.pop(ready)
    worker.finish()
    return worker


class _Worker:
    """One process, and what it is at."""

    def __init__(self) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            self.connection = Connection(ours.detach())
            self._process = start(theirs.fileno())
        self._label = ""

    def give(self, function: str, task: Task, results: TaskResults) -> None:
        self._label = task.label
        with self._death_told():
            self.connection.send_bytes(message(function, task, results))

    def finish(self) -> None:
        """Waits for the end of the task; raises what went wrong with it."""
        with self._death_told():
            reply = json.loads(self.connection.recv_bytes())
        reraise(reply, self._label)

    def end(self) -> None:
        """Ends the process at once; what it has not finished is not there."""
        self.connection.close()
        self._process.kill()
        self._process.wait()

    @contextlib.contextmanager
    def _death_told(self) -> Iterator[None]:
        try:
            yield
        except (EOFError, ConnectionError) as error:
            raise InputError(_cause_of_death(self._process.wait(), self._label)) from error


def _cause_of_death(status: int, label: str) -> str:
    if status == -signal.SIGKILL:
        return (
            f"The worker on {label} was killed (SIGKILL), as happens when memory runs out; run again with "
            "fewer workers (--workers) or more memory: what was done is kept."
        )
    how = f"was ended by {signal.Signals(-status).name}" if status < 0 else f"ended with status {status}"
    return f"The worker on {label} {how}; run again to go on: what was done is kept."

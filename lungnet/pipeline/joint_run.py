"""How machines that share a pipeline root find each other: the chief runs the pipeline, the others follow it.

The chief's file `<root>/.system/joint_run.json` says which run is under way and which joint step it is at. It
is written anew every few seconds, so that a run that was killed can be told from one that takes its time.
"""

import contextlib
import json
import secrets
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from lungnet.config import Cluster, Config
from lungnet.errors import InputError
from lungnet.files import write_text
from lungnet.pipeline.executor import ExecutorContext, ProgressFunction
from lungnet.pipeline.joint_process import JointProcess
from lungnet.pipeline.joint_step import JointStep, Order
from lungnet.pipeline.layout import Layout
from lungnet.pipeline.remote_step import sources_digest

_NAME = "joint_run.json"
_RUNNING, _ENDED, _FAILED = "running", "ended", "failed"

#: Between two signs of life of the chief.
BEAT_S = 2.0
#: Between two looks at the chief's file.
_LOOK_S = 0.2


class Chief:
    """Says what this run is at; a context manager for the whole of it.

    Args:
        system: `Layout.system` of the root, which this run holds the lock of.
    """

    def __init__(self, system: Path) -> None:
        self._path, self._run = system / _NAME, secrets.token_hex(8)
        self._beat, self._state = 0, _RUNNING
        self._step: JointStep | None = None
        self._lock, self._over = threading.Lock(), threading.Event()
        self._thread = threading.Thread(target=self._keep_telling, daemon=True)

    def __enter__(self) -> Self:
        self._tell()
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._over.set()
        self._thread.join()
        self._state = _ENDED if kind is None else _FAILED
        with contextlib.suppress(InputError, OSError):  # the followers will miss the signs of life
            self._tell()

    def perform(self, order: Order, progress: ProgressFunction) -> dict[str, dict[str, Any]]:
        """Does a step in a process of its own while the followers do their part.

        Returns:
            The properties of each output.

        Raises:
            InputError, OSError, RuntimeError: as `JointProcess.wait`.
        """
        with self.inviting(order.step), JointProcess(order) as process:
            return process.wait(progress) or {}

    @contextlib.contextmanager
    def inviting(self, step: JointStep) -> Iterator[None]:
        """Invites the followers to a step until the context ends."""
        self._step = step
        self._tell()
        try:
            yield
        finally:
            self._step = None
            with contextlib.suppress(InputError, OSError):
                self._tell()

    def _keep_telling(self) -> None:
        while not self._over.wait(BEAT_S):
            with contextlib.suppress(InputError, OSError):
                self._tell()

    def _tell(self) -> None:
        with self._lock:
            self._beat += 1
            step = None if self._step is None else self._step.model_dump(mode="json")
            values = {"run": self._run, "beat": self._beat, "state": self._state, "step": step}
            write_text(self._path, json.dumps(values))


@contextlib.contextmanager
def leading(layout: Layout, config: Config) -> Iterator[Chief | None]:
    """Gives the chief of a run whose training is distributed over machines, None for any other run.

    Raises:
        InputError: `TF_CONFIG` is not what it should be, or this process is not its chief.
    """
    if config.distribution.strategy != "multi_worker":
        yield None
        return
    cluster = Cluster.from_environment()
    if not cluster.is_chief:
        raise InputError(
            f"TF_CONFIG says that this is worker {cluster.index}, and only the chief runs a pipeline; "
            "expected lungnet run or lungnet step, which follow the chief."
        )
    with Chief(layout.system) as chief:
        yield chief


@dataclass
class _Sight:
    """What a follower has seen of the chief."""

    path: Path
    message: dict[str, Any] | None = None
    seen: float = 0.0
    alive: bool = False
    absent: bool = False

    def look(self) -> None:
        """Looks once more. Only what changes is a sign of life: the file may be that of a run long ago.

        A file that was not there before is a sign, whatever it says: a run may fail at once.
        """
        message: dict[str, Any] | None = None
        with contextlib.suppress(OSError, ValueError):
            message = json.loads(self.path.read_text("utf-8"))
        if message is None:
            self.absent = True
            return
        if self.message is None and not self.absent:
            self.message = message
        elif self.message is None or any(message[key] != self.message[key] for key in ("run", "beat")):
            self.message, self.seen, self.alive = message, time.monotonic(), True

    @property
    def silent_s(self) -> float:
        return time.monotonic() - self.seen

    def step(self) -> dict[str, Any] | None:
        """The joint step that the chief is at."""
        if not self.alive or self.message is None or self.message["state"] != _RUNNING:
            return None
        found: dict[str, Any] | None = self.message["step"]
        return found


def follow(root: Path, patience_s: float, on_step: Callable[[str], ProgressFunction]) -> None:
    """Does this machine's part of every joint step of the chief's run, and returns when that has ended.

    What this machine's executors write is thrown away.

    Args:
        root: pipeline root, the same folder as the chief's.
        patience_s: how long the chief may be silent.
        on_step: called with the component's id before its step; returns what its executor reports to.

    Raises:
        InputError: no run begins or the chief falls silent, the chief's run fails, this machine has another
            lungnet, or what an executor says of its input.
    """
    sight = _Sight(Layout(root).system / _NAME, seen=time.monotonic())
    done: set[tuple[str, int]] = set()
    while True:
        sight.look()
        if sight.silent_s > patience_s:
            what = "The chief has been silent" if sight.alive else f"No run has begun in {root}"
            raise InputError(
                f"{what} for {patience_s:g} s; expected the same command on the chief, with the same --root "
                "on a file system that all machines share."
            )
        state = sight.message["state"] if sight.alive and sight.message else _RUNNING
        if state == _ENDED:
            return
        if state == _FAILED:
            raise InputError("The chief's run did not end well; its own message says why.")
        if (described := sight.step()) and sight.message:
            run, step = sight.message["run"], JointStep.model_validate(described)
            if (run, step.number) not in done:
                done.add((run, step.number))
                _take_part(root, step, sight, patience_s, on_step(step.component_id))
        time.sleep(_LOOK_S)


def _take_part(
    root: Path, step: JointStep, sight: _Sight, patience_s: float, progress: ProgressFunction
) -> None:
    """Does a step until the chief has done it."""
    if sources_digest(step.executor) != step.sources:
        raise InputError(
            f"{step.component_id}: this machine has another lungnet than the chief; "
            "expected the same sources."
        )

    def goes_on() -> bool:
        sight.look()
        present = sight.step()
        return present is not None and present["number"] == step.number and sight.silent_s <= patience_s

    with tempfile.TemporaryDirectory(prefix="lungnet-worker-") as folder:
        work, checkpoints, tensorboard = (Path(folder, name) for name in ("work", "checkpoints", "board"))
        outputs = {key: Path(folder, "outputs", key) for key in step.outputs}
        for path in (work, checkpoints, tensorboard, *outputs.values()):
            path.mkdir(parents=True)
        context = ExecutorContext(work, checkpoints, tensorboard, step.seed)
        with JointProcess(Order.of(step, root, outputs, context)) as process:
            if process.wait(progress, goes_on) is not None:
                while goes_on():  # the process stays: the chief could not tell its leaving from its loss
                    time.sleep(_LOOK_S)

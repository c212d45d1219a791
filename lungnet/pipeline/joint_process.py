"""The process in which a machine does its part of a joint step.

TensorFlow joins other machines before it does anything else, and once in a process. So every joint step has a
process of its own, on the chief too; it ends when the one that started it is gone.
"""

import json
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Any, Self

from lungnet.errors import InputError
from lungnet.pipeline.executor import ProgressFunction
from lungnet.pipeline.held_back import stderr_held_back
from lungnet.pipeline.import_path import load_class
from lungnet.pipeline.joint_step import Order
from lungnet.pipeline.worker_process import attempt, reraise, start

#: Between two looks at what else may have happened.
_LOOK_S = 0.2


class JointProcess:
    """Does a joint step in a process of its own; a context manager, at whose end the process is ended.

    Args:
        order: what to do.
    """

    def __init__(self, order: Order) -> None:
        self._name = order.step.component_id
        ours, theirs = socket.socketpair()
        with theirs:
            self._connection = Connection(ours.detach())
            self._process = start(theirs.fileno(), f"{__name__}:serve", {})
        self._connection.send_bytes(order.model_dump_json().encode())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._connection.close()
        self._process.kill()
        self._process.wait()

    def wait(
        self, progress: ProgressFunction, goes_on: Callable[[], bool] = lambda: True
    ) -> dict[str, dict[str, Any]] | None:
        """Waits for the end of the step.

        Args:
            progress: told what the executor reports.
            goes_on: asked now and then; once it says no, the end is not waited for.

        Returns:
            The properties of each output, or None if the end was not waited for.

        Raises:
            InputError: the process was killed, or what the executor says of its input.
            OSError: what the executor raises.
            RuntimeError: any other error of the executor.
        """
        while goes_on():
            try:
                if not self._connection.poll(_LOOK_S):
                    continue
                told = json.loads(self._connection.recv_bytes())
            except (EOFError, ConnectionError) as error:
                raise InputError(self._cause_of_death()) from error
            if "progress" in told:
                progress(*told["progress"])
                continue
            reraise(told["failure"], self._name)
            made: dict[str, dict[str, Any]] = told["properties"]
            return made
        return None

    def _cause_of_death(self) -> str:
        status = self._process.wait()
        how = f"was ended by {signal.Signals(-status).name}" if status < 0 else f"ended with status {status}"
        return f"{self._name}: the process that trains {how}; run again to go on from the last checkpoint."


def serve(descriptor: int) -> None:
    """Does what it is told through the socket, says what became of it, and stays until the socket closes.

    Workers that have done their part wait for the chief, who could not tell their leaving from their loss.
    """
    logging.basicConfig(format="lungnet: %(message)s", level=logging.WARNING, stream=sys.stderr)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    for noisy in ("tensorflow", "absl"):
        logging.getLogger(noisy).setLevel(logging.ERROR)
    parent = Connection(descriptor)
    order = Order.from_json(parent.recv_bytes())
    gone = threading.Thread(target=_leave_with, args=(parent,), daemon=True)
    gone.start()
    made: dict[str, Any] = {}

    def report(done: int, total: int, text: str) -> None:
        parent.send_bytes(json.dumps({"progress": [done, total, text]}).encode())

    def perform() -> None:
        with stderr_held_back():
            load_class(order.step.executor)
        made.update(order.perform(report))

    failure = attempt(perform)
    parent.send_bytes(json.dumps({"failure": failure, "properties": made}).encode())
    gone.join()


def _leave_with(parent: Connection) -> None:
    """Ends this process, whatever it is at, when the one that started it closes the socket or is gone."""
    try:
        parent.recv_bytes()
    except (EOFError, OSError):
        os._exit(1)

"""A worker: a fresh process that runs one task after the other until nobody gives it any more.

It is started as a program of its own (`start`), not forked: the parent may have TensorFlow loaded, which
neither survives a fork nor has a place in a worker, and what started the parent is not run again.
"""

import json
import os
import subprocess
import sys
import traceback
from collections.abc import Callable, Mapping
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from lungnet.errors import InputError
from lungnet.pipeline.tasks import Task, TaskResults, perform

_SERVE = "lungnet.pipeline.worker_process:serve"
#: Each worker has one core: more threads would take turns on it.
_ONE_THREAD: Mapping[str, str] = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"
)


def start(
    descriptor: int, serve: str = _SERVE, variables: Mapping[str, str] = _ONE_THREAD
) -> "subprocess.Popen[bytes]":
    """Starts a process that is spoken to through a socket.

    Args:
        descriptor: of the process' end of the socket.
        serve: `"module:function"`, which is called with it.
        variables: of the environment, besides this process' own.
    """
    module, _, function = serve.partition(":")
    program = f"import sys; from {module} import {function}; {function}(int(sys.argv[1]))"
    environment = {
        **os.environ,
        **variables,
        # It finds what this process finds, even where lungnet is not installed.
        "PYTHONPATH": os.pathsep.join(entry or str(Path.cwd()) for entry in sys.path),
    }
    return subprocess.Popen(
        [sys.executable, "-P", "-c", program, str(descriptor)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,  # standard output is for the results of the command
        pass_fds=[descriptor],
        process_group=0,  # Ctrl-C is for the parent, which ends its workers
        env=environment,
    )


def serve(descriptor: int) -> None:
    """Answers messages, as `message` makes them, until the socket closes."""
    with Connection(descriptor) as parent:
        try:
            while True:
                job = json.loads(parent.recv_bytes())
                parent.send_bytes(json.dumps(_perform(**job)).encode())
        except (EOFError, ConnectionError):  # the parent is done with us, or gone
            return


def message(function: str, task: Task, results: TaskResults) -> bytes:
    """Returns what a worker is told to do."""
    job = {"function": function, "task": vars(task), "folder": str(results.folder)}
    return json.dumps(job).encode()


def _perform(function: str, task: dict[str, Any], folder: str) -> dict[str, Any]:
    return attempt(lambda: perform(function, Task(**task), TaskResults(Path(folder))))


def attempt(work: Callable[[], None]) -> dict[str, Any]:
    """Does something; an error becomes data from which `reraise` makes it again. Empty if there was none."""
    try:
        work()
    except InputError as error:
        return {"error": "input", "message": str(error)}
    except OSError as error:
        return {"error": "system", "arguments": [error.errno, error.strerror, error.filename]}
    except Exception:
        return {"error": "defect", "message": traceback.format_exc()}
    return {}


def reraise(reply: dict[str, Any], label: str) -> None:
    """Raises what a task raised in a worker, if it did.

    Raises:
        InputError, OSError: the same as there.
        RuntimeError: any other error; the message holds its traceback.
    """
    if not reply:
        return
    if reply["error"] == "input":
        raise InputError(reply["message"])
    if reply["error"] == "system":
        raise OSError(*reply["arguments"])
    raise RuntimeError(f"A worker failed on {label}:\n{reply['message']}")

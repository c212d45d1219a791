"""`--tensorboard`: TensorBoard beside a run, for as long as the run goes on."""

import http.client
import importlib.util
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

import lungnet
from lungnet.errors import InputError

#: It serves nobody but this machine.
HOST = "127.0.0.1"
#: TensorBoard answers after one or two seconds; a busy disk may need longer.
START_TIMEOUT_S = 120.0
#: What it is given to end by itself before it is killed.
STOP_TIMEOUT_S = 5.0

_ADDRESS = re.compile(r"^TensorBoard \S+ at (http://\S+)", re.MULTILINE)


@contextmanager
def serve_tensorboard(logdir: Path, port: int | None = None) -> Iterator[str]:
    """Runs TensorBoard in a process of its own during the block and gives its address once it answers.

    It listens on the loopback interface alone, and ends with the block: also with an error, with Ctrl-C,
    and (on Linux) when this process is killed.

    Args:
        logdir: folder of event files; it may not exist yet.
        port: to listen on; None takes 6006, or the next one that is free.

    Yields:
        The address, `http://127.0.0.1:PORT/`.

    Raises:
        InputError: TensorBoard is not installed, the port is taken or not permitted, or TensorBoard does
            not start.
    """
    if importlib.util.find_spec("tensorboard") is None:
        raise InputError("TensorBoard is not installed: pip install 'lungnet[train,cpu]'")
    if port is not None:
        _check_port(port)
    command = [sys.executable, "-P", "-m", "lungnet.cli.tensorboard_process", str(os.getpid())]
    command += ["--logdir", str(logdir), "--host", HOST, "--port", str(port or "default")]
    # The process finds this lungnet, wherever this one found it.
    paths = [str(Path(lungnet.__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))}
    with tempfile.TemporaryFile() as printed:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=printed,
            stderr=subprocess.STDOUT,
            env=environment,
            start_new_session=True,  # Ctrl-C is ours to handle
        )
        try:
            yield _wait(process, printed)
        finally:
            _stop(process)


def _check_port(port: int) -> None:
    """Refuses at once what TensorBoard would refuse later and in its own words."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as TensorBoard's own
        try:
            probe.bind((HOST, port))
        except PermissionError as error:
            raise InputError(f"Port {port} needs more rights; choose one above 1023.") from error
        except OSError as error:
            raise InputError(
                f"Port {port} of {HOST} is taken; choose another --tensorboard-port, or leave it out for a "
                "free one."
            ) from error


def _wait(process: subprocess.Popen[bytes], printed: IO[bytes]) -> str:
    """Returns the address that TensorBoard prints, once it answers there."""
    end = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < end:
        code = process.poll()
        text = os.pread(printed.fileno(), 1 << 20, 0).decode("utf-8", "replace")
        found = _ADDRESS.search(text)
        if found and _answers(found[1]):
            return found[1]
        if code is not None:
            last = text.strip().rpartition("\n")[2] or f"exit status {code}"
            raise InputError(f"TensorBoard did not start: {last}")
        time.sleep(0.05)
    raise InputError(f"TensorBoard did not answer within {START_TIMEOUT_S:.0f} s.")


def _answers(url: str) -> bool:
    # Not urllib: it would ask a proxy that the environment names.
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=START_TIMEOUT_S)
    try:
        connection.request("GET", "/data/environment")
        return connection.getresponse().status == http.HTTPStatus.OK
    except OSError:
        return False
    finally:
        connection.close()


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()

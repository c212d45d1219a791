"""A server of several processes, which listen on one port; Linux shares connections out among them."""

import contextlib
import json
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from pathlib import Path

from lungnet.errors import InputError
from lungnet.pipeline.worker_process import start
from lungnet.serving.server.running import log_json_lines, reserve, url_of
from lungnet.serving.server.server_settings import ServerSettings
from lungnet.serving.server.shared_metrics import SharedMetrics
from lungnet.serving.server.starting import check_settings, run_server
from lungnet.serving.server.uploads import UploadFolder

logger = logging.getLogger(__name__)

#: From the end of a worker that was not told to, to the start of its successor.
_PAUSE_SECONDS = 1.0
#: They answer what is under way before they end.
_END_SECONDS = 35.0
#: Between two looks whether they have.
_LOOK_SECONDS = 0.05


def serve_with_workers(settings: ServerSettings, workers: int, on_listening: Callable[[str], None]) -> None:
    """Answers until the process is told to end (SIGINT, SIGTERM); requests under way are answered first.

    A worker that ends by itself is replaced.

    Args:
        settings: of the server.
        workers: processes that answer.
        on_listening: called with the URL once all of them do.

    Raises:
        InputError: they cannot be started, or this is not Linux.
    """
    if sys.platform != "linux":  # elsewhere one of them would get all connections, or none could listen
        raise InputError("Several workers need Linux; expected --workers 1 here.")
    check_settings(settings)
    with (
        _told_to_end() as ended,
        contextlib.closing(UploadFolder(settings.upload_dir)) as private,
        reserve(settings.host, settings.port) as reserved,
    ):
        port = reserved.getsockname()[1]
        log_json_lines()
        team = _Team(settings.model_copy(update={"port": port}), workers, private.new())
        try:
            team.start_all(ended)
            if not ended.signals:
                on_listening(url_of(settings.host, port, settings.tls_cert is not None))
            team.keep(ended)
        finally:
            team.end_all(ended)


@dataclass
class _Ended:
    """What the process was told by signals; `pipe` can be waited for."""

    pipe: socket.socket
    signals: list[int] = field(default_factory=list)


@contextlib.contextmanager
def _told_to_end() -> Iterator[_Ended]:
    """Takes note of SIGINT and SIGTERM, and lets them do in the end what they would have done."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.setblocking(False)
        ended = _Ended(ours)

        def note(number: int, frame: object) -> None:
            ended.signals.append(number)
            with contextlib.suppress(BlockingIOError):
                theirs.send(b"\0")

        before = {one: signal.signal(one, note) for one in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield ended
        finally:
            for one, handler in before.items():
                signal.signal(one, handler)
    if ended.signals:
        signal.raise_signal(ended.signals[0])


class _Worker:
    """One process that answers, or is about to."""

    def __init__(self, settings: ServerSettings, processes: int, shared_folder: Path) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            self.connection = Connection(ours.detach())
            self.process: subprocess.Popen[bytes] = start(theirs.fileno(), f"{__name__}:work", {})
        told = {
            "settings": settings.model_dump(mode="json"),
            "processes": processes,
            "shared_folder": str(shared_folder),
        }
        with contextlib.suppress(ConnectionError):  # it has ended already, which is noticed
            self.connection.send_bytes(json.dumps(told).encode())
        self.ready = False

    def hear(self) -> str | None:
        """Takes the next word; returns why the process ends, None if it answers now."""
        try:
            told = json.loads(self.connection.recv_bytes())
        except (EOFError, ConnectionError):
            self.process.wait()
            return f"A worker ended with the status {self.process.returncode}."
        self.ready = "error" not in told
        return told.get("error")


class _Team:
    """Processes that answer.

    Args:
        settings: of the server.
        count: of processes.
        shared_folder: private to them.
    """

    def __init__(self, settings: ServerSettings, count: int, shared_folder: Path) -> None:
        self._new = lambda: _Worker(settings, count, shared_folder)
        self._count, self._metrics = count, SharedMetrics(shared_folder)
        self._workers: list[_Worker] = []
        self._missing: list[float] = []  # when each is to be replaced

    def start_all(self, ended: _Ended) -> None:
        """Waits until all answer."""
        try:
            for _ in range(self._count):
                self._workers.append(self._new())
        except OSError as error:
            raise InputError(f"Cannot start a worker: {error.strerror or error}.") from error
        while not ended.signals and not all(worker.ready for worker in self._workers):
            for worker in self._heard(ended, None):
                reason = worker.hear()
                if reason is not None:
                    raise InputError(reason)

    def keep(self, ended: _Ended) -> None:
        """Replaces those that end, until the server is to end."""
        while not ended.signals:
            pause = max(0.0, min(self._missing) - time.monotonic()) if self._missing else None
            for worker in self._heard(ended, pause):
                reason = worker.hear()
                if reason is not None:
                    logger.error(reason)
                    self._lose(worker, ended)
            due = [one for one in self._missing if one <= time.monotonic()]
            self._missing = [one for one in self._missing if one not in due]
            for _ in due:
                self._replace()

    def end_all(self, ended: _Ended) -> None:
        """Tells all to end and waits for that; a second signal does not."""
        for worker in self._workers:
            worker.process.terminate()
        _wait_for(self._workers, ended)

    def _heard(self, ended: _Ended, seconds: float | None) -> list[_Worker]:
        by_connection = {worker.connection: worker for worker in self._workers}
        heard = wait([*by_connection, ended.pipe], seconds)
        return [by_connection[one] for one in heard if isinstance(one, Connection)]

    def _replace(self) -> None:
        try:
            self._workers.append(self._new())
        except OSError as error:
            logger.error("Cannot start a worker: %s", error.strerror or error)
            self._missing.append(time.monotonic() + _PAUSE_SECONDS)

    def _lose(self, worker: _Worker, ended: _Ended) -> None:
        worker.process.terminate()
        _wait_for([worker], ended)
        with contextlib.suppress(OSError):  # the counts of one are lost, and nobody's answers
            self._metrics.end(worker.process.pid)
        self._workers.remove(worker)
        self._missing.append(time.monotonic() + _PAUSE_SECONDS)


def _wait_for(workers: Sequence[_Worker], ended: _Ended) -> None:
    """Waits for the end of those that were told; after a while, or at a further signal, they are killed."""
    until, told = time.monotonic() + _END_SECONDS, len(ended.signals)
    while any(worker.process.poll() is None for worker in workers):
        if time.monotonic() > until or len(ended.signals) > max(1, told):
            for worker in workers:
                worker.process.kill()
        time.sleep(_LOOK_SECONDS)
    for worker in workers:
        worker.connection.close()


def work(descriptor: int) -> None:
    """Is one of the processes: hears its settings through a socket, and ends when that closes."""
    parent = Connection(descriptor)

    def ready(url: str) -> None:
        parent.send_bytes(b"{}")
        threading.Thread(target=_end_with, args=(parent,), daemon=True).start()

    with contextlib.suppress(EOFError, ConnectionError):  # the server has ended in the meantime
        told = json.loads(parent.recv_bytes())
        settings = ServerSettings.model_validate(told["settings"])
        try:
            run_server(settings, ready, told["processes"], Path(told["shared_folder"]))
        except InputError as error:
            parent.send_bytes(json.dumps({"error": str(error)}).encode())


def _end_with(parent: Connection) -> None:
    with contextlib.suppress(EOFError, ConnectionError):
        parent.recv_bytes()
    os.kill(os.getpid(), signal.SIGTERM)

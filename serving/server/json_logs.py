"""Logs of one JSON object a line, written so that they cost little and come whole."""

import functools
import json
import logging
import select
import threading
import time
from collections.abc import Iterator, Sequence
from typing import Any, TextIO


class JsonLines(logging.Formatter):
    """One JSON object a line: time, level, logger, message, and what `extra={"told": {...}}` adds."""

    def format(self, record: logging.LogRecord) -> str:
        """Returns the line."""
        told: dict[str, Any] = getattr(record, "told", {})
        if record.exc_info:
            told = {**told, "error": self.formatException(record.exc_info)}
        second, same = _second(int(record.created)), _same(record.levelname, record.name, record.getMessage())
        further = "".join([f', "{key}": {_json(value)}' for key, value in told.items()])
        return f'{{"time": "{second}.{int(record.msecs):03d}Z", {same}{further}}}'


def _json(value: Any) -> str:
    """As `json.dumps`, which builds an encoder each time."""
    if type(value) is str:
        return _quoted(value)
    return repr(value) if type(value) in _NUMBERS else json.dumps(value)


#: None of them is infinite.
_NUMBERS = (int, float)
#: Routes and versions are few.
_quoted = functools.lru_cache(maxsize=256)(json.dumps)


@functools.lru_cache(maxsize=256)
def _same(level: str, name: str, message: str) -> str:
    return json.dumps({"level": level.lower(), "logger": name, "message": message})[1:-1]


@functools.lru_cache(maxsize=1)
def _second(since_1970: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(since_1970))


class SoonWritten(logging.StreamHandler[TextIO]):
    """Writes lines a moment later, all at once; warnings and worse, and what came before them, at once."""

    #: That a line may wait.
    SECONDS = 0.1

    def __init__(self) -> None:
        super().__init__()
        self._lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Takes a line."""
        try:
            self._lines.append(self.format(record) + self.terminator)
        except Exception:
            self.handleError(record)
            return
        if record.levelno >= logging.WARNING:
            self.flush()
        elif len(self._lines) == 1:
            timer = threading.Timer(self.SECONDS, self.flush)
            timer.daemon = True
            timer.start()

    def flush(self) -> None:
        """Writes what there is; logging does so at the end of the process."""
        self.acquire()
        try:
            lines, self._lines = self._lines, []
            for text in _in_pieces(lines):
                self.stream.write(text)
                super().flush()
        finally:
            self.release()


def flush_logs() -> None:
    """Writes what waits to be written: a process that ends by a signal does not do so by itself."""
    for handler in logging.getLogger().handlers:
        handler.flush()


def _in_pieces(lines: Sequence[str]) -> Iterator[str]:
    """Joins lines into texts that a pipe takes in one piece, also while other processes write to it.

    It does not promise that of a line that is longer, such as an error with all that led to it.
    """
    held: list[str] = []
    size = 0
    for line in lines:
        if held and size + len(line) > select.PIPE_BUF:
            yield "".join(held)
            held, size = [], 0
        held.append(line)
        size += len(line)  # JSON is ASCII
    if held:
        yield "".join(held)

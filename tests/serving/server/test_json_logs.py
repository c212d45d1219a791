"""Logs are whole lines of JSON, and quote nothing."""

import io
import json
import logging
import select
import warnings

import pytest

from lungnet.serving.server.json_logs import JsonLines, SoonWritten
from lungnet.serving.server.running import log_json_lines


def test_warnings_may_quote_a_patient(capfd: pytest.CaptureFixture[str]):
    root = logging.getLogger()
    before = root.handlers[:], root.level
    try:
        with warnings.catch_warnings():
            log_json_lines()
            warnings.warn("Geheim^Rat", UserWarning, stacklevel=1)
            logging.getLogger("lungnet").info("told")
        assert capfd.readouterr().err == ""  # a moment later, with others
        root.handlers[0].flush()
        told = capfd.readouterr().err
        logging.getLogger("lungnet").info("first")
        logging.getLogger("lungnet").warning("second")
    finally:
        root.handlers[:], root.level = before
        for name in ("lungnet", "uvicorn"):
            logging.getLogger(name).setLevel(logging.NOTSET)
    assert json.loads(told)["message"] == "told" and "Geheim" not in told
    assert [json.loads(line)["message"] for line in capfd.readouterr().err.splitlines()] == [
        "first",
        "second",
    ]


def test_an_error_stays_on_its_line():
    try:
        raise RuntimeError("two\nlines")
    except RuntimeError as error:
        record = logging.LogRecord("x", logging.ERROR, "", 0, "failed", None, (type(error), error, None))
    line = JsonLines().format(record)
    assert "\n" not in line and "two\nlines" in json.loads(line)["error"]


def test_lines_reach_a_pipe_whole_while_others_write_to_it():
    class Pipe(io.StringIO):
        def __init__(self) -> None:
            super().__init__()
            self.pieces: list[str] = []

        def write(self, text: str) -> int:
            self.pieces.append(text)
            return len(text)

    handler = SoonWritten()
    handler.stream = pipe = Pipe()
    for number in range(100):
        handler.emit(logging.LogRecord("x", logging.INFO, "", 0, f"{number:03d}" + 90 * "x", (), None))
    handler.flush()
    assert all(len(piece) <= select.PIPE_BUF and piece.endswith("\n") for piece in pipe.pieces)
    assert [line[:3] for line in "".join(pipe.pieces).splitlines()] == [f"{n:03d}" for n in range(100)]

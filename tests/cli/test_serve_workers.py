"""`lungnet serve --workers`: several processes, one server."""

import errno
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip("fastapi", reason="no FastAPI here: pip install 'lungnet[server]'")

import onnx

from lungnet.cli import serve_workers
from lungnet.cli.main import cli
from lungnet.errors import InputError
from lungnet.serving.server.server_settings import ServerSettings
from tests.cli.serving_process import ask, serving, write_constant
from tests.serving.conftest import build_model, never_runs

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux shares connections out")

INFER = "/v2/models/classifier/infer"
BODY = json.dumps(
    {"inputs": [{"name": "patches_hu", "datatype": "INT16", "shape": [1, 40, 40], "data": [0] * 1600}]}
).encode()


def workers_of(process: subprocess.Popen[str]) -> set[int]:
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text()
    return set(map(int, children.split()))


def eventually(condition: Callable[[], object]) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def scrape(url: str) -> str:
    connection = http.client.HTTPConnection(url.split("//")[1], timeout=30)
    try:
        connection.request("GET", "/metrics")
        return connection.getresponse().read().decode()
    finally:
        connection.close()


def answered(url: str) -> int:
    found = re.search(r'requests_total\{method="POST",route="[^"]*infer",status="200"\} (\d+)', scrape(url))
    return int(found[1]) if found else 0


def test_workers_are_one_server(tmp_path: Path):
    write_constant(tmp_path / "models" / "3" / "classifier.onnx")
    uploads = tmp_path / "uploads"
    options = ["--workers", "2", "--model-dir", str(tmp_path / "models"), "--reload-seconds", "0.2"]
    with serving(*options, "--upload-dir", str(uploads)) as (url, process):
        first = workers_of(process)
        assert len(first) == 2
        for _ in range(30):  # each on a connection of its own
            assert ask(url, INFER, BODY)["model_version"] == "3"
        eventually(lambda: answered(url) == 30)

        write_constant(tmp_path / "models" / "4" / "classifier.onnx")
        eventually(lambda: "lungnet_model_version 4.0" in scrape(url))  # the least of all
        assert {ask(url, INFER, BODY)["model_version"] for _ in range(20)} == {"4"}
        eventually(lambda: answered(url) == 50)

        time.sleep(1.5)  # by now each has left for the others what it has counted
        os.kill(min(first), signal.SIGKILL)
        eventually(lambda: len(workers_of(process)) == 2 and workers_of(process) != first)
        new = max(workers_of(process) - first)
        eventually(lambda: list(uploads.rglob(f"{new}.live")))
        for _ in range(20):
            assert ask(url, INFER, BODY)["model_version"] == "4"
        eventually(lambda: answered(url) == 70)  # those of the one that is no more count as well
        now = workers_of(process)
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == -signal.SIGTERM
    lines = [json.loads(line) for line in errors.splitlines()]
    assert sum(line["message"] == "A worker ended with the status -9." for line in lines) == 1
    assert not any(Path(f"/proc/{pid}").exists() for pid in now | first)
    assert not list(uploads.glob("server-*/*"))


def test_workers_end_with_the_server(model_dir: Path):
    with serving("--workers", "2", "--model-dir", str(model_dir)) as (_, process):
        started = workers_of(process)
        process.kill()
        process.communicate()
        eventually(lambda: not any(Path(f"/proc/{pid}/cmdline").exists() for pid in started))


def test_an_interrupted_server_ends_all(model_dir: Path):
    with serving("--workers", "2", "--model-dir", str(model_dir)) as (url, process):
        assert ask(url, INFER, BODY)["outputs"][0]["data"] == [0.5]
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert errors.splitlines()[-1].startswith("lungnet: interrupted") and "Traceback" not in errors


def test_workers_that_cannot_start_are_one_sentence(tmp_path: Path):
    onnx.save(never_runs(build_model()), tmp_path / "classifier.onnx")
    command = [sys.executable, "-m", "lungnet", "serve", "--model-dir", str(tmp_path), "--port", "0"]
    ended = subprocess.run([*command, "--workers", "2"], capture_output=True, text=True, timeout=60)
    assert ended.returncode == 1
    last = ended.stderr.splitlines()[-1]
    assert last.startswith(f"lungnet: ONNX Runtime cannot run {tmp_path / 'classifier.onnx'}: ")
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize("workers", ["1", "2"])
def test_an_address_that_is_taken_is_said(model_dir: Path, untouched_logging: None, workers: str):
    with serving("--model-dir", str(model_dir), "--workers", workers) as (url, _):
        port = url.rsplit(":", 1)[1]
        for count in ("1", "2"):
            asked = ["serve", "--model-dir", str(model_dir), "--port", port, "--workers", count]
            with pytest.raises(InputError, match=f"Cannot listen on 127.0.0.1 port {port}: Address already"):
                cli.main(asked, standalone_mode=False)


def test_a_second_interrupt_does_not_wait(model_dir: Path):
    with serving("--workers", "2", "--model-dir", str(model_dir)) as (url, process):
        host, port = url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port))) as half:
            half.sendall(f"POST {INFER} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n{{".encode())
            time.sleep(0.5)  # it is being read
            process.send_signal(signal.SIGINT)
            with pytest.raises(subprocess.TimeoutExpired):
                process.wait(1.5)
            process.send_signal(signal.SIGINT)
            process.wait(10)
    assert process.returncode == 130


def test_a_worker_that_cannot_be_started_is_tried_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, tmp_path: Path
):
    team = serve_workers._Team(ServerSettings(), 2, tmp_path)

    def refused(*arguments: object) -> None:
        raise BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")

    monkeypatch.setattr(serve_workers, "start", refused)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ended = serve_workers._Ended(ours)
        with pytest.raises(InputError, match="Cannot start a worker: Resource temporarily unavailable"):
            team.start_all(ended)
        team._missing = [0.0]

        def end() -> None:
            ended.signals.append(signal.SIGTERM)
            theirs.send(b".")

        threading.Timer(0.5, end).start()
        team.keep(ended)
    assert len(team._missing) == 1 and "Cannot start a worker" in caplog.text

"""A server in a thread of the test, on a free port of this machine."""

import http.client
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

pytest.importorskip("fastapi", reason="no FastAPI here: pip install 'lungnet[server]'")

import uvicorn

from lungnet.serving.server import Access, ModelStore, ServerLimits, build_app
from lungnet.serving.server.running import configure, listen
from lungnet.serving.server.scanning import Scanning
from lungnet.serving.server.service import Service


@dataclass(frozen=True)
class Reply:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Running:
    """A server that answers."""

    port: int
    service: Service

    def ask(
        self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None
    ) -> Reply:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            return Reply(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())
        finally:
            connection.close()

    def infer(self, told: Any, **headers: str) -> Reply:
        """Sends a JSON request."""
        path = "/v2/models/classifier/infer"
        return self.ask("POST", path, told if isinstance(told, bytes) else json.dumps(told).encode(), headers)


@contextmanager
def running(
    folder: Path,
    limits: ServerLimits | None = None,
    access: Access | None = None,
    reload_seconds: float = 0.05,
    scanning: Scanning | None = None,
) -> Iterator[Running]:
    limits = limits or ServerLimits()
    service = Service(
        lambda on_reload: ModelStore(
            folder, providers=["CPUExecutionProvider"], threads=1, on_reload=on_reload
        ),
        limits,
    )
    listening = listen("127.0.0.1", 0)
    server = uvicorn.Server(configure(build_app(service, access, reload_seconds, scanning)))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        eventually(lambda: server.started)
        yield Running(listening.getsockname()[1], service)
    finally:
        server.should_exit = True
        thread.join(30)
        assert not thread.is_alive()


def eventually(condition: Callable[[], bool], seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.fixture(scope="session")
def serving_folder(tmp_path_factory: pytest.TempPathFactory, classifier_file: Path) -> Path:
    """One version, 7."""
    folder = tmp_path_factory.mktemp("versions")
    add_version(folder, 7, onnx.load(classifier_file))
    return folder


def add_version(folder: Path, number: int, model: onnx.ModelProto) -> None:
    """Puts a version into a folder, the model last."""
    aside = folder / f"{number}.part"
    aside.mkdir(parents=True)
    (aside / "classifier.onnx").write_bytes(model.SerializeToString())
    aside.rename(folder / str(number))


@pytest.fixture(scope="session")
def server(serving_folder: Path) -> Iterator[Running]:
    """One server for all tests that leave it as it is."""
    with running(serving_folder) as one:
        yield one


@pytest.fixture
def start() -> Callable[..., Any]:
    """`with start(folder, limits=..., access=...) as server`: a server of one's own."""
    return running


@pytest.fixture(scope="session")
def start_module() -> Callable[..., Any]:
    """The same for fixtures that live longer."""
    return running


@pytest.fixture
def add() -> Callable[..., None]:
    """`add(folder, number, model)`."""
    return add_version


@pytest.fixture
def wait() -> Callable[..., None]:
    """`wait(condition)`: until it holds."""
    return eventually


@pytest.fixture(scope="session")
def patches_hu() -> np.ndarray:
    """Five patches about -800, -400, 0, 400 and 800 HU."""
    rng = np.random.default_rng(0)
    level = np.arange(-800, 900, 400)[:, None, None]
    return (level + rng.integers(-50, 50, (5, 40, 40))).astype(np.int16)

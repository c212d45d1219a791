"""A server in a thread of the test, on a free port of this machine."""

import http.client
import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
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
from lungnet.serving.server.dicomweb_servers import DicomwebServer
from lungnet.serving.server.quick_infer import QuickInfer
from lungnet.serving.server.running import configure, listen
from lungnet.serving.server.scanning import Scanning
from lungnet.serving.server.service import Service
from tests.serving.conftest import write_chest


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
    end: Callable[[], None]

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
    dicomweb: Mapping[str, DicomwebServer] | None = None,
    threads: int = 2,
    keep_alive: int = 5,
    in_loop: bool = False,
) -> Iterator[Running]:
    limits = limits or ServerLimits()
    service = Service(
        lambda on_reload: ModelStore(
            folder, providers=["CPUExecutionProvider"], threads=1, on_reload=on_reload
        ),
        limits,
        threads,
        in_loop,
    )
    listening = listen("127.0.0.1", 0)
    quick = QuickInfer(service)
    app = build_app(service, quick, access, reload_seconds, scanning, dicomweb)
    config = configure(app, quick)
    config.timeout_keep_alive = keep_alive
    server = uvicorn.Server(config)

    def end() -> None:
        server.should_exit = True

    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        eventually(lambda: server.started)
        yield Running(listening.getsockname()[1], service, end)
    finally:
        end()
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


@pytest.fixture(scope="session")
def ct(tmp_path_factory: pytest.TempPathFactory, write_tiny_ct) -> Path:
    return write_chest(tmp_path_factory.mktemp("ct") / "chest", write_tiny_ct)


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory, classifier_file: Path, scanner_file: Path) -> Path:
    """A version with classifier and scanner."""
    version = tmp_path_factory.mktemp("both") / "1"
    version.mkdir()
    (version / "scanner.onnx").write_bytes(scanner_file.read_bytes())
    (version / "classifier.onnx").write_bytes(classifier_file.read_bytes())
    return version.parent


def left(uploads: Path) -> list[Path]:
    """What lies in the folders of running servers, save their locks."""
    return [path for path in uploads.glob("server-*/*") if path.name != ".lock"]


def refused(reply: Any, status: int) -> str:
    assert reply.status == status
    assert reply.headers["content-type"] == "application/problem+json"
    told = reply.json()
    assert told["status"] == status and told["type"] == "about:blank" and told["title"]
    return told["detail"]


@pytest.fixture(scope="session")
def files(ct: Path) -> dict[str, bytes]:
    return {f"Geheim^Rat/../../{path.name}": path.read_bytes() for path in sorted(ct.iterdir())}

"""Connections that do not get on are ended, and no others."""

import contextlib
import socket
import threading
import time
from collections.abc import Iterator

import pytest
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from lungnet.serving.server import Access, connection
from lungnet.serving.server.connection import BoundedProtocol
from lungnet.serving.server.service import Service
from tests.serving.server.raw_client import NEWEST, Client, request, with_head

GOOD = b"GET /v2/health/live HTTP/1.1\r\nHost: localhost\r\n\r\n"
SAID = "a token that is long enough"
ENDED = (ConnectionResetError, BrokenPipeError)


@pytest.fixture
def connect(server):
    opened = []

    def one(of=server, **options: int) -> socket.socket:
        made = socket.socket()
        opened.append(made)
        made.settimeout(30)
        for option, value in options.items():
            made.setsockopt(socket.SOL_SOCKET, getattr(socket, option), value)
        made.connect(("127.0.0.1", of.port))
        return made

    yield one
    for made in opened:
        made.close()


@pytest.fixture
def client():
    opened = []

    def one(of) -> Client:
        opened.append(Client(of.port))
        return opened[-1]

    yield one
    for made in opened:
        made.raw.close()


@pytest.fixture(scope="module")
def guarded(start_module, serving_folder) -> Iterator:
    """A server that asks for a token, and closes silent connections soon."""
    with start_module(serving_folder, access=Access(token=SAID), keep_alive=2) as server:
        yield server


def everything(raw: socket.socket) -> bytes:
    """What comes until the other side ends."""
    parts = []
    while part := raw.recv(65536):
        parts.append(part)
    return b"".join(parts)


def ends_while(raw: socket.socket, dripped: bytes) -> bool:
    """Whether the other side ends although something comes again and again."""
    raw.settimeout(0.05)
    end = time.monotonic() + 30
    while time.monotonic() < end:
        try:
            raw.sendall(dripped)
            if not raw.recv(65536):
                return True
        except TimeoutError:
            continue
        except ENDED:
            return True
    return False


def with_body(line: str = "POST /v2", *headers: str) -> bytes:
    """A head that promises a body, and its first byte."""
    return "\r\n".join([line + " HTTP/1.1", "Content-Length: 100000", *headers, "", "x"]).encode()


def chunked(*headers: str) -> bytes:
    """A request up to its last chunk, after which trailers may come."""
    lines = [f"POST {NEWEST} HTTP/1.1", "Transfer-Encoding: chunked", *headers, "", "2", "{}", "0", ""]
    return "\r\n".join(lines).encode()


def test_headers_that_never_end(connect, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(connection, "HEADER_SECONDS", 0.3)
    silent, slow = connect(), connect()
    slow.sendall(GOOD[:-5])
    assert everything(silent).startswith(b"HTTP/1.1 408 ")
    assert everything(slow).startswith(b"HTTP/1.1 408 ")
    # On a connection that is kept, time begins anew with each request.
    kept = connect()
    kept.sendall(GOOD)
    assert kept.recv(1000).startswith(b"HTTP/1.1 200 ")
    kept.sendall(GOOD + GOOD[:-5])
    assert b"HTTP/1.1 408 " in everything(kept)


def test_headers_without_bound(connect):
    for many in (b"a: b\r\n" * 20_000, b"a: " + b"b" * 120_000):
        raw = connect()
        raw.sendall(GOOD[:-2] + many)
        with contextlib.suppress(ConnectionResetError):  # it may end while there is more to be read
            assert everything(raw).startswith(b"HTTP/1.1 431 ")
    raw = connect()
    raw.sendall(GOOD[:-2] + b"a: " + b"b" * 30_000 + b"\r\n\r\n")
    assert raw.recv(1000).startswith(b"HTTP/1.1 200 ")


def test_what_is_refused_before_it_is_a_request_is_counted(
    start, serving_folder, client, wait, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(connection, "HEADER_SECONDS", 0.3)
    with start(serving_folder) as server:
        for sent in (b"no HTTP at all\r\n\r\n", GOOD[:-2] + b"a: b\r\n" * 20_000, GOOD[:-5]):
            one = client(server)
            one.raw.sendall(sent)
            with contextlib.suppress(ConnectionResetError):
                everything(one.raw)
        told = server.ask("GET", "/metrics").body.decode()
    for reason in ("no_request", "too_large", "slow"):
        assert f'lungnet_refused_total{{reason="{reason}"}} 1.0' in told


def test_a_long_body_is_no_header(server):
    assert server.infer(b" " * 1_000_000).status == 400


def test_headers_that_come_while_another_request_is_answered(
    start, serving_folder, client, wait, patches_hu, monkeypatch: pytest.MonkeyPatch
):
    go, miss = threading.Event(), BoundedProtocol._miss_headers
    missed: list[None] = []

    def seen(self: BoundedProtocol) -> None:
        miss(self)
        missed.append(None)

    monkeypatch.setattr(BoundedProtocol, "_miss_headers", seen)
    monkeypatch.setattr(connection, "HEADER_SECONDS", 0.1)
    with start(serving_folder) as server:
        predict = server.service.now()[1]._predict
        server.service.now()[1]._predict = lambda patches: go.wait(30) and predict(patches)
        one = client(server)
        one.raw.sendall(request(patches_hu[0]) + GOOD + GOOD[:-5])
        wait(lambda: missed)
        monkeypatch.setattr(connection, "HEADER_SECONDS", 30)
        count = len(missed)
        wait(lambda: len(missed) > count)
        go.set()
        assert [one.reply()[0], one.reply()[0]] == [200, 200]
        assert one.ask(GOOD[-5:])[0] == 200


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        (with_body("POST /v2", "Host: localhost"), 401),
        (with_body("POST /v2", "Host: elsewhere"), 403),
        (with_body("POST /nothing", "Host: localhost", f"Authorization: Bearer {SAID}"), 404),
        (with_body(f"PUT {NEWEST}", "Host: localhost", f"Authorization: Bearer {SAID}"), 405),
    ],
)
def test_a_body_that_nobody_reads(guarded, client, monkeypatch: pytest.MonkeyPatch, asked, status):
    monkeypatch.setattr(connection, "REST_SECONDS", 0.3)
    silent, slow = client(guarded), client(guarded)
    for one in (silent, slow):
        assert one.ask(asked)[0] == status
        one.raw.sendall(b"x")
    assert everything(silent.raw) == b""
    assert ends_while(slow.raw, b"x")


def test_a_body_that_comes_after_the_answer(guarded, client):
    one, asked = client(guarded), with_head(b"x" * 10_000)
    for _ in range(3):
        assert one.ask(asked[:-9_999])[0] == 401
        assert one.ask(asked[-9_999:] + GOOD)[0] == 200
        assert one.ask(asked[:-9_999])[0] == 401
        one.raw.sendall(asked[-9_999:])
        assert one.ask(GOOD)[0] == 200
    assert one.ask(asked[:-9_999])[0] == 401
    one.raw.sendall(asked[-9_999:])
    assert everything(one.raw) == b""  # silent since then


def test_empty_lines_are_no_request(guarded, client):
    silent, slow = client(guarded), client(guarded)
    for one in (silent, slow):
        assert one.ask(GOOD)[0] == 200
        one.raw.sendall(b"\r\n")
    assert everything(silent.raw) == b""
    assert ends_while(slow.raw, b"\r\n")
    one = client(guarded)
    for _ in range(3):
        assert one.ask(b"\r\n" + GOOD + b"\r\n")[0] == 200


@pytest.mark.parametrize("status", [401, 0])
@pytest.mark.parametrize("trailer", [b"a: " + b"b" * 993 + b"\r\n", b"b" * 1000], ids=["many", "one"])
def test_trailers_without_bound(guarded, client, monkeypatch: pytest.MonkeyPatch, trailer, status):
    monkeypatch.setattr(connection, "REST_SECONDS", 30)
    one, asked = client(guarded), chunked("Host: localhost", f"Authorization: Bearer {SAID}")
    if status:
        assert one.ask(asked.replace(b"Bearer", b"Basic"))[0] == status
    else:  # its body is waited for
        one.raw.sendall(asked)
    with pytest.raises(ENDED):  # well before this; sockets hold less
        for _ in range(64):
            one.raw.sendall(trailer * 1000)


def test_trailers_are_dropped(server, client, patches_hu, monkeypatch: pytest.MonkeyPatch):
    scopes, infer = [], Service.infer

    def seen(self: Service, scope, *arguments):
        scopes.append(scope)
        return infer(self, scope, *arguments)

    monkeypatch.setattr(Service, "infer", seen)
    head, _, body = request(patches_hu[0]).partition(b"\r\n\r\n")
    lines = [line for line in head.split(b"\r\n") if not line.startswith(b"Content-Length")]
    chunks = [b"Transfer-Encoding: chunked", b"", b"%x" % len(body), body, b"0"]
    one = client(server)
    for _ in range(2):
        assert one.ask(b"\r\n".join([*lines, *chunks, b"Host: elsewhere", b"", b""]))[0] == 200
    assert [[value for name, value in one["headers"] if name == b"host"] for one in scopes] == [
        [b"localhost"],
        [b"localhost"],
    ]


def test_many_requests_at_once(server, client, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(connection, "MAX_PIPELINED", 3)
    one = client(server)
    one.raw.sendall(GOOD * 20)
    replies = [one.reply() for _ in range(4)]
    assert [status for status, _, _ in replies] == [200] * 4
    assert [headers.get("connection") for _, headers, _ in replies] == [None, None, None, "close"]
    assert everything(one.raw) == b""
    assert client(server).ask(GOOD * 3)[0] == 200


@pytest.mark.parametrize("closed", [False, True], ids=["paused", "closed"])
def test_answers_that_are_not_taken(
    start, serving_folder, connect, wait, monkeypatch: pytest.MonkeyPatch, closed
):
    monkeypatch.setattr(connection, "TAKE_SECONDS", 0.3)
    paused, lost = threading.Event(), threading.Event()
    base, lose = HttpToolsProtocol if closed else BoundedProtocol, BoundedProtocol.connection_lost
    pause = base.pause_writing

    def pause_writing(self: BoundedProtocol) -> None:
        pause(self)
        paused.set()

    def connection_lost(self: BoundedProtocol, error: Exception | None) -> None:
        lose(self, error)
        lost.set()

    monkeypatch.setattr(BoundedProtocol, "pause_writing", pause_writing)
    monkeypatch.setattr(BoundedProtocol, "connection_lost", connection_lost)
    with start(serving_folder) as server:
        raw = connect(server, SO_RCVBUF=4096)
        for number in range(1, 10_000):  # until sockets hold no more
            raw.sendall(GOOD.replace(b"/v2/health/live", b"/openapi.json"))
            line = f'route="none",status="200"}} {number}.0'
            wait(lambda line=line: paused.is_set() or line in server.service.metrics.text().decode())
            if paused.is_set():
                break
        if closed:
            raw.shutdown(socket.SHUT_WR)
        assert lost.wait(30)


def test_connections_beyond_the_bound(start, serving_folder, client, wait, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(connection, "MAX_CONNECTIONS", 2)
    with start(serving_folder) as server:
        first, second = client(server), client(server)
        assert first.ask(GOOD)[0] == second.ask(GOOD)[0] == 200
        for path, told in (("/v2", "error"), ("/metrics", "detail")):
            reply = server.ask("GET", path)
            assert (reply.status, reply.headers["retry-after"]) == (503, "1")
            assert reply.headers["connection"] == "close"
            assert reply.json()[told] == "Too many connections are open; try again."
        wait(lambda: 'route="none",status="503"} 2.0' in server.service.metrics.text().decode())
        assert 'refused_total{reason="connections"} 2.0' in server.service.metrics.text().decode()
        assert first.ask(GOOD)[0] == 200  # who came in time is answered
        second.raw.close()
        wait(lambda: server.ask("GET", "/v2").status == 200)

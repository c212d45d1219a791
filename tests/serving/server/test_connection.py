"""Headers that take too long or too much end their connection, and no other."""

import contextlib
import socket

import pytest

from lungnet.serving.server import connection

GOOD = b"GET /v2/health/live HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.fixture
def connect(server):
    opened = []

    def one() -> socket.socket:
        made = socket.create_connection(("127.0.0.1", server.port), timeout=30)
        opened.append(made)
        return made

    yield one
    for made in opened:
        made.close()


def everything(raw: socket.socket) -> bytes:
    """What comes until the other side ends."""
    parts = []
    while part := raw.recv(65536):
        parts.append(part)
    return b"".join(parts)


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


def test_a_long_body_is_no_header(server):
    assert server.infer(b" " * 1_000_000).status == 400

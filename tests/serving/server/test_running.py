"""Where a server listens."""

import contextlib
import socket

import pytest

from lungnet.errors import InputError
from lungnet.serving.server.running import listen, reserve, url_of


def connects(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), timeout=5).close()
    except OSError:
        return False
    return True


def test_a_reserved_port_takes_nothing_until_somebody_listens():
    with reserve("127.0.0.1", 0) as reserved:
        port = reserved.getsockname()[1]
        assert not connects("127.0.0.1", port)
        with listen("127.0.0.1", port, shared=True), listen("127.0.0.1", port, shared=True):
            assert connects("127.0.0.1", port)
            for again in (lambda: reserve("127.0.0.1", port), lambda: listen("127.0.0.1", port)):
                with pytest.raises(InputError, match=f"Cannot listen on 127.0.0.1 port {port}"):
                    again()
        assert not connects("127.0.0.1", port)


def test_an_address_of_ipv6_takes_no_ipv4():
    with contextlib.ExitStack() as stack:
        try:
            listening = stack.enter_context(listen("::", 0))
        except InputError:
            pytest.skip("no IPv6 here")
        port = listening.getsockname()[1]
        assert connects("::1", port) and not connects("127.0.0.1", port)


def test_urls():
    assert url_of("127.0.0.1", 80, encrypted=False) == "http://127.0.0.1:80"
    assert url_of("::1", 443, encrypted=True) == "https://[::1]:443"

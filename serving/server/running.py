"""A server process."""

import contextlib
import gc
import logging
import socket
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import uvicorn

from lungnet.errors import InputError
from lungnet.serving.server.json_logs import JsonLines, SoonWritten
from lungnet.serving.server.observing import ASGIApp
from lungnet.serving.server.quick_connection import QuickProtocol
from lungnet.serving.server.quick_infer import QuickInfer

#: Connections that wait to be taken.
_BACKLOG = 1024


@dataclass(frozen=True)
class Tls:
    """Certificate and key, PEM files.

    Attributes:
        certificate: with its chain.
        key: without a password.
    """

    certificate: Path
    key: Path


def serve(
    app: ASGIApp,
    quick: QuickInfer,
    host: str,
    port: int,
    tls: Tls | None = None,
    on_listening: Callable[[str], None] = lambda url: None,
    shared_port: bool = False,
) -> None:
    """Answers until the process is told to end (SIGINT, SIGTERM); requests under way are answered first.

    Args:
        app: of `build_app`.
        quick: that was given to it.
        host, port, shared_port: of `listen`.
        tls: for https.
        on_listening: called with the URL once connections are taken.

    Raises:
        InputError: the address cannot be had, or certificate and key cannot be read.
    """
    server = uvicorn.Server(configure(app, quick, tls))
    listening = listen(host, port, shared_port)
    on_listening(url_of(host, listening.getsockname()[1], tls is not None))
    # What is there now stays; without this, the collector goes through all of it again and again.
    gc.collect()
    gc.freeze()
    server.run(sockets=[listening])


def configure(app: ASGIApp, quick: QuickInfer, tls: Tls | None = None) -> uvicorn.Config:
    """Returns how uvicorn runs an application.

    Raises:
        InputError: certificate and key cannot be read.
    """
    config = uvicorn.Config(
        app,
        http=partial(QuickProtocol, quick),  # type: ignore[arg-type]
        ws="none",  # it would take connections over, and has none of their bounds
        log_config=None,
        access_log=False,
        proxy_headers=False,  # nobody asks who a client is
        server_header=False,
        timeout_graceful_shutdown=30,
        ssl_certfile=tls.certificate if tls else None,
        ssl_keyfile=tls.key if tls else None,
    )
    logging.getLogger("uvicorn.access").disabled = True  # it tells paths as they were asked for
    try:
        config.load()
    except OSError as error:  # ssl.SSLError is one
        raise InputError(f"Cannot read certificate or key: {error.strerror or error}.") from error
    return config


def listen(host: str, port: int, shared: bool = False) -> socket.socket:
    """Returns a socket that takes connections; port 0 is a free one.

    Args:
        host, port: where.
        shared: other processes of this user may listen there as well, and Linux shares connections out.

    Raises:
        InputError: the address cannot be had.
    """
    return _socket(host, port, shared, takes=True)


def reserve(host: str, port: int) -> socket.socket:
    """Returns a socket that takes no connections, beside which processes of this user may listen.

    Raises:
        InputError: the address cannot be had, or somebody listens there already.
    """
    _socket(host, port, shared=False, takes=False).close()
    return _socket(host, port, shared=True, takes=False)


def _socket(host: str, port: int, shared: bool, takes: bool) -> socket.socket:
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with contextlib.ExitStack() as if_it_fails:
            made = if_it_fails.enter_context(socket.socket(family, socket.SOCK_STREAM))
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:  # nobody who names an IPv6 address asks for IPv4
                made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            if shared:
                made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            made.bind(address)
            if takes:
                made.listen(_BACKLOG)
            if_it_fails.pop_all()
            return made
    except OSError as error:
        raise InputError(f"Cannot listen on {host} port {port}: {error.strerror or error}.") from error


def url_of(host: str, port: int, encrypted: bool) -> str:
    """Returns what a server is reached by."""
    name = f"[{host}]" if ":" in host else host
    return f"{'https' if encrypted else 'http'}://{name}:{port}"


def log_json_lines() -> None:
    """Makes every logger of the process write JSON lines to stderr, and nothing else write there.

    Python's warnings are left out: libraries quote in them what they read in a file.
    """
    warnings.simplefilter("ignore")
    # What lines do not tell is not looked up for them.
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    handler = SoonWritten()
    handler.setFormatter(JsonLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    for name in ("lungnet", "uvicorn"):
        logging.getLogger(name).setLevel(logging.INFO)

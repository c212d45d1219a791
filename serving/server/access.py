"""Who may ask: Host and Origin, and a token; and who comes while there is no room."""

import functools
import hmac
import ipaddress
import re
from dataclasses import dataclass

from lungnet.errors import InputError
from lungnet.serving.server.observing import ASGIApp, Metrics, Receive, Scope, Send
from lungnet.serving.server.refusal import Refusal, send_refusal

#: What a browser or a client on the same machine calls it.
LOOPBACK_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})
#: Answered without a token, for whoever watches over the process.
OPEN_PATHS = frozenset({"/v2/health/live", "/v2/health/ready"})
#: Key in the `state` of a request that came on one connection too many.
FULL = "full"
#: `localhost:8000`, `http://[::1]`.
_NAMED = re.compile(r"(https?://)?(\[(?P<address>[0-9a-f:.]+)\]|(?P<name>[a-z0-9._-]+))(:\d{1,5})?")
#: Shorter tokens could be guessed.
SHORTEST_TOKEN = 16


@dataclass(frozen=True)
class Access:
    """Who may ask a server.

    Attributes:
        hosts: names in `Host` that it answers to, in small letters and without port, so that no page of a
            foreign name reaches it through the user's browser.
        token: that `Authorization: Bearer` must hold; None asks for none.
    """

    hosts: frozenset[str] = LOOPBACK_HOSTS
    token: str | None = None

    def check(self, path: str, headers: dict[bytes, bytes]) -> None:
        """Looks at a request before anything else does.

        Raises:
            Refusal: Host or Origin is another's (403), or the token is missing or wrong (401).
        """
        if _host(headers.get(b"host", b"")) not in self.hosts:
            raise Refusal(403, "This server does not answer to that Host.", "host")
        origin = headers.get(b"origin")
        if origin is not None and _host(origin) not in self.hosts:
            raise Refusal(403, "Pages of other origins may not ask this server.", "origin")
        if self.token is None or path in OPEN_PATHS:
            return
        given = headers.get(b"authorization", b"")
        if not hmac.compare_digest(given, f"Bearer {self.token}".encode()):
            refusal = Refusal(401, "Expected the server's token in Authorization: Bearer.", "token")
            refusal.headers["WWW-Authenticate"] = "Bearer"
            raise refusal


def check_exposure(host: str, token: str | None, encrypted: bool) -> None:
    """Holds a server to loopback unless it is guarded.

    Args:
        host: address that it listens on.
        token: of `Access`.
        encrypted: TLS is on, or a proxy is declared that has it.

    Raises:
        InputError: others could reach it without token or encryption, or the token is too short.
    """
    if token is not None and (len(token) < SHORTEST_TOKEN or not token.isascii() or not token.isprintable()):
        raise InputError(f"The token must be at least {SHORTEST_TOKEN} printable ASCII characters.")
    if not is_loopback(host) and not (token and encrypted):
        raise InputError(
            f"Listening on {host} lets others in; expected --token-file, and --tls-cert with --tls-key or "
            "--behind-proxy, for anything but 127.0.0.1."
        )


def is_loopback(host: str) -> bool:
    """Whether an address is reached from the same machine alone."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class Guarded:
    """ASGI middleware that turns away whom `Access` does not let in, and whom there is no room for.

    Args:
        app: what answers the others.
        access: who may ask.
        metrics: where refusals are counted.
        retry_after_seconds: what those are told that there is no room for.
    """

    def __init__(self, app: ASGIApp, access: Access, metrics: Metrics, retry_after_seconds: int) -> None:
        self._app, self._access, self._metrics = app, access, metrics
        self._retry_after_seconds = retry_after_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        if scope["type"] == "http":
            try:
                if FULL in scope["state"]:
                    raise self._no_room()
                self._access.check(scope["path"], dict(scope["headers"]))
            except Refusal as refusal:
                self._metrics.refused(refusal.reason)
                await send_refusal(scope["path"], refusal, send)
                return
        await self._app(scope, receive, send)

    def _no_room(self) -> Refusal:
        told = "Too many connections are open; try again."
        refusal = Refusal(503, told, "connections", self._retry_after_seconds)
        refusal.headers["Connection"] = "close"
        return refusal


@functools.lru_cache(maxsize=64)  # clients name the same few
def _host(value: bytes) -> str:
    """The name in a Host or an Origin, in small letters; empty where it is neither."""
    found = _NAMED.fullmatch(value.decode("latin-1").lower())
    return (found["address"] or found["name"]) if found else ""

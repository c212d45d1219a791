"""What a server tells of itself: Prometheus metrics, and logs of one JSON object a line.

Neither holds what was sent, who sent it, or a path that a client made up: requests are known by the route
that answered them.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from lungnet.serving.server.request_counts import RequestCounts
from lungnet.serving.server.shared_metrics import SharedMetrics

logger = logging.getLogger(__name__)

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]

_PATCHES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 4096)


#: Answered requests of so long are logged together.
_LINE_SECONDS = 0.1
#: Other processes see what is counted here so much later.
_PUBLISH_SECONDS = 1.0


@dataclass
class _Answered:
    """Requests that are logged together."""

    requests: int = 0
    patches: int = 0
    seconds: float = 0.0


class Metrics:
    """The metrics of one server.

    Args:
        waiting: returns how many patches wait for the model.
        version: returns the version that is served.
        shared: with other processes of the same server; None for a server that is one process.
    """

    def __init__(
        self, waiting: Callable[[], int], version: Callable[[], int], shared: SharedMetrics | None = None
    ) -> None:
        self._shared, self._failed_to_leave = shared, False
        self.registry = CollectorRegistry()
        self._requests = RequestCounts()
        self.registry.register(self._requests)
        self._refused = Counter(
            "lungnet_refused", "Requests that got no answer.", ("reason",), registry=self.registry
        )
        self.batch = Histogram(
            "lungnet_batch_patches",
            "Patches that one run of the model saw.",
            buckets=_PATCHES,
            registry=self.registry,
        )
        self._answered: dict[tuple[str, str], _Answered] = {}
        self._reloads = Counter(
            "lungnet_model_reloads", "Newer versions, opened or not.", ("result",), registry=self.registry
        )
        waits = Gauge("lungnet_waiting_patches", "Patches that wait for the model.", registry=self.registry)
        waits.set_function(waiting)
        served = Gauge("lungnet_model_version", "The version that is served.", registry=self.registry)
        served.set_function(version)

    def note(self, route: str, method: str, status: int, seconds: float, told: dict[str, Any]) -> None:
        """Counts and logs an answer.

        Args:
            route, method, status: of it.
            seconds: that it took.
            told: what else the log is to say.
        """
        self._requests.count(route, method, status, seconds)
        _log({"route": route, "method": method, "status": status, "ms": round(1e3 * seconds, 2)} | told)

    def note_answered(self, route: str, seconds: float, patches: int, version: str) -> None:
        """Counts an answered inference request; those of a tenth of a second share a line of the log.

        Args:
            route: of it.
            seconds: that it took.
            patches: in it.
            version: of the model.
        """
        self._requests.count(route, "POST", 200, seconds)
        told = self._answered.get((route, version))
        if told is None:
            if not self._answered:
                asyncio.get_running_loop().call_later(_LINE_SECONDS, self.log_answered)
            told = self._answered[route, version] = _Answered()
        told.requests += 1
        told.patches += patches
        if seconds > told.seconds:
            told.seconds = seconds

    def log_answered(self) -> None:
        """Logs what was answered and is not in the log yet; `ms` is of the slowest."""
        answered, self._answered = self._answered, {}
        for (route, version), told in answered.items():
            line = {"route": route, "method": "POST", "status": 200, "ms": round(1e3 * told.seconds, 2)}
            _log(line | {"patches": told.patches, "version": version, "requests": told.requests})

    def refused(self, reason: str) -> None:
        """Counts a refusal."""
        self._refused.labels(reason).inc()

    def reloaded(self, succeeded: bool) -> None:
        """Counts an attempt at a newer version."""
        self._reloads.labels("served" if succeeded else "broken").inc()

    def text(self) -> bytes:
        """Returns all of them as Prometheus reads them, other processes' too."""
        own = generate_latest(self.registry)
        return own if self._shared is None else self._shared.all(own)

    async def publish(self) -> None:
        """Leaves them for other processes, every second until it is cancelled, and then once more."""
        if self._shared is None:
            return
        try:
            while True:
                self._leave(self._shared)
                await asyncio.sleep(_PUBLISH_SECONDS)
        finally:
            self._leave(self._shared)

    def _leave(self, shared: SharedMetrics) -> None:
        try:
            shared.publish(generate_latest(self.registry))
        except OSError as error:  # the disk is full, or the folder gone: patches are answered all the same
            if not self._failed_to_leave:
                logger.warning("Other workers do not see these metrics: %s", error.strerror or error)
            self._failed_to_leave = True


class Observed:
    """ASGI middleware that counts and logs each request when it is answered.

    Args:
        app: what answers.
        metrics: where it is counted.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app, self._metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status, start = 500, time.perf_counter()

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, noting)
        finally:
            seconds = time.perf_counter() - start
            told = scope.get("state", {}).get("told", {})
            self._metrics.note(_route(scope), _method(scope), status, seconds, told)


#: What all records of requests say alike, for to make one anew takes longer than to write it.
_REQUEST = vars(logging.LogRecord(logger.name, logging.INFO, __file__, 0, "request", (), None))


def _log(told: dict[str, Any]) -> None:
    if logger.isEnabledFor(logging.INFO):
        record = object.__new__(logging.LogRecord)
        now = time.time()
        vars(record).update(_REQUEST, created=now, msecs=int(1e3 * (now % 1)), told=told)
        logger.handle(record)


def _route(scope: Scope) -> str:
    return getattr(scope.get("route"), "path", "none")


def _method(scope: Scope) -> str:
    return scope["method"] if scope["method"] in ("GET", "HEAD", "POST") else "other"

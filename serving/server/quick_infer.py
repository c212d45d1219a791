"""Inference requests whose head was answered before, answered without HTTP being read again.

Clients write the same head before each patch. Once one has gone the whole way (parsed, let in, routed and
answered), its very bytes say all that was found out on that way, and what follows them is the next patch.
Everything else, and whatever is to be refused on arrival, takes the whole way.
"""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lungnet.serving.classifier import Prediction
from lungnet.serving.server.batching import Waiting
from lungnet.serving.server.infer_protocol import (
    HEADER_LENGTH,
    InferRequest,
    json_bytes,
    read_request,
)
from lungnet.serving.server.infer_replies import Replies
from lungnet.serving.server.observing import Scope
from lungnet.serving.server.refusal import FAILED, Headers, Refusal, refusal_reply
from lungnet.serving.server.service import LONG_BODY, MODEL_NAME, Service

logger = logging.getLogger(__name__)

#: Of a head that is remembered, and how many are.
MAX_HEAD_BYTES, MAX_HEADS = 2048, 256
#: Key in the `state` of a request.
HEAD = "head"
#: They ask for more than an answer.
_SPECIAL = frozenset({b"content-encoding", b"expect", b"te", b"transfer-encoding", b"upgrade"})

#: Takes status, body and headers of an answer.
Sender = Callable[[int, bytes, Headers], None]


@dataclass(frozen=True)
class KnownHead:
    """What the bytes of a head say.

    Attributes:
        body_bytes: that follow.
        json_bytes: of the body; tensors follow.
        version: of the model that is asked for, None for the newest.
        route: that requests are counted by.
        path: as it was asked for.
    """

    body_bytes: int
    json_bytes: int
    version: str | None
    route: str
    path: str


class QuickInfer:
    """The heads that are known, and the short way.

    It belongs to the event loop of its service.

    Args:
        service: what answers.

    Attributes:
        known: a head's bytes -> what they say.
        metrics: of the service.
    """

    def __init__(self, service: Service) -> None:
        self._service = service
        self.metrics = service.metrics
        self.known: dict[bytes, KnownHead] = {}
        self._batch: Prediction | None = None
        self._replies: Replies | None = None

    def remember(self, scope: Scope, version: str | None) -> None:
        """Takes note of a request that was let in and answered.

        Args:
            scope: of ASGI, with the route and, where the connection has them, the head's bytes in its state.
            version: of the model, as asked for.
        """
        head: bytes | None = scope["state"].get(HEAD)
        if head is None or head in self.known or not (_is_plain(scope) and _is_all_of(head, scope)):
            return
        headers = dict(scope["headers"])
        body_bytes = int(headers[b"content-length"])
        if len(head) <= MAX_HEAD_BYTES and body_bytes <= LONG_BODY:
            if len(self.known) >= MAX_HEADS:
                del self.known[next(iter(self.known))]
            length = headers.get(HEADER_LENGTH.lower().encode())
            of_json = json_bytes(length, body_bytes)
            self.known[head] = KnownHead(body_bytes, of_json, version, scope["route"].path, scope["path"])

    def submit(self, known: KnownHead, body: bytes, send: Sender) -> bool:
        """Lets the model see a request.

        What its body holds is bounded by `LONG_BODY` and the number of connections.

        Args:
            known: its head.
            body: all of it.
            send: called once with the answer, later.

        Returns:
            Whether it was taken; if not, the whole way says why not.
        """
        start, service = time.perf_counter(), self._service
        version, batcher = service.now()
        if known.version is not None and known.version != version:
            return False
        try:
            request = read_request(body, known.json_bytes, service.limits)
            if len(request.patches_hu) > service.limits.max_batch:
                return False
            batcher.put(_Asked(self, known, request, version, start, send))
        except Refusal:
            return False
        return True

    def replies(self, batch: Prediction, version: str) -> Replies:
        """Returns the replies to those whose patches were one batch, which ask for it one after the other."""
        if self._replies is None or self._batch is not batch:
            self._batch, self._replies = batch, Replies(batch, MODEL_NAME, version)
        return self._replies


class _Asked(Waiting):
    """A request on the short way, whose model is the one that took it."""

    __slots__ = ("known", "quick", "request", "send", "start", "version")

    def __init__(
        self,
        quick: QuickInfer,
        known: KnownHead,
        request: InferRequest,
        version: str,
        start: float,
        send: Sender,
    ) -> None:
        super().__init__(request.patches_hu)
        self.quick, self.known, self.request = quick, known, request
        self.version, self.start, self.send = version, start, send

    def answer(self, batch: Prediction, start: int, end: int) -> None:
        """Sends the reply."""
        try:
            body, headers = self.quick.replies(batch, self.version).write(self.request, start, end)
        except Exception as error:
            self.refuse(error)
            return
        self.send(200, body, headers)
        seconds = time.perf_counter() - self.start
        self.quick.metrics.note_answered(self.known.route, seconds, end - start, self.version)

    def refuse(self, error: Exception) -> None:
        """Sends the refusal."""
        if isinstance(error, Refusal):
            refusal = error
            self.quick.metrics.refused(refusal.reason)
        else:
            logger.error("A request failed.", exc_info=error)
            refusal = Refusal(500, FAILED)
        self.send(refusal.status, *refusal_reply(self.known.path, refusal))
        told = {"patches": len(self.patches_hu), "version": self.version}
        seconds = time.perf_counter() - self.start
        self.quick.metrics.note(self.known.route, "POST", refusal.status, seconds, told)


def _is_all_of(head: bytes, scope: Scope) -> bool:
    """Whether a parser that takes lines as they stand finds in these bytes just what uvicorn's found.

    Its own skips empty lines before a request, and may take more for the end of a line than this does.
    """
    first, *lines = head.removesuffix(b"\r\n\r\n").split(b"\r\n")
    parts = [line.partition(b":") for line in lines]
    headers = [(name.lower(), value.strip(b" \t")) for name, _, value in parts]
    target = b"?".join(filter(None, (scope["raw_path"], scope["query_string"])))
    return first == b"POST %s HTTP/1.1" % target and headers == list(scope["headers"])


def _is_plain(scope: Scope) -> bool:
    names: Sequence[bytes] = [name for name, _ in scope["headers"]]
    kept = all(value.lower() == b"keep-alive" for name, value in scope["headers"] if name == b"connection")
    return (
        kept
        and scope["http_version"] == "1.1"
        and names.count(b"content-length") == 1
        and len(set(names)) == len(names)
        and _SPECIAL.isdisjoint(names)
    )

"""What a request is refused with."""

import functools
import json
from http import HTTPStatus
from typing import Any

from lungnet.serving.server.observing import Send

#: Of a response, as ASGI has them.
Headers = tuple[tuple[bytes, bytes], ...]


def _described(media_type: str, **properties: str) -> dict[str, Any]:
    schema = {
        "type": "object",
        "properties": {name: {"type": kind} for name, kind in properties.items()},
        "required": list(properties),
    }
    return {"description": "Refused.", "content": {media_type: {"schema": schema}}}


#: Errors below `/v2`, and all others, in the description of the server (OpenAPI).
ERROR = _described("application/json", error="string")
PROBLEM = _described(
    "application/problem+json", type="string", title="string", status="integer", detail="string"
)

#: What is said of a failure of the server itself.
FAILED = "The server failed; its log says why."


class Refusal(Exception):
    """A request that gets an error instead of an answer.

    Args:
        status: of HTTP.
        message: a sentence for whoever asked; it never holds what was sent in, save names and numbers of it.
        reason: a word for the metrics.
        retry_after_seconds: for `Retry-After`; None for none.
    """

    def __init__(
        self, status: int, message: str, reason: str = "bad_request", retry_after_seconds: int | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.reason = reason
        self.headers: dict[str, str] = (
            {} if retry_after_seconds is None else {"Retry-After": str(retry_after_seconds)}
        )


def error_body(path: str, status: int, message: str) -> tuple[bytes, str]:
    """Returns body and media type of an error: the protocol's own form below `/v2`, elsewhere RFC 9457's."""
    if path.startswith("/v2"):
        return json.dumps({"error": message}).encode(), "application/json"
    told = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": message}
    return json.dumps(told).encode(), "application/problem+json"


@functools.lru_cache(maxsize=256)
def response_head(status: int, headers: Headers) -> bytes:
    """Returns a response up to its body."""
    lines = [name + b": " + value for name, value in headers]
    return b"\r\n".join([b"HTTP/1.1 %d %s" % (status, HTTPStatus(status).phrase.encode()), *lines, b"", b""])


def refusal_reply(path: str, refusal: Refusal) -> tuple[bytes, Headers]:
    """Returns body and headers of a refusal.

    Args:
        path: that was asked for.
        refusal: its status, sentence and headers.
    """
    body, media_type = error_body(path, refusal.status, refusal.message)
    headers = {"Content-Type": media_type, "Content-Length": str(len(body)), **refusal.headers}
    return body, tuple((key.lower().encode(), value.encode()) for key, value in headers.items())


async def send_refusal(path: str, refusal: Refusal, send: Send) -> None:
    """Answers a request with a refusal.

    Args:
        path, refusal: as in `refusal_reply`.
        send: of ASGI.
    """
    body, headers = refusal_reply(path, refusal)
    await send({"type": "http.response.start", "status": refusal.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})

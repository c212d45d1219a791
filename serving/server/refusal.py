"""What a request is refused with."""

import json
from http import HTTPStatus
from typing import Any


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

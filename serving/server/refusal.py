"""What a request is refused with."""

from typing import Any

#: The answer in the description of the server (OpenAPI).
ERROR: dict[str, Any] = {
    "description": "Refused.",
    "content": {
        "application/json": {
            "schema": {
                "type": "object",
                "properties": {"error": {"type": "string"}},
                "required": ["error"],
            }
        }
    },
}


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
        self.headers = {} if retry_after_seconds is None else {"Retry-After": str(retry_after_seconds)}

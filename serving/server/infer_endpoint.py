"""The route that patches are sent to.

It is what a server does all day, so it stands in front of FastAPI: what that and its router would look for in
a request costs more than the model takes for a patch.
"""

import re
from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI

from lungnet.serving.server.infer_protocol import HEADER_LENGTH
from lungnet.serving.server.observing import ASGIApp, Receive, Scope, Send
from lungnet.serving.server.quick_infer import QuickInfer
from lungnet.serving.server.refusal import ERROR, FAILED, Refusal, send_refusal
from lungnet.serving.server.schemas import BINARY, INFER_REPLY, infer_request
from lungnet.serving.server.service import Service

JSON, OCTETS = "application/json", "application/octet-stream"

PATHS = (
    "/v2/models/{model_name}/infer",
    "/v2/models/{model_name}/versions/{model_version}/infer",
)


_PATH = re.compile("/v2/models/([^/]+)(?:/versions/([^/]+))?/infer")


@dataclass(frozen=True)
class InferRoute:
    """What requests are counted and logged by.

    Attributes:
        path: of the description.
    """

    path: str


class InferFirst:
    """ASGI application that answers inference requests, and leaves all others to another application.

    Args:
        app: what answers the others.
        service: what answers patches.
        quick: told of what was answered.
    """

    def __init__(self, app: ASGIApp, service: Service, quick: QuickInfer) -> None:
        self._app, self._service, self._quick = app, service, quick
        self._newest, self._pinned = map(InferRoute, PATHS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        asked = _PATH.fullmatch(scope["path"]) if scope["type"] == "http" else None
        if asked is None:
            await self._app(scope, receive, send)
            return
        name, version = asked.groups()
        scope["route"] = self._newest if version is None else self._pinned
        try:
            if scope["method"] != "POST":
                raise _not_posted()
            body, headers = await self._service.infer(scope, receive, name, version)
        except Refusal as refusal:
            self._service.metrics.refused(refusal.reason)
            await send_refusal(scope["path"], refusal, send)
        except Exception:
            await send_refusal(scope["path"], Refusal(500, FAILED), send)
            raise  # to the log
        else:
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send({"type": "http.response.body", "body": body})
            self._quick.remember(scope, version)


def _not_posted() -> Refusal:
    refusal = Refusal(405, "Method Not Allowed", "method")
    refusal.headers["Allow"] = "POST"
    return refusal


def describe_infer(app: FastAPI, max_patches: int) -> None:
    """Adds the route to the description of an application."""
    app.openapi()["paths"].update({path: {"post": _described(path, max_patches)} for path in PATHS})


def _described(path: str, max_patches: int) -> dict[str, Any]:
    names = [part[1:-1] for part in path.split("/") if part.startswith("{")]
    length = {"name": HEADER_LENGTH, "in": "header", "required": False, "schema": {"type": "integer"}}
    encoding = {"name": "Content-Encoding", "in": "header", "required": False, "schema": _ENCODING}
    return {
        "summary": "Infer",
        "description": "Probability and cluster of patches.",
        "operationId": "_".join(["infer", *names]),
        "parameters": [
            *({"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in names),
            length,
            encoding,
        ],
        "requestBody": {
            "required": True,
            "content": {JSON: {"schema": infer_request(max_patches)}, OCTETS: {"schema": BINARY}},
        },
        "responses": {
            "200": {
                "description": "Answered.",
                "content": {JSON: {"schema": INFER_REPLY}, OCTETS: {"schema": BINARY}},
                "headers": {HEADER_LENGTH: {"schema": {"type": "integer"}}},
            },
            **{str(status): ERROR for status in (400, 401, 403, 404, 408, 413, 415, 503)},
        },
    }


_ENCODING = {"enum": ["identity", "gzip", "deflate"]}

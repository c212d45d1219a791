"""The route that patches are sent to.

It is what a server does all day, so it goes past FastAPI: what that would look for in a request costs more
than the model takes for a patch.
"""

from typing import Any

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from lungnet.serving.server.infer_protocol import HEADER_LENGTH
from lungnet.serving.server.observing import Receive, Scope, Send
from lungnet.serving.server.refusal import ERROR
from lungnet.serving.server.schemas import BINARY, INFER_REPLY, infer_request
from lungnet.serving.server.service import Service

JSON, OCTETS = "application/json", "application/octet-stream"

PATHS = (
    "/v2/models/{model_name}/infer",
    "/v2/models/{model_name}/versions/{model_version}/infer",
)


class InferEndpoint:
    """ASGI application of one route.

    Args:
        path: of the route, by which requests are counted and logged.
        service: what answers.
    """

    def __init__(self, path: str, service: Service) -> None:
        self.path, self._service = path, service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        scope["route"] = self
        asked = scope["path_params"]
        body, headers = await self._service.infer(
            Request(scope, receive), asked["model_name"], asked.get("model_version")
        )
        await Response(body, headers=headers)(scope, receive, send)


def add_infer(app: FastAPI, service: Service) -> None:
    """Adds the route to an application and to its description."""
    described = {path: {"post": _described(path, service.limits.max_patches)} for path in PATHS}
    app.openapi()["paths"].update(described)
    # In front of the others, which are looked at one after the other.
    app.router.routes[:0] = [Route(path, InferEndpoint(path, service), methods=["POST"]) for path in PATHS]


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

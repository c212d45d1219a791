"""The route that patches are sent to.

It is what a server does all day, so it goes past FastAPI: what that would look for in a request costs more
than the model takes for a patch.
"""

from typing import Any

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from lungnet.serving.server.infer_protocol import HEADER_LENGTH, INPUT, INPUT_DATATYPE, OUTPUTS
from lungnet.serving.server.observing import Receive, Scope, Send
from lungnet.serving.server.refusal import ERROR
from lungnet.serving.server.service import Service

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
    app.openapi()["paths"].update({path: {"post": _described(path)} for path in PATHS})
    # In front of the others, which are looked at one after the other.
    app.router.routes[:0] = [Route(path, InferEndpoint(path, service), methods=["POST"]) for path in PATHS]


def _described(path: str) -> dict[str, Any]:
    names = [part[1:-1] for part in path.split("/") if part.startswith("{")]
    return {
        "summary": "Infer",
        "description": "Probability and cluster of patches.",
        "operationId": "_".join(["infer", *names]),
        "parameters": [
            {"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in names
        ],
        "requestBody": {"required": True, "content": {"application/json": _JSON, **_BINARY}},
        "responses": {
            "200": {"description": "Answered.", "content": {"application/json": {}, **_BINARY}},
            **{str(status): ERROR for status in (400, 401, 403, 404, 408, 413, 415, 503)},
        },
    }


_BINARY: dict[str, Any] = {
    "application/octet-stream": {
        "schema": {
            "type": "string",
            "format": "binary",
            "description": f"JSON of the length that {HEADER_LENGTH} states, then the tensors.",
        }
    }
}
_JSON: dict[str, Any] = {
    "schema": {
        "type": "object",
        "required": ["inputs"],
        "properties": {
            "id": {"type": "string"},
            "inputs": {
                "type": "array",
                "minItems": 1,
                "maxItems": 1,
                "items": {
                    "type": "object",
                    "required": ["name", "datatype", "shape", "data"],
                    "properties": {
                        "name": {"const": INPUT},
                        "datatype": {"const": INPUT_DATATYPE},
                        "shape": {"type": "array", "items": {"type": "integer"}},
                        "data": {"type": "array"},
                    },
                },
            },
            "outputs": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["name"],
                    "properties": {"name": {"enum": list(OUTPUTS)}},
                },
            },
        },
    }
}

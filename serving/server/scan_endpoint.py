"""The route that whole CT series are sent to."""

import importlib.util
from typing import Any

from fastapi import FastAPI, Request, Response

from lungnet.serving.server.refusal import PROBLEM, Refusal
from lungnet.serving.server.scanning import DICOM, JSON, Scanning
from lungnet.serving.server.service import MODEL_NAME, Service


def add_scan(app: FastAPI, service: Service, scanning: Scanning) -> None:
    """Adds `POST /scan` to an application."""

    @app.post("/scan", response_class=Response, responses=_RESPONSES, openapi_extra=_BODY)
    async def scan(request: Request) -> Response:
        """Nodules in the zipped CT series: JSON, or a DICOM SR for who accepts application/dicom."""
        model = service.require(MODEL_NAME, None)
        if model.scanner is None:
            raise Refusal(404, "The model that is served scans no whole CTs.", "unknown")
        media_type = DICOM if DICOM in request.headers.get("accept", "") else JSON
        if media_type == DICOM and importlib.util.find_spec("highdicom") is None:
            raise Refusal(406, "This server makes no DICOM reports: highdicom is not installed.", "unknown")
        request.state.told = {"version": model.version}
        return Response(await scanning.scan(request, model.scanner, media_type), media_type=media_type)


_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {"application/zip": {"schema": {"type": "string", "format": "binary"}}},
    }
}
_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Scanned.",
        "content": {JSON: {}, DICOM: {"schema": {"type": "string", "format": "binary"}}},
    },
    **dict.fromkeys((400, 401, 403, 404, 406, 408, 413, 422, 503), PROBLEM),
}

"""The route that whole CT series are sent to."""

import importlib.util
import json
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request, Response

from lungnet.serving.server.archives import unpack
from lungnet.serving.server.model_store import ServedModel, ServedScanner
from lungnet.serving.server.refusal import PROBLEM, Refusal
from lungnet.serving.server.scan_limits import ScanLimits
from lungnet.serving.server.scanning import Scanning
from lungnet.serving.server.schemas import SCANNED
from lungnet.serving.server.series_scan import explained, scan_folder
from lungnet.serving.server.service import MODEL_NAME, Service
from lungnet.serving.server.uploads import receive

JSON, DICOM = "application/json", "application/dicom"


def add_scan(app: FastAPI, service: Service, scanning: Scanning) -> None:
    """Adds `POST /scan` to an application."""

    @app.post("/scan", response_class=Response, responses=_RESPONSES, openapi_extra=_BODY)
    async def scan(request: Request) -> Response:
        """Nodules in the zipped CT series: JSON, or a DICOM SR for who accepts application/dicom."""
        model, scanner = served_scanner(service)
        media_type = DICOM if DICOM in request.headers.get("accept", "") else JSON
        if media_type == DICOM and importlib.util.find_spec("highdicom") is None:
            raise Refusal(406, "This server makes no DICOM reports: highdicom is not installed.", "unknown")
        request.state.told = {"version": model.version}
        with scanning.place() as place:
            await receive(request, place.folder / "archive", scanning.limits)
            body = await place.run(
                lambda until: _scan_archive(place.folder, media_type, scanner, scanning.limits, until)
            )
        return Response(body, media_type=media_type)


def served_scanner(service: Service) -> tuple[ServedModel, ServedScanner]:
    """Returns the model of the moment and its scanner.

    Raises:
        Refusal: it has none (404).
    """
    model = service.require(MODEL_NAME, None)
    if model.scanner is None:
        raise Refusal(404, "The model that is served scans no whole CTs.", "unknown")
    return model, model.scanner


def _scan_archive(
    folder: Path, media_type: str, scanner: ServedScanner, limits: ScanLimits, until: float
) -> bytes:
    """Returns what was found in the series of `archive` in a folder."""
    files = folder / "files"
    files.mkdir()
    unpack(folder / "archive", files, limits, until)
    with explained(files, "The archive"):
        scanned = scan_folder(files, "The archive", scanner, limits, until)
        if media_type == JSON:
            return json.dumps(scanned.to_json(), allow_nan=False).encode()
        (report,) = scanned.results()
        return report.content


_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {"application/zip": {"schema": {"type": "string", "format": "binary"}}},
    }
}
_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Scanned.",
        "content": {JSON: {"schema": SCANNED}, DICOM: {"schema": {"type": "string", "format": "binary"}}},
    },
    **dict.fromkeys((400, 401, 403, 404, 406, 408, 413, 422, 503), PROBLEM),
}

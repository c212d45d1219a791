"""The route that names a series on a DICOMweb server, which is fetched, scanned, and told what was found."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from fastapi import FastAPI, Request, Response
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from lungnet.ct import elements
from lungnet.ct.elements import Header
from lungnet.serving.server.bodies import HeldBytes, read_body
from lungnet.serving.server.dicomweb_client import DicomwebClient, SeriesName
from lungnet.serving.server.dicomweb_servers import DicomwebServer
from lungnet.serving.server.limits import ServerLimits
from lungnet.serving.server.model_store import ServedScanner
from lungnet.serving.server.refusal import PROBLEM, Refusal
from lungnet.serving.server.scan_endpoint import JSON, served_scanner
from lungnet.serving.server.scan_limits import ScanLimits
from lungnet.serving.server.scanning import Scanning
from lungnet.serving.server.schemas import SCAN_PROPERTIES, TEXT, described
from lungnet.serving.server.series_scan import Result, Scanned, explained, scan_folder
from lungnet.serving.server.service import Service

Uid = Annotated[str, StringConstraints(pattern=r"^[0-9]+(\.[0-9]+)*$", max_length=64)]

_LIMITS = ServerLimits(max_body_bytes=2**14, max_decompressed_bytes=2**14, max_held_bytes=2**20)
_WHOLE = "What the DICOMweb server sent"


class Asked(BaseModel):
    """What the body of a request says."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    server: str = Field(description="Name of a DICOMweb server of the configuration.", max_length=32)
    study_uid: Uid = Field(alias="StudyInstanceUID")
    series_uid: Uid = Field(alias="SeriesInstanceUID")
    seg: bool = Field(False, description="Whether a DICOM SEG of the findings is stored, too.")


def add_dicomweb(
    app: FastAPI, service: Service, scanning: Scanning, servers: Mapping[str, DicomwebServer]
) -> None:
    """Adds `POST /scan/dicomweb` to an application."""
    bodies = HeldBytes(_LIMITS)
    schema = Asked.model_json_schema()
    schema["properties"]["server"]["enum"] = sorted(servers)
    body = {"requestBody": {"required": True, "content": {JSON: {"schema": schema}}}}

    @app.post("/scan/dicomweb", response_class=Response, responses=_RESPONSES, openapi_extra=body)
    async def scan_dicomweb(request: Request) -> Response:
        """Nodules in a CT series of a DICOMweb server, which is sent a DICOM SR of them."""
        with bodies.share() as share:
            headers = dict(request.scope["headers"])
            asked = _read(await read_body(headers, request.receive, _LIMITS, share))
        model, scanner = served_scanner(service)
        server = servers.get(asked.server)
        if server is None:
            known = ", ".join(sorted(servers))
            raise Refusal(
                422, f"There is no DICOMweb server of that name; expected one of {known}.", "unknown"
            )
        request.state.told = {"version": model.version, "dicomweb": server.name}
        name = SeriesName(asked.study_uid, asked.series_uid)
        client = DicomwebClient(server, scanning.limits)
        with scanning.place() as place:
            await client.fetch(name, place.folder)
            scanned, results = await place.run(
                lambda until: _scan(place.folder, name, asked.seg, scanner, scanning.limits, until)
            )
            await client.store(name.study_uid, results)
        told = {**scanned.to_json(), "stored": [_reference(one) for one in results]}
        return Response(json.dumps(told, allow_nan=False), media_type=JSON)


def _read(body: bytes) -> Asked:
    try:
        return Asked.model_validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
    if first["type"] == "json_invalid" or not first["loc"]:
        raise Refusal(400, "The request must be a JSON object.")
    names = [field.alias or name for name, field in Asked.model_fields.items()]
    if first["loc"][0] not in names:
        raise Refusal(422, f"A request holds {', '.join(names)}, and nothing else.")
    raise Refusal(422, f"{first['loc'][0]}: {first['msg']}.")


def _scan(
    folder: Path,
    name: SeriesName,
    with_segmentation: bool,
    scanner: ServedScanner,
    limits: ScanLimits,
    until: float,
) -> tuple[Scanned, list[Result]]:
    def check(headers: list[Header]) -> None:
        """Results are to be about the series that was asked for, and to lie in its study."""
        uids = {(one.text(elements.STUDY_UID), one.text(elements.SERIES_UID)) for one in headers}
        if uids != {(name.study_uid, name.series_uid)}:
            raise Refusal(502, "The DICOMweb server sent another series than was asked for.", "dicomweb")

    with explained(folder, _WHOLE):
        scanned = scan_folder(folder, _WHOLE, scanner, limits, until, check)
        return scanned, scanned.results(with_segmentation)


def _reference(result: Result) -> dict[str, str]:
    return {
        "Modality": result.modality,
        "SOPInstanceUID": result.instance_uid,
        "SeriesInstanceUID": result.series_uid,
    }


_STORED = {
    "type": "array",
    "items": described(Modality={"enum": ["SR", "SEG"]}, SOPInstanceUID=TEXT, SeriesInstanceUID=TEXT),
    "minItems": 1,
    "maxItems": 2,
    "description": "What the DICOMweb server was sent; no SEG where nothing was found.",
}
_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Scanned and stored.",
        "content": {JSON: {"schema": described(**SCAN_PROPERTIES, stored=_STORED)}},
    },
    **dict.fromkeys((400, 401, 403, 404, 408, 413, 422, 502, 503, 504), PROBLEM),
}

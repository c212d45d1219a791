"""The routes of the server."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from typing import Any

from fastapi import FastAPI, Request, Response
from starlette.exceptions import HTTPException

import lungnet
from lungnet.serving.server.access import OPEN_PATHS, Access, Guarded
from lungnet.serving.server.dicomweb_endpoint import add_dicomweb
from lungnet.serving.server.dicomweb_servers import DicomwebServer
from lungnet.serving.server.infer_endpoint import InferFirst, describe_infer
from lungnet.serving.server.observing import ASGIApp, Observed
from lungnet.serving.server.quick_infer import QuickInfer
from lungnet.serving.server.refusal import ERROR, FAILED, PROBLEM, Refusal, error_body
from lungnet.serving.server.scan_endpoint import add_scan
from lungnet.serving.server.scanning import Scanning
from lungnet.serving.server.schemas import FLAG, MODEL_METADATA, SERVER_METADATA, TEXT, described
from lungnet.serving.server.service import Service


def _answers(schema: dict[str, Any], *refusals: int) -> dict[int | str, dict[str, Any]]:
    """The responses of a route below /v2."""
    answered = {"description": "Answered.", "content": {"application/json": {"schema": schema}}}
    return {200: answered, **dict.fromkeys(refusals, ERROR)}


def build_app(
    service: Service,
    quick: QuickInfer,
    access: Access | None = None,
    reload_seconds: float = 5.0,
    scanning: Scanning | None = None,
    dicomweb: Mapping[str, DicomwebServer] | None = None,
) -> ASGIApp:
    """Returns the ASGI application of a server.

    Args:
        service: what answers.
        quick: told what was answered, so that its like need not come here again.
        access: who may ask; None for anybody who calls it by a name of this machine.
        reload_seconds: from one look for a newer version to the next.
        scanning: of whole CTs, closed with the server; None for no such route.
        dicomweb: servers by name, whose series are scanned; without any there is no such route.
    """

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        try:
            async with service.running(reload_seconds):
                yield
        finally:
            if scanning is not None:
                await asyncio.to_thread(scanning.close)

    app = FastAPI(
        title="lungnet",
        version=lungnet.__version__,
        description="Classifies patches of lung CT by the Open Inference Protocol (KServe v2), and finds "
        "nodules in whole CTs. For research; not for diagnosis.",
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
    )
    _handle_errors(app, service)
    _add_health(app, service)
    _add_model(app, service)
    if scanning is not None:
        add_scan(app, service, scanning)
        if dicomweb:
            add_dicomweb(app, service, scanning, dicomweb)
    describe_infer(app, service.limits.max_patches)
    if access is not None and access.token is not None:
        _describe_token(app)
    first, wait_seconds = InferFirst(app, service, quick), service.limits.retry_after_seconds
    guarded = Guarded(first, access or Access(), service.metrics, wait_seconds)
    return Observed(guarded, service.metrics)


def _handle_errors(app: FastAPI, service: Service) -> None:
    @app.exception_handler(Refusal)
    async def refused(request: Request, refusal: Refusal) -> Response:
        service.metrics.refused(refusal.reason)
        return _error(request, refusal.status, refusal.message, refusal.headers)

    @app.exception_handler(HTTPException)
    async def not_routed(request: Request, error: HTTPException) -> Response:
        return _error(request, error.status_code, str(error.detail), error.headers)

    @app.exception_handler(Exception)
    async def failed(request: Request, error: Exception) -> Response:
        return _error(request, 500, FAILED)


def _error(request: Request, status: int, message: str, headers: Mapping[str, str] | None = None) -> Response:
    body, media_type = error_body(request.url.path, status, message)
    return Response(body, status, headers, media_type)


def _add_health(app: FastAPI, service: Service) -> None:
    @app.get("/v2/health/live", responses=_answers(described(live=FLAG), 403))
    async def live() -> dict[str, bool]:
        """The process answers."""
        return {"live": True}

    @app.get("/v2/health/ready", responses=_answers(described(ready=FLAG), 403))
    async def ready() -> dict[str, bool]:
        """A model is open; there is no server without one."""
        return {"ready": True}

    @app.get("/v2", responses=_answers(SERVER_METADATA, 401, 403))
    async def server() -> dict[str, Any]:
        """What the server is."""
        return service.server_metadata()

    told = {"description": "Answered.", "content": {"text/plain": {"schema": TEXT}}}

    @app.get("/metrics", responses={200: told, 401: PROBLEM, 403: PROBLEM}, response_class=Response)
    async def metrics() -> Response:
        """Prometheus metrics."""
        return Response(service.metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8")


def _add_model(app: FastAPI, service: Service) -> None:
    plain, pinned = "/v2/models/{model_name}", "/v2/models/{model_name}/versions/{model_version}"
    told = _answers(MODEL_METADATA, 401, 403, 404)

    @app.get(plain, responses=told)
    @app.get(pinned, responses=told)
    async def model(model_name: str, model_version: str | None = None) -> dict[str, Any]:
        """What the model is: inputs, outputs, and the properties of its file."""
        return service.model_metadata(model_name, model_version)

    told_ready = _answers(described(name=TEXT, ready=FLAG), 401, 403, 404)

    @app.get(f"{plain}/ready", responses=told_ready)
    @app.get(f"{pinned}/ready", responses=told_ready)
    async def model_ready(model_name: str, model_version: str | None = None) -> dict[str, Any]:
        """The model answers."""
        return {"name": service.require(model_name, model_version) and model_name, "ready": True}


def _describe_token(app: FastAPI) -> None:
    """Says in the description which operations ask for the token."""
    told = app.openapi()
    told.setdefault("components", {})["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
    told["security"] = [{"token": []}]
    for path in OPEN_PATHS:
        for operation in told["paths"][path].values():
            operation["security"] = []

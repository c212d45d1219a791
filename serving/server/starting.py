"""A server, from its settings to its end."""

import contextlib
import importlib.util
from collections.abc import Callable
from pathlib import Path

from lungnet.cores import usable_cores
from lungnet.errors import InputError
from lungnet.serving.server.access import LOOPBACK_HOSTS, Access, check_exposure
from lungnet.serving.server.app import build_app
from lungnet.serving.server.dicomweb_servers import DicomwebServer, dicomweb_servers
from lungnet.serving.server.limits import ServerLimits
from lungnet.serving.server.model_store import ModelStore
from lungnet.serving.server.quick_infer import QuickInfer
from lungnet.serving.server.running import Tls, log_json_lines, serve
from lungnet.serving.server.scan_limits import ScanLimits
from lungnet.serving.server.scanning import Scanning
from lungnet.serving.server.server_settings import ServerSettings
from lungnet.serving.server.service import Service
from lungnet.serving.server.shared_metrics import SharedMetrics
from lungnet.serving.server.uploads import UploadFolder


def check_settings(settings: ServerSettings) -> tuple[ServerLimits, dict[str, DicomwebServer]]:
    """Returns limits and DICOMweb servers, if nothing is wrong with the settings themselves.

    Raises:
        InputError: others could reach the server unguarded, a DICOMweb server is not what it should be or
            its results cannot be made, or the limits contradict each other.
    """
    encrypted = settings.tls_cert is not None or settings.behind_proxy
    check_exposure(settings.host, settings.token, encrypted)
    dicomweb = dicomweb_servers(settings.dicomweb, settings.dicomweb_file)
    if dicomweb and importlib.util.find_spec("highdicom") is None:
        raise InputError("Results for DICOMweb servers need highdicom: pip install 'lungnet[dicom]'.")
    given = {"max_batch": settings.max_batch, "max_waiting": settings.max_waiting}
    try:
        limits = ServerLimits(**{name: value for name, value in given.items() if value is not None})
    except ValueError as error:
        raise InputError(str(error)) from error
    return limits, dicomweb


def run_server(
    settings: ServerSettings,
    on_listening: Callable[[str], None],
    processes: int = 1,
    shared_folder: Path | None = None,
) -> None:
    """Answers until the process is told to end.

    Args:
        settings: of the server.
        on_listening: called with the URL once connections are taken.
        processes: that make up the server; this is one of them.
        shared_folder: private to these processes; None where there is one.

    Raises:
        InputError: as `check_settings`, the model cannot be opened, or the address cannot be had.
    """
    limits, dicomweb = check_settings(settings)
    log_json_lines()
    several, cores = processes > 1, settings.threads or usable_cores()
    service = Service(
        lambda on_reload: ModelStore(
            settings.model_dir,
            providers=settings.providers or None,
            threads=settings.threads,
            batch_size=limits.max_batch,
            require_gpu=settings.require_gpu,
            on_reload=on_reload,
        ),
        limits.for_each_of(processes),
        max(1, cores // processes),
        in_loop=several and processes >= cores,
        shared=SharedMetrics(shared_folder) if shared_folder else None,
    )
    hosts = LOOPBACK_HOSTS | {name.lower() for name in (settings.host, *settings.hosts)}
    turn = shared_folder / "scan-turn" if shared_folder else None
    quick = QuickInfer(service)
    access = Access(hosts, settings.token)
    cert, key = settings.tls_cert, settings.tls_key
    tls = Tls(cert, key) if cert and key else None
    limits_of_scans = ScanLimits().for_each_of(processes)
    with contextlib.closing(Scanning(limits_of_scans, UploadFolder(settings.upload_dir), turn)) as scanning:
        app = build_app(service, quick, access, settings.reload_seconds, scanning, dicomweb)
        serve(app, quick, settings.host, settings.port, tls, on_listening, shared_port=several)

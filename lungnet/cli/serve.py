"""`lungnet serve`: the classifier over HTTP."""

import importlib.util
import os
from pathlib import Path

import click

from lungnet.cli import options
from lungnet.errors import InputError

#: The environment variable that may hold the token.
TOKEN_VARIABLE = "LUNGNET_SERVER_TOKEN"  # noqa: S105

EPILOG = """\b
Examples:
  lungnet serve
  lungnet serve --model-dir lungnet-run/serving_model
  curl http://127.0.0.1:8000/v2/models/classifier
  curl --data-binary @series.zip http://127.0.0.1:8000/scan
  lungnet serve --model-dir serving_model --dicomweb archive=https://pacs.example.org/dicom-web
  lungnet serve --model-dir serving_model --host 0.0.0.0 --allow-host ct.example.org \\
      --token-file token --tls-cert cert.pem --tls-key key.pem
"""


@click.command(epilog=EPILOG)
@click.option(
    "--model-dir",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder of versions, as a run's Pusher fills it, or of one classifier.onnx; by default the model "
    "that comes with lungnet.",
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), default=8000, show_default=True, help="0: a free one.")
@click.option(
    "--allow-host", "hosts", multiple=True, metavar="NAME", help="A name that clients call the server by."
)
@click.option(
    "--token-file",
    type=click.Path(path_type=Path, dir_okay=False),
    help=f"File with the token that clients must send; or set {TOKEN_VARIABLE}.",
)
@click.option("--tls-cert", type=click.Path(path_type=Path, dir_okay=False), help="Certificate chain, PEM.")
@click.option("--tls-key", type=click.Path(path_type=Path, dir_okay=False), help="Its key, PEM.")
@click.option("--behind-proxy", is_flag=True, help="A proxy in front of the server has TLS.")
@options.execution
@click.option("--threads", type=click.IntRange(min=1), help="Cores for the model; by default all.")
@click.option("--max-batch", type=click.IntRange(min=1), help="Patches that the model sees at once.")
@click.option("--max-waiting", type=click.IntRange(min=1), help="Patches that wait; more get 503.")
@click.option(
    "--upload-dir",
    type=click.Path(path_type=Path, file_okay=False),
    help="Private folder in which uploaded CTs lie while they are scanned.",
)
@click.option(
    "--dicomweb",
    "dicomweb_named",
    multiple=True,
    metavar="NAME=URL",
    help="A DICOMweb server whose series may be scanned.",
)
@click.option(
    "--dicomweb-file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="TOML with a table [NAME] for each DICOMweb server: url, ca_file, plain_http.",
)
@click.option("--reload-seconds", type=click.FloatRange(min=0.1), default=5.0, show_default=True)
def command(
    model_dir: Path | None,
    host: str,
    port: int,
    hosts: tuple[str, ...],
    token_file: Path | None,
    tls_cert: Path | None,
    tls_key: Path | None,
    behind_proxy: bool,
    providers: tuple[str, ...],
    require_gpu: bool,
    threads: int | None,
    max_batch: int | None,
    max_waiting: int | None,
    upload_dir: Path | None,
    dicomweb_named: tuple[str, ...],
    dicomweb_file: Path | None,
    reload_seconds: float,
) -> None:
    """Serves the newest model by the Open Inference Protocol (KServe v2). For research, not for diagnosis.

    Requests that come at once are answered by one run of the model. A newer version is taken as soon as it is
    there. Logs are JSON lines on stderr. Credentials of DICOMweb servers are taken from the environment:
    LUNGNET_DICOMWEB_NAME_TOKEN, or LUNGNET_DICOMWEB_NAME_USER and LUNGNET_DICOMWEB_NAME_PASSWORD.
    """
    if (tls_cert is None) != (tls_key is None):
        raise click.UsageError("--tls-cert and --tls-key go together.")
    try:
        from lungnet.serving.server import Access, ModelStore, ServerLimits, build_app, serve
        from lungnet.serving.server.access import LOOPBACK_HOSTS, check_exposure
        from lungnet.serving.server.dicomweb_servers import dicomweb_servers
        from lungnet.serving.server.quick_infer import QuickInfer
        from lungnet.serving.server.running import Tls, log_json_lines
        from lungnet.serving.server.scan_limits import ScanLimits
        from lungnet.serving.server.scanning import Scanning
        from lungnet.serving.server.service import Service
        from lungnet.serving.server.uploads import UploadFolder
        from lungnet.serving.shipped_model import SHIPPED_MODEL
    except ImportError as error:
        raise InputError(f"{error.name} is not installed; expected pip install 'lungnet[server]'.") from error

    token = _token(token_file)
    check_exposure(host, token, tls_cert is not None or behind_proxy)
    dicomweb = dicomweb_servers(dicomweb_named, dicomweb_file)
    if dicomweb and importlib.util.find_spec("highdicom") is None:
        raise InputError("Results for DICOMweb servers need highdicom: pip install 'lungnet[dicom]'.")
    given = {"max_batch": max_batch, "max_waiting": max_waiting}
    chosen = {name: value for name, value in given.items() if value is not None}
    try:
        limits = ServerLimits(**chosen)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    log_json_lines()
    service = Service(
        lambda on_reload: ModelStore(
            SHIPPED_MODEL if model_dir is None else model_dir,
            providers=providers or None,
            threads=threads,
            batch_size=limits.max_batch,
            require_gpu=require_gpu,
            on_reload=on_reload,
        ),
        limits,
        threads,
    )
    access = Access(LOOPBACK_HOSTS | {host.lower()} | {name.lower() for name in hosts}, token)
    scanning = Scanning(ScanLimits(), UploadFolder(upload_dir))
    quick = QuickInfer(service)
    app = build_app(service, quick, access, reload_seconds, scanning, dicomweb)
    tls = Tls(tls_cert, tls_key) if tls_cert and tls_key else None
    serve(app, quick, host, port, tls, on_listening=lambda url: click.echo(f"Serving {url}"))


def _token(path: Path | None) -> str | None:
    if path is None:
        return os.environ.get(TOKEN_VARIABLE) or None
    try:
        return path.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"Cannot read a token from {path}; expected a line of ASCII.") from error

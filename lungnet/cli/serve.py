"""`lungnet serve`: the classifier over HTTP."""

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
@click.option(
    "--workers",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Processes that answer; one for each core answers most patches (Linux).",
)
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
    workers: int,
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
        from lungnet.serving.server.server_settings import ServerSettings
        from lungnet.serving.server.starting import run_server
    except ImportError as error:
        raise InputError(f"{error.name} is not installed; expected pip install 'lungnet[server]'.") from error

    given = {
        "model_dir": model_dir,
        "host": host,
        "port": port,
        "hosts": hosts,
        "token": _token(token_file),
        "tls_cert": tls_cert,
        "tls_key": tls_key,
        "behind_proxy": behind_proxy,
        "providers": providers,
        "require_gpu": require_gpu,
        "threads": threads,
        "max_batch": max_batch,
        "max_waiting": max_waiting,
        "upload_dir": upload_dir,
        "dicomweb": dicomweb_named,
        "dicomweb_file": dicomweb_file,
        "reload_seconds": reload_seconds,
    }
    settings = ServerSettings.model_validate({name: one for name, one in given.items() if one is not None})

    def tell(url: str) -> None:
        click.echo(f"Serving {url}")

    if workers == 1:
        run_server(settings, tell)
    else:
        from lungnet.cli.serve_workers import serve_with_workers

        serve_with_workers(settings, workers, tell)


def _token(path: Path | None) -> str | None:
    if path is None:
        return os.environ.get(TOKEN_VARIABLE) or None
    try:
        return path.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"Cannot read a token from {path}; expected a line of ASCII.") from error

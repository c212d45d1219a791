"""What a server is told, as data that may be handed from one process to another."""

from pathlib import Path

from pydantic import Field

from lungnet.config import Section
from lungnet.serving.shipped_model import SHIPPED_MODEL


class ServerSettings(Section):
    """The options of `lungnet serve`.

    Attributes:
        model_dir: of `ModelStore`.
        host, port: to listen on; port 0 takes a free one.
        hosts: names that clients call the server by, besides those of this machine.
        token: that clients must send; None for none.
        tls_cert, tls_key: PEM files; None for http.
        behind_proxy: a proxy in front of the server has TLS.
        providers, require_gpu: of `lungnet.serving.NoduleClassifier`.
        threads: cores for the model; None for all.
        max_batch, max_waiting: of `ServerLimits`; None for its own.
        upload_dir: of `UploadFolder`.
        dicomweb: texts `name=URL`.
        dicomweb_file: TOML with further DICOMweb servers.
        reload_seconds: from one look for a newer version to the next.
    """

    model_dir: Path = Path(SHIPPED_MODEL)
    host: str = "127.0.0.1"
    port: int = 0
    hosts: tuple[str, ...] = ()
    token: str | None = Field(default=None, repr=False)
    tls_cert: Path | None = None
    tls_key: Path | None = None
    behind_proxy: bool = False
    providers: tuple[str, ...] = ()
    require_gpu: bool = False
    threads: int | None = None
    max_batch: int | None = None
    max_waiting: int | None = None
    upload_dir: Path | None = None
    dicomweb: tuple[str, ...] = ()
    dicomweb_file: Path | None = None
    reload_seconds: float = 5.0

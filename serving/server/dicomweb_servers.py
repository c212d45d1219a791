"""The DICOMweb servers that a server knows: by name, from its configuration alone."""

import base64
import os
import re
import ssl
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import ValidationError

from lungnet.config import Section
from lungnet.errors import InputError
from lungnet.serving.server.access import is_loopback

#: A name of a server, which also stands in the names of environment variables.
_NAME = re.compile(r"[a-z][a-z0-9-]{0,31}")
_VARIABLES = "LUNGNET_DICOMWEB_"


class DicomwebSection(Section):
    """A table `[NAME]` of the file of DICOMweb servers.

    Attributes:
        url: below which `/studies` lies, https.
        ca_file: PEM of the authority that signed its certificate, from the folder of this file; None for
            those that the system trusts.
        plain_http: the way there is protected by other means, and http may be used.
    """

    url: str
    ca_file: Path | None = None
    plain_http: bool = False


@dataclass(frozen=True)
class DicomwebServer:
    """A DICOMweb server.

    Attributes:
        name: that requests call it by.
        url: below which `/studies` lies, without a slash at its end.
        authorization: value of the header; None for none.
        tls: how its certificate is checked; None for http.
    """

    name: str
    url: str
    authorization: str | None = field(default=None, repr=False)
    tls: ssl.SSLContext | None = field(default=None, repr=False)


def dicomweb_servers(
    named: Iterable[str], file: Path | None = None, environment: Mapping[str, str] = os.environ
) -> dict[str, DicomwebServer]:
    """Returns the servers by name.

    Credentials come from the environment: `LUNGNET_DICOMWEB_NAME_TOKEN` is sent as `Bearer`;
    `LUNGNET_DICOMWEB_NAME_USER` and `..._PASSWORD` as `Basic`. NAME is in capitals, with `_` for `-`.

    Args:
        named: texts `name=URL`.
        file: TOML with a table for each server; see `DicomwebSection`.
        environment: where credentials are looked for.

    Raises:
        InputError: a name, an address, a credential or the file is not what it should be, or a name stands
            there twice.
    """
    sections: dict[str, tuple[DicomwebSection, Path]] = {}
    for text in named:
        name, equals, url = text.partition("=")
        if not equals:
            raise InputError(
                "A DICOMweb server is written NAME=URL, such as archive=https://pacs.example.org."
            )
        if name in sections:
            raise InputError(f"DICOMweb server {name!a} is named twice.")
        sections[name] = DicomwebSection(url=url), Path()
    if file is not None:
        for name, section in _read(file).items():
            if name in sections:
                raise InputError(f"DICOMweb server {name!a} is named twice.")
            sections[name] = section, file.parent
    return {name: _server(name, *section, environment) for name, section in sections.items()}


def _read(path: Path) -> dict[str, DicomwebSection]:
    try:
        tables = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise InputError(f"Cannot read DICOMweb servers from {path}: {error.strerror or error}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is not TOML: {error}.") from error
    sections = {}
    for name, table in tables.items():
        try:
            sections[name] = DicomwebSection.model_validate(table)
        except ValidationError as error:
            first = error.errors()[0]
            key = ".".join(str(part) for part in (name, *first["loc"]))
            expected = ", ".join(DicomwebSection.model_fields)
            raise InputError(f"{path}: {key}: {first['msg']}; expected a table with {expected}.") from None
    return sections


def _server(
    name: str, section: DicomwebSection, folder: Path, environment: Mapping[str, str]
) -> DicomwebServer:
    if not _NAME.fullmatch(name):
        raise InputError(
            "A DICOMweb server's name must be 1 to 32 small letters, digits and hyphens, a letter first. "
            f"Received: {name!a}"
        )
    where = f"DICOMweb server {name}"
    try:
        address = urlsplit(section.url)
        host, _ = address.hostname or "", address.port
    except ValueError as error:
        raise InputError(f"{where}: the address is no URL.") from error
    if address.username is not None or address.password is not None:
        raise InputError(
            f"{where}: the address holds credentials; expected them in the environment, "
            f"{_variable(name, 'USER')} and {_variable(name, 'PASSWORD')}."
        )
    plain = section.url.isascii() and section.url.isprintable() and not set(" ?#") & set(section.url)
    if address.scheme not in ("http", "https") or not host or not plain:
        raise InputError(f"{where}: expected an address such as https://pacs.example.org/dicom-web.")
    if address.scheme == "http" and not (is_loopback(host) or section.plain_http):
        raise InputError(
            f"{where}: patients' images would go unencrypted to {host}; expected https, or plain_http = true "
            "in the file of DICOMweb servers where the way there is protected by other means."
        )
    tls = _tls(where, section, folder) if address.scheme == "https" else None
    return DicomwebServer(name, section.url.rstrip("/"), _authorization(name, environment), tls)


def _tls(where: str, section: DicomwebSection, folder: Path) -> ssl.SSLContext:
    path = None if section.ca_file is None else folder / section.ca_file
    try:
        return ssl.create_default_context(cafile=path)
    except OSError as error:  # ssl.SSLError is one
        raise InputError(
            f"{where}: cannot read certificates from {path}: {error.strerror or error}."
        ) from error


def _authorization(name: str, environment: Mapping[str, str]) -> str | None:
    token, user, password = (environment.get(_variable(name, what)) for what in ("TOKEN", "USER", "PASSWORD"))
    if token is not None and not (token and token.isascii() and token.isprintable()):
        raise InputError(f"{_variable(name, 'TOKEN')} must be printable ASCII.")
    if (user is None) != (password is None) or (token is not None and user is not None):
        raise InputError(
            f"DICOMweb server {name}: expected {_variable(name, 'TOKEN')} alone, or "
            f"{_variable(name, 'USER')} and {_variable(name, 'PASSWORD')}."
        )
    if token is not None:
        return f"Bearer {token}"
    if user is not None:
        return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
    return None


def _variable(name: str, what: str) -> str:
    return f"{_VARIABLES}{name.upper().replace('-', '_')}_{what}"

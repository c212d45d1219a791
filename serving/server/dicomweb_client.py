"""A series from a DICOMweb server, and results back to it (PS3.18: QIDO-RS, WADO-RS, STOW-RS).

Redirects are not followed, proxies of the environment not asked and cookies not kept: what is said to a
server goes to the address of the configuration. What a server says in an error is passed on to nobody.
"""

import asyncio
import contextlib
import io
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp.http_exceptions import HttpProcessingError
from yarl import URL

from lungnet.serving.server.dicomweb_servers import DicomwebServer
from lungnet.serving.server.refusal import Refusal
from lungnet.serving.server.scan_limits import ScanLimits
from lungnet.serving.server.series_scan import Result, several_patients

_CONNECT_SECONDS = 10.0
_CHUNK = 2**18
#: Of an answer in JSON, which tells of one series or of two instances.
_MAX_JSON_BYTES = 2**20
_JSON = "application/dicom+json"
_INSTANCES = 'multipart/related; type="application/dicom"'
#: Elements as DICOM JSON names them.
_MODALITY, _PATIENT_ID, _SERIES_UID, _INSTANCE_COUNT = "00080060", "00100020", "0020000E", "00201209"
_STORED, _FAILED, _FAILURE, _INSTANCE_UID = "00081199", "00081198", "00081197", "00081155"
#: Failure reason (0008,1197): the server has an instance of this UID. Ours follow from what they say.
_DUPLICATE = 0x0111


@dataclass(frozen=True)
class SeriesName:
    """Which series: UIDs of study and series, digits and dots."""

    study_uid: str
    series_uid: str

    @property
    def path(self) -> str:
        """Below the address of a server."""
        return f"/studies/{self.study_uid}/series/{self.series_uid}"


class DicomwebClient:
    """Speaks to one DICOMweb server.

    Args:
        server: of the configuration.
        limits: of series, and of the time that the server has.
    """

    def __init__(self, server: DicomwebServer, limits: ScanLimits) -> None:
        self._server, self._limits = server, limits

    async def fetch(self, name: SeriesName, folder: Path) -> None:
        """Writes the instances of a CT series into a folder, numbered.

        Raises:
            Refusal: the server does not know the series (404), or it is no CT (422) or too large (413); the
                server cannot be reached or speaks otherwise (502), or takes too long (504).
        """
        async with self._speaking("sending the series", self._limits.fetch_seconds) as session:
            count = await self._look_up(session, name)
            async with self._ask(session, "GET", name.path, headers={"Accept": _INSTANCES}) as answer:
                self._expect(answer, 200)
                received = await self._receive(answer, folder)
        if count is not None and received != count:
            raise self._bad(f"sent {received} of the {count} instances that it says the series has")

    async def store(self, study_uid: str, results: Sequence[Result]) -> None:
        """Stores results in a study; those that the server has already count as stored.

        Raises:
            Refusal: the server does not confirm each of them, or cannot be reached (502), or takes too long
                (504).
        """
        with aiohttp.MultipartWriter("related") as body:
            for one in results:
                headers = {"Content-Type": "application/dicom"}
                body.append_payload(aiohttp.BytesIOPayload(io.BytesIO(one.content), headers=headers))
        headers = {"Accept": _JSON, "Content-Type": f'{_INSTANCES}; boundary="{body.boundary}"'}
        path = f"/studies/{study_uid}"
        async with (
            self._speaking("taking the results", self._limits.store_seconds) as session,
            self._ask(session, "POST", path, headers=headers, data=body) as answer,
        ):
            self._expect(answer, 200, 202, 409)  # all, some, none were stored
            told = await self._json(answer)
        confirmed = _confirmed(told) if isinstance(told, dict) else set()
        if not {one.instance_uid for one in results} <= confirmed:
            raise self._bad("did not store the results")

    async def _look_up(self, session: aiohttp.ClientSession, name: SeriesName) -> int | None:
        """Returns how many instances the series has, where the server says so."""
        query = [
            ("SeriesInstanceUID", name.series_uid),
            ("includefield", _PATIENT_ID),
            ("includefield", _INSTANCE_COUNT),
        ]
        path = f"/studies/{name.study_uid}/series"
        async with self._ask(session, "GET", path, params=query, headers={"Accept": _JSON}) as answer:
            if answer.status in (204, 404):
                raise _unknown()
            self._expect(answer, 200)
            told = await self._json(answer)
        if not isinstance(told, list) or not all(isinstance(one, dict) for one in told):
            raise self._bad("answered a query with something else than DICOM JSON")
        found = [one for one in told if _value(one, _SERIES_UID) == name.series_uid]
        if not found:
            raise _unknown()
        # Servers that tell series apart by patient, too, list one for each, and send none of them.
        patients = {str(_value(one, _PATIENT_ID)) for one in found}
        if len(patients) > 1:
            raise several_patients(len(patients))
        if _value(found[0], _MODALITY) not in ("CT", None):
            raise Refusal(422, "The series is no CT, by its (0008,0060) Modality.", "series")
        count = _value(found[0], _INSTANCE_COUNT)
        if type(count) is not int:
            return None
        self._check_count(count)
        return count

    async def _receive(self, answer: aiohttp.ClientResponse, folder: Path) -> int:
        if answer.content_type != "multipart/related":
            raise self._bad("answered with something else than DICOM instances")
        reader = aiohttp.MultipartReader(answer.headers, answer.content)
        count, left = 0, self._limits.max_unpacked_bytes
        while (part := await reader.next()) is not None:
            if not isinstance(part, aiohttp.BodyPartReader):
                raise self._bad("answered with something else than DICOM instances")
            self._check_count(count + 1)
            with (folder / f"{count:06d}").open("xb") as file:
                while chunk := await part.read_chunk(_CHUNK):
                    left -= len(chunk)
                    if left < 0:
                        limit = f"{self._limits.max_unpacked_bytes:,}"
                        raise Refusal(413, f"A series may have at most {limit} bytes.", "too_large")
                    file.write(chunk)
            count += 1
        return count

    def _check_count(self, count: int) -> None:
        if count > self._limits.max_slices:
            raise Refusal(413, f"A series may have at most {self._limits.max_slices:,} slices.", "too_large")

    @contextlib.asynccontextmanager
    async def _speaking(self, what: str, seconds: float) -> AsyncIterator[aiohttp.ClientSession]:
        headers = {"Accept-Encoding": "identity"}
        if self._server.authorization is not None:
            headers["Authorization"] = self._server.authorization
        try:
            async with (
                asyncio.timeout(seconds),
                aiohttp.ClientSession(
                    headers=headers,
                    cookie_jar=aiohttp.DummyCookieJar(),
                    auto_decompress=False,
                    timeout=aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_SECONDS),
                ) as session,
            ):
                yield session
        except TimeoutError as error:  # aiohttp's own are such
            raise Refusal(
                504, f"DICOMweb server {self._server.name} took too long {what}.", "dicomweb"
            ) from error
        except aiohttp.ClientSSLError as error:
            raise self._bad("does not prove by a trusted certificate that it is the one") from error
        except (aiohttp.ClientConnectorError, ConnectionError) as error:
            raise self._bad("cannot be reached") from error
        # aiohttp's for what is no HTTP, or no multipart
        except (aiohttp.ClientError, HttpProcessingError, ValueError) as error:
            raise self._bad("broke off, or answered with something else than DICOMweb") from error

    def _ask(
        self, session: aiohttp.ClientSession, method: str, path: str, **more: Any
    ) -> contextlib.AbstractAsyncContextManager[aiohttp.ClientResponse]:
        url = URL(self._server.url + path, encoded=True)
        return session.request(method, url, allow_redirects=False, ssl=self._server.tls or True, **more)

    def _expect(self, answer: aiohttp.ClientResponse, *statuses: int) -> None:
        if answer.status in (401, 403):
            raise self._bad("did not accept this server's credentials")
        if 300 <= answer.status < 400:
            raise self._bad("redirects to another address, which is not followed")
        if answer.status not in statuses:
            raise self._bad(f"answered with status {answer.status}")
        if answer.headers.get("Content-Encoding", "identity") != "identity":
            raise self._bad("compressed an answer that was to be plain")

    async def _json(self, answer: aiohttp.ClientResponse) -> Any:
        text = bytearray()
        async for chunk in answer.content.iter_chunked(_CHUNK):
            text += chunk
            if len(text) > _MAX_JSON_BYTES:
                raise self._bad("answered with more than was asked for")
        try:
            return json.loads(text)
        except (ValueError, RecursionError):  # a UnicodeDecodeError is a ValueError
            return None

    def _bad(self, what: str) -> Refusal:
        return Refusal(502, f"DICOMweb server {self._server.name} {what}.", "dicomweb")


def _unknown() -> Refusal:
    return Refusal(404, "The DICOMweb server has no such series.", "unknown")


def _values(element: dict[str, Any], tag: str) -> list[Any]:
    """The values of an element in DICOM JSON."""
    held = element.get(tag)
    values = held.get("Value") if isinstance(held, dict) else None
    return values if isinstance(values, list) else []


def _value(element: dict[str, Any], tag: str) -> Any:
    """The first value of an element, None where there is none."""
    return next(iter(_values(element, tag)), None)


def _items(element: dict[str, Any], tag: str) -> list[dict[str, Any]]:
    return [one for one in _values(element, tag) if isinstance(one, dict)]


def _confirmed(told: dict[str, Any]) -> set[Any]:
    """UIDs of the instances that a server says it has."""
    duplicates = [one for one in _items(told, _FAILED) if _value(one, _FAILURE) == _DUPLICATE]
    return {
        uid
        for one in (*_items(told, _STORED), *duplicates)
        if isinstance(uid := _value(one, _INSTANCE_UID), str)
    }

"""A CT series from an upload to what was found in it."""

import asyncio
import io
import json
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from starlette.requests import ClientDisconnect, Request

from lungnet.ct import SeriesFiles, elements, read_series
from lungnet.ct.series import survey
from lungnet.errors import InputError
from lungnet.serving.detection import detections_json
from lungnet.serving.dicom_results import sr_dataset
from lungnet.serving.server.archives import unpack
from lungnet.serving.server.model_store import ServedScanner
from lungnet.serving.server.refusal import Refusal
from lungnet.serving.server.scan_limits import ScanLimits
from lungnet.serving.server.uploads import UploadFolder

JSON, DICOM = "application/json", "application/dicom"


class Scanning:
    """Scans one series after the other.

    Args:
        limits: of uploads.
        uploads: where they lie.

    Attributes:
        limits: as given.
    """

    def __init__(self, limits: ScanLimits, uploads: UploadFolder) -> None:
        self.limits, self._uploads = limits, uploads
        self._executor = ThreadPoolExecutor(1, "scan")
        self._under_way = 0

    async def scan(self, request: Request, scanner: ServedScanner, media_type: str) -> bytes:
        """Returns what was found in the series of a zipped upload.

        Args:
            request: its body is the archive.
            scanner: of the model.
            media_type: `JSON`, as `detections_json` has it, or `DICOM`, a structured report.

        Raises:
            Refusal: there is no room (503) or time (408, 503) for it, it is no archive (400) or too large
                (413), or holds no series that can be scanned (422).
        """
        if self._under_way >= self.limits.max_scans:
            raise self._unavailable("Too many scans are under way; try again.", "busy")
        self._under_way += 1
        folder = self._uploads.new()
        try:
            await self._receive(request, folder / "archive")
        except BaseException:
            self._leave(folder)
            raise
        until = time.monotonic() + self.limits.scan_seconds
        job = asyncio.get_running_loop().run_in_executor(
            self._executor, self._find, folder, scanner, media_type, until
        )
        # Its place is free when the scan has ended, also where nobody waits for that any more.
        job.add_done_callback(lambda done: self._leave(folder, done))
        try:
            async with asyncio.timeout(self.limits.scan_seconds):
                return await asyncio.shield(job)
        except TimeoutError as error:
            raise self._unavailable(
                f"No answer within {self.limits.scan_seconds:g} s; try again.", "late"
            ) from error

    def close(self) -> None:
        """Ends the thread when it has done what it does, and removes all uploads."""
        self._executor.shutdown(cancel_futures=True)
        self._uploads.close()

    async def _receive(self, request: Request, path: Path) -> None:
        size = 0
        try:
            with path.open("xb") as file:
                async with asyncio.timeout(self.limits.upload_seconds):
                    async for chunk in request.stream():
                        size += len(chunk)
                        if size > self.limits.max_upload_bytes:
                            limit = f"{self.limits.max_upload_bytes:,}"
                            raise Refusal(413, f"An archive may have at most {limit} bytes.", "too_large")
                        file.write(chunk)
            return
        except TimeoutError:
            refusal = Refusal(408, f"The archive took longer than {self.limits.upload_seconds:g} s.", "slow")
        except ClientDisconnect:
            refusal = Refusal(400, "The connection ended within the archive.", "disconnected")
        except Refusal as error:
            refusal = error
        refusal.headers["Connection"] = "close"
        raise refusal

    def _find(self, folder: Path, scanner: ServedScanner, media_type: str, until: float) -> bytes:
        """Does the work, in the thread of scans."""
        if time.monotonic() > until:  # it has waited for others all the while
            raise self._unavailable("There was no time for this scan; try again.", "late")
        files = folder / "files"
        files.mkdir()
        unpack(folder / "archive", files, self.limits, until)
        try:
            series = self._series(files)
            detections = scanner.scanner.scan(read_series(series))
            if media_type == DICOM:
                stream = io.BytesIO()
                report = sr_dataset(series, detections, scanner.facts())
                report.save_as(stream, enforce_file_format=True)
                return stream.getvalue()
        except InputError as error:
            said = str(error).replace(f"{files}/", "").replace(str(files), "The archive")
            raise Refusal(422, said, "series") from error
        settings = {
            **scanner.scanner.config.model_dump(mode="json"),
            "threshold": scanner.scanner.threshold,
        }
        told: dict[str, Any] = detections_json(detections, scanner.scanner.metadata, settings)
        return json.dumps(told, allow_nan=False).encode()

    def _series(self, files: Path) -> SeriesFiles:
        """The one series of an archive, of one patient, and of a size that is no attack."""
        found = survey(files)
        if len(found.series) != 1 or found.series[0].kind != "dicom":
            raise InputError(
                f"The archive holds {len(found.series)} CT series in DICOM; expected the slices of one."
            )
        (series,) = found.series
        headers = found.headers[series.series_uid]
        patients = {header.values.get(elements.PATIENT_ID, b"").strip(b" \0") for header in headers}
        if len(patients) > 1:
            raise InputError(f"The slices name {len(patients)} patients, (0010,0020); expected one.")
        if len(headers) > self.limits.max_slices:
            raise Refusal(413, f"A series may have at most {self.limits.max_slices:,} slices.", "too_large")
        pixels = max(one.integer(elements.ROWS, 0) * one.integer(elements.COLUMNS, 0) for one in headers)
        if pixels > self.limits.max_slice_pixels:
            raise Refusal(
                413, f"A slice may have at most {self.limits.max_slice_pixels:,} pixels.", "too_large"
            )
        return series

    def _unavailable(self, message: str, reason: str) -> Refusal:
        return Refusal(503, message, reason, self.limits.retry_after_seconds)

    def _leave(self, folder: Path, done: "asyncio.Future[bytes] | None" = None) -> None:
        self._under_way -= 1
        if done is not None and not done.cancelled():
            done.exception()  # nobody may wait for it any more
        shutil.rmtree(folder, ignore_errors=True)

"""A CT series on disk, from anybody: looked at, scanned, and what was found in it told."""

import contextlib
import io
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lungnet.ct import SeriesFiles, elements, read_series
from lungnet.ct.elements import Header
from lungnet.ct.series import survey
from lungnet.errors import InputError
from lungnet.serving.detection import Detection, detections_json
from lungnet.serving.dicom_results import seg_dataset, sr_dataset
from lungnet.serving.dicom_source import read_source
from lungnet.serving.server.model_store import ServedScanner
from lungnet.serving.server.refusal import Refusal
from lungnet.serving.server.scan_limits import ScanLimits

if TYPE_CHECKING:
    from pydicom.dataset import Dataset


@dataclass(frozen=True)
class Result:
    """A DICOM object about a series.

    Attributes:
        modality: SR or SEG.
        instance_uid: (0008,0018).
        series_uid: (0020,000E), of results of its kind.
        content: its file.
    """

    modality: str
    instance_uid: str
    series_uid: str
    content: bytes


@dataclass(frozen=True)
class Scanned:
    """What was found in a series.

    Attributes:
        series: its files.
        detections: the most probable first.
        scanner: what found them.
    """

    series: SeriesFiles
    detections: list[Detection]
    scanner: ServedScanner

    def to_json(self) -> dict[str, Any]:
        """Returns the detections as `lungnet scan --json` writes them."""
        scanner = self.scanner.scanner
        settings = {**scanner.config.model_dump(mode="json"), "threshold": scanner.threshold}
        return detections_json(self.detections, scanner.metadata, settings)

    def results(self, with_segmentation: bool = False) -> list[Result]:
        """Returns a structured report, and behind it a segmentation where there is something to segment.

        Raises:
            InputError: the files of the series disagree about what results inherit, or lack it.
        """
        source, facts = read_source(self.series), self.scanner.facts()
        made = [_result(sr_dataset(source, self.detections, facts))]
        if with_segmentation and self.detections:
            made.append(_result(seg_dataset(source, self.detections, facts)))
        return made


@contextlib.contextmanager
def explained(folder: Path, whole: str) -> Iterator[None]:
    """Turns what is wrong with a series into a refusal (422) that names no path.

    Args:
        folder: in which the series lies.
        whole: what to call the folder at the beginning of a sentence.
    """
    try:
        yield
    except InputError as error:
        said = str(error).replace(f"{folder}/", "").replace(str(folder), whole)
        raise Refusal(422, said, "series") from error


def scan_folder(
    folder: Path,
    whole: str,
    scanner: ServedScanner,
    limits: ScanLimits,
    until: float,
    check: Callable[[list[Header]], None] = lambda headers: None,
) -> Scanned:
    """Scans the one CT series of a folder.

    Args:
        folder: with the files of one series of one patient.
        whole: as for `explained`.
        scanner: of the model.
        limits: of a series.
        until: of `time.monotonic`, when to give up reading headers.
        check: raises where the headers are not those that were expected.

    Raises:
        InputError: there is no such series, or it cannot be scanned.
        Refusal: it is larger than anybody's CT (413), or reading its headers takes too long (503).
    """

    def in_time() -> None:
        if time.monotonic() > until:
            raise Refusal(503, "Reading headers took too long.", "late", limits.retry_after_seconds)

    found = survey(folder, in_time)
    if len(found.series) != 1 or found.series[0].kind != "dicom":
        raise InputError(f"{whole} holds {len(found.series)} CT series in DICOM; expected the slices of one.")
    (series,) = found.series
    headers = found.headers[series.series_uid]
    _check_bounds(headers, limits)
    check(headers)
    return Scanned(series, scanner.scanner.scan(read_series(series)), scanner)


def several_patients(count: int) -> Refusal:
    """Returns what a series of more than one patient is refused with (422)."""
    return Refusal(422, f"The slices name {count} patients, (0010,0020); expected one.", "series")


def _check_bounds(headers: list[Header], limits: ScanLimits) -> None:
    patients = {header.values.get(elements.PATIENT_ID, b"").strip(b" \0") for header in headers}
    if len(patients) > 1:
        raise several_patients(len(patients))
    if len(headers) > limits.max_slices:
        raise Refusal(413, f"A series may have at most {limits.max_slices:,} slices.", "too_large")
    pixels = [one.integer(elements.ROWS, 0) * one.integer(elements.COLUMNS, 0) for one in headers]
    if max(pixels) > limits.max_slice_pixels:
        raise Refusal(413, f"A slice may have at most {limits.max_slice_pixels:,} pixels.", "too_large")
    # Compressed slices may be far smaller than what comes out of them.
    if sum(pixels) > limits.max_voxels:
        raise Refusal(413, f"A series may have at most {limits.max_voxels:,} voxels.", "too_large")


def _result(dataset: "Dataset") -> Result:
    stream = io.BytesIO()
    dataset.save_as(stream, enforce_file_format=True)
    uids = str(dataset.SOPInstanceUID), str(dataset.SeriesInstanceUID)
    return Result(str(dataset.Modality), *uids, stream.getvalue())

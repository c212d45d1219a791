"""Results that a PACS understands: a report and a segmentation of what was found, and the heat map."""

import importlib.util
import os
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, TypeAlias

from lungnet.ct import SeriesFiles
from lungnet.errors import InputError
from lungnet.files import atomic_path
from lungnet.serving.detection import Detection
from lungnet.serving.dicom_checks import check_detections
from lungnet.serving.dicom_source import SourceSeries, read_source
from lungnet.serving.heat_map import HeatMap
from lungnet.serving.model_facts import ModelFacts

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

#: A folder or file of the series, what `find_series` found, or what `read_source` returned.
Series: TypeAlias = str | os.PathLike[str] | SeriesFiles | SourceSeries


def sr_dataset(
    series: Series, detections: Sequence[Detection], model: ModelFacts, made_at: datetime | None = None
) -> "Dataset":
    """Makes a structured report: a Comprehensive 3D SR of template TID 1500 (Measurement Report).

    One measurement group (TID 1410) for each detection, in their order: "Finding 1" ... with a tracking
    UID; a nodule in the lung; its centre as a point in the frame of reference of the images (FL, single
    precision); its diameter in mm and its probability in % (Certainty of Finding, or Probability of cancer
    for a model of that task), both with a reference to the image nearest to it; the model's name, version,
    SHA-256 and threshold. Without detections the report says that the search succeeded without findings.
    All images of the series stand as evidence. The report is complete, preliminary and UNVERIFIED.

    Patient and study are those of the images, byte by byte; they stand in the result and nowhere else.
    Nothing that was found about the patient is named in an error or log.

    UIDs follow from the content: the same model that finds the same in the same series makes the same SOP
    Instance UID again, so that an archive keeps one report however often it is sent. Its series holds all
    reports of that model about that series. The time of making is what may differ.

    Args:
        series: the images; what `read_source` returned saves reading headers again for a second result.
        detections: in the series, in the order in which they are to stand.
        model: what found them.
        made_at: content date and time; now by default.

    Returns:
        The data set, ready to be written or sent.

    Raises:
        InputError: highdicom is not installed, the series cannot be read or its files disagree about
            patient or study, or a detection is of another series, outside the volume, or not finite.
    """
    source = _source(series)
    check_detections(source, detections)
    from lungnet.serving.dicom_sr import build_sr

    made_at = made_at or datetime.now()
    return _finished(build_sr(source, detections, model, made_at), source, made_at)


def seg_dataset(
    series: Series, detections: Sequence[Detection], model: ModelFacts, made_at: datetime | None = None
) -> "Dataset":
    """Makes a segmentation (BINARY) with one segment for each detection, "Finding 1" ...

    A segment is the sphere of the detection's diameter about its centre, in the voxels of the series: an
    extent, not an outline. Where spheres overlap, a voxel goes to the one whose centre is nearer in terms
    of its radius; a detection wholly within another may so have a segment without voxels. Tracking UIDs are
    those of the report (`sr_dataset`), as is what is said there of patient, model and UIDs.

    Args:
        series: as for `sr_dataset`.
        detections: at least one: DICOM knows no segmentation without segments.
        model: what found them.
        made_at: content date and time; now by default.

    Raises:
        InputError: as `sr_dataset`, or there is no detection.
    """
    if not detections:
        raise InputError("There is no finding to segment; a DICOM segmentation needs at least one.")
    source = _source(series)
    check_detections(source, detections)
    from lungnet.serving.dicom_seg import build_seg

    made_at = made_at or datetime.now()
    return _finished(build_seg(source, detections, model, made_at), source, made_at)


def heat_map_dataset(
    series: Series, heat_map: HeatMap, model: ModelFacts, made_at: datetime | None = None
) -> "Dataset":
    """Makes a parametric map (float32) of the probability at every position, one frame for each slice.

    A pixel is a cell of the grid, centred where the patch was that was judged, so that viewers lay it over
    the images. What is said of patient, model and UIDs at `sr_dataset` holds here.

    Args:
        series: as for `sr_dataset`.
        heat_map: of that series.
        model: what made it.
        made_at: content date and time; now by default.

    Raises:
        InputError: highdicom is not installed, the series cannot be read, or the heat map does not fit it.
    """
    source = _source(series)
    from lungnet.serving.dicom_heat_map import build_heat_map

    made_at = made_at or datetime.now()
    return _finished(build_heat_map(source, heat_map, model, made_at), source, made_at)


def write_sr(
    path: str | os.PathLike[str], series: Series, detections: Sequence[Detection], model: ModelFacts
) -> None:
    """Writes `sr_dataset` to a file, atomically.

    Raises:
        InputError: as `sr_dataset`, or the file cannot be written.
    """
    _write(path, sr_dataset(series, detections, model))


def write_seg(
    path: str | os.PathLike[str], series: Series, detections: Sequence[Detection], model: ModelFacts
) -> None:
    """Writes `seg_dataset` to a file, atomically.

    Raises:
        InputError: as `seg_dataset`, or the file cannot be written.
    """
    _write(path, seg_dataset(series, detections, model))


def write_dicom_heat_map(
    path: str | os.PathLike[str], series: Series, heat_map: HeatMap, model: ModelFacts
) -> None:
    """Writes `heat_map_dataset` to a file, atomically.

    Raises:
        InputError: as `heat_map_dataset`, or the file cannot be written.
    """
    _write(path, heat_map_dataset(series, heat_map, model))


def _source(series: Series) -> SourceSeries:
    if importlib.util.find_spec("highdicom") is None:
        raise InputError("DICOM results need highdicom, which is not installed: pip install 'lungnet[dicom]'")
    return read_source(series)


def _finished(dataset: "Dataset", source: SourceSeries, made_at: datetime) -> "Dataset":
    """Gives a result its patient and study, and the time at which it was made."""
    dataset.InstanceCreationDate = made_at.strftime("%Y%m%d")
    dataset.InstanceCreationTime = made_at.strftime("%H%M%S.%f")
    for equipment in dataset.ContributingEquipmentSequence:  # highdicom names itself, and the hour
        equipment.ContributionDateTime = made_at.strftime("%Y%m%d%H%M%S.%f")
    source.pass_on(dataset)
    return dataset


def _write(path: str | os.PathLike[str], dataset: "Dataset") -> None:
    with atomic_path(path) as temporary:
        dataset.save_as(temporary, enforce_file_format=True)

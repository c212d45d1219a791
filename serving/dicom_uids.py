"""UIDs of DICOM results, which follow from what the results say."""

import dataclasses
import uuid
from collections.abc import Sequence
from typing import Any

from pydicom.dataset import Dataset

import lungnet
from lungnet.hashing import fingerprint, stable_uid
from lungnet.serving.detection import Detection
from lungnet.serving.dicom_source import SourceSeries
from lungnet.serving.model_facts import ModelFacts

#: Of the UIDs of results.
NAMESPACE = uuid.UUID("5b0c3a52-6d5f-5c0e-9a37-0f6f0d1d7c11")


@dataclasses.dataclass(frozen=True)
class ResultIds:
    """UIDs of one result, the same whenever the same model says the same of the same series.

    Attributes:
        series_uid: of the series that holds all results of this kind of this model about this series.
        instance_uid: of this one: another if a detection, the threshold or lungnet's version differs.
        device_uid: of the model as an observer.
        tracking_uids: one for each detection: the same in the report and in the segmentation.
    """

    series_uid: str
    instance_uid: str
    device_uid: str
    tracking_uids: tuple[str, ...]


def result_ids(
    kind: str, source: SourceSeries, detections: Sequence[Detection], model: ModelFacts
) -> ResultIds:
    """Derives the UIDs of a result from what it says.

    A server that answers the same request twice, or a study that is sent twice, so leaves one report in
    the archive, not two. What differs between two runs is the time of making alone.

    Args:
        kind: "SR" or "SEG".
        source: the series.
        detections: in the order of the result.
        model: what found them.
    """
    places = [
        [*map(float, one.center_xyz_lps_mm), float(one.diameter_mm), float(one.probability)]
        for one in detections
    ]
    about = _about(source, model)
    series_uid, instance_uid = result_uids(kind, source, places, model)
    return ResultIds(
        series_uid=series_uid,
        instance_uid=instance_uid,
        device_uid=stable_uid(NAMESPACE, model.sha256),
        tracking_uids=tuple(stable_uid(NAMESPACE, *about, "finding", *place[:3]) for place in places),
    )


def result_uids(
    kind: str, source: SourceSeries, content: Sequence[Any], model: ModelFacts
) -> tuple[str, str]:
    """Derives the UIDs of series and instance; see `result_ids`.

    Args:
        kind: "SR", "SEG" or "PM".
        source: the series.
        content: what the result says, as JSON would hold it.
        model: what says so.
    """
    images = [str(image.SOPInstanceUID) for image in source.images]
    told = fingerprint([content, dataclasses.asdict(model), lungnet.__version__, images])
    about = _about(source, model)
    return stable_uid(NAMESPACE, *about, kind), stable_uid(NAMESPACE, *about, kind, told)


def settle_dimensions(result: Dataset, instance_uid: str) -> None:
    """Replaces the one UID that highdicom draws; everything else of a result follows from its content.

    Args:
        result: with dimensions, a SEG or PM.
        instance_uid: of it.
    """
    for item in (*result.DimensionOrganizationSequence, *result.DimensionIndexSequence):
        item.DimensionOrganizationUID = stable_uid(NAMESPACE, instance_uid, "dimensions")


def _about(source: SourceSeries, model: ModelFacts) -> tuple[str, str]:
    return str(source.images[0].SeriesInstanceUID), model.sha256

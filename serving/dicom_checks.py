"""What a result asks of its detections before anything is made, and the UIDs that follow from them."""

import dataclasses
import math
import uuid
from collections.abc import Sequence

import numpy as np

import lungnet
from lungnet.ct import same_series
from lungnet.errors import InputError
from lungnet.hashing import fingerprint, stable_uid
from lungnet.serving.detection import Detection
from lungnet.serving.dicom_source import SourceSeries
from lungnet.serving.model_facts import ModelFacts

#: Of the UIDs of results.
NAMESPACE = uuid.UUID("5b0c3a52-6d5f-5c0e-9a37-0f6f0d1d7c11")
#: Below this a sphere is no finding.
SMALLEST_DIAMETER_MM = 0.1


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


def check_detections(source: SourceSeries, detections: Sequence[Detection]) -> None:
    """Checks that every detection is one, and lies in the series.

    Raises:
        InputError: a detection is of another series, lies outside the volume, has a probability outside
            0..1, or a position or diameter that is not finite and sensible.
    """
    raw_uid = str(source.images[0].SeriesInstanceUID)
    shape = len(source.images), source.images[0].Rows, source.images[0].Columns
    for number, one in enumerate(detections, 1):
        where = f"Detection {number} of {len(detections)}"
        if one.series_uid != raw_uid and not same_series(one.series_uid, source.series_uid):
            raise InputError(
                f"{where} is of series {one.series_uid!a}; expected the series of the images, "
                f"{source.series_uid}."
            )
        if not all(map(math.isfinite, (*one.center_xyz_lps_mm, one.diameter_mm, one.probability))):
            raise InputError(f"{where} has a position, diameter or probability that is not finite.")
        if not 0.0 <= one.probability <= 1.0:
            raise InputError(f"{where}: probability must lie in [0, 1]. Received: {one.probability}")
        if one.diameter_mm < SMALLEST_DIAMETER_MM:
            raise InputError(
                f"{where}: diameter_mm must be at least {SMALLEST_DIAMETER_MM}. Received: {one.diameter_mm}"
            )
        voxel = np.rint(source.stack.world_to_index(one.center_xyz_lps_mm))
        if (voxel < 0).any() or (voxel >= shape).any():
            raise InputError(
                f"{where} lies outside the volume of {shape} (slice, row, column): its voxel is "
                f"{tuple(voxel.astype(int).tolist())}."
            )


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
    series_uid = str(source.images[0].SeriesInstanceUID)
    about = (series_uid, model.sha256)
    places = [
        [*map(float, one.center_xyz_lps_mm), float(one.diameter_mm), float(one.probability)]
        for one in detections
    ]
    images = [str(image.SOPInstanceUID) for image in source.images]
    content = fingerprint([places, dataclasses.asdict(model), lungnet.__version__, images])
    return ResultIds(
        series_uid=stable_uid(NAMESPACE, *about, kind),
        instance_uid=stable_uid(NAMESPACE, *about, kind, content),
        device_uid=stable_uid(NAMESPACE, model.sha256),
        tracking_uids=tuple(stable_uid(NAMESPACE, *about, "finding", *place[:3]) for place in places),
    )

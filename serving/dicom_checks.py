"""What a DICOM result asks of its detections before anything is made."""

import math
from collections.abc import Sequence

import numpy as np

from lungnet.ct import same_series
from lungnet.errors import InputError
from lungnet.serving.detection import Detection
from lungnet.serving.dicom_source import SourceSeries

#: Below this a sphere is no finding.
SMALLEST_DIAMETER_MM = 0.1


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

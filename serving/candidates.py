"""Candidates of a CT series, judged by the exported classifier."""

import dataclasses
import logging
from collections.abc import Sequence

import numpy as np

from lungnet.ct import Candidate, Volume, extract, same_series
from lungnet.errors import InputError
from lungnet.serving.classifier import PATCH_SIZE, NoduleClassifier

logger = logging.getLogger(__name__)


def predict_candidates(
    volume: Volume, candidates: Sequence[Candidate], classifier: NoduleClassifier
) -> list[Candidate]:
    """Gives each candidate of a series its probability.

    The patch of a candidate is the 40 x 40 window at native pixel spacing, on the slice nearest to it,
    about the voxel nearest to it; beyond the borders of the volume it holds -1000 HU.

    Args:
        volume: the series.
        candidates: of this series and perhaps of others, as in LUNA16's one file for all series.
        classifier: what judges them.

    Returns:
        The candidates of this series in the order given, each with its `probability`; those of other
        series are left out, and how many is logged. An empty list gives an empty list.

    Raises:
        InputError: no candidate is of this series, or one of them lies outside the volume.
    """
    uids = {candidate.series_uid for candidate in candidates}
    ours = {uid for uid in uids if same_series(uid, volume.series_uid)}
    chosen = [candidate for candidate in candidates if candidate.series_uid in ours]
    others = len(candidates) - len(chosen)
    if candidates and not chosen:
        raise InputError(
            f"None of the {len(candidates)} candidates is of series {volume.series_uid}: expected its UID as "
            f"seriesuid. Received: {len(uids)} other series."
        )
    if others:
        logger.info("%d candidates of %d other series are left out.", others, len(uids) - len(ours))
    if not chosen:
        return []
    centers_zyx = volume.world_to_index([candidate.center_xyz_lps_mm for candidate in chosen])
    _check_inside(volume, chosen, centers_zyx)
    probability = classifier.predict(extract(volume, centers_zyx, PATCH_SIZE))
    return [
        dataclasses.replace(candidate, probability=float(value))
        for candidate, value in zip(chosen, probability, strict=True)
    ]


def _check_inside(volume: Volume, candidates: Sequence[Candidate], centers_zyx: np.ndarray) -> None:
    voxels = np.rint(centers_zyx)
    outside = np.flatnonzero(((voxels < 0) | (voxels >= volume.hu.shape)).any(axis=1))
    if len(outside):
        first = candidates[outside[0]]
        where = ", ".join(f"{value:.1f}" for value in centers_zyx[outside[0]])
        raise InputError(
            f"{len(outside)} of {len(candidates)} candidates lie outside series {volume.series_uid}; the "
            f"first is number {outside[0] + 1} at {first.center_xyz_lps_mm} mm (LPS), voxel ({where}) of a "
            f"volume of {volume.hu.shape} (slice, row, column)."
        )

"""Hard negatives: windows about what a detector wrongly took for nodules, and their place in training."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lungnet.config import PatchRules
from lungnet.ct import Volume, extract
from lungnet.hashing import stable_id
from lungnet.lidc import Scan
from lungnet.patches.columns import ExampleArrays
from lungnet.patches.example import PatchExample
from lungnet.patches.negatives import touches

_DRAWS = 64


@dataclass(frozen=True, eq=False)
class MinedWindows:
    """Windows about detections that show no reader's mark.

    Attributes:
        rows: int64 `(n,)`, which detections they are about, increasing.
        centers_zyx: int64 `(n, 3)`, window centres (slice, row, column).
        offsets_yx: int64 `(n, 2)`, window centre minus the detection's, in pixels.
    """

    rows: npt.NDArray[np.int64]
    centers_zyx: npt.NDArray[np.int64]
    offsets_yx: npt.NDArray[np.int64]


def place_mined(
    volume: Volume,
    detections_zyx: npt.ArrayLike,
    extents_slices: npt.ArrayLike,
    boxes: npt.NDArray[np.int64],
    rules: PatchRules,
    seed: int,
) -> MinedWindows:
    """Places one window about each detection that touches no mark.

    A detection touches a mark where the 40 x 40 window about it, on any slice of its extent or on one beside
    it, overlaps the box of any reader's outline: what even one reader marked is no negative. Windows are
    translated as those of nodules are (up to `rules.max_offset_px`), so that being in the middle does not
    give the class away; translations that would bring a mark in are drawn again. They hang on the seed, the
    series and the detection's place alone.

    Args:
        volume: the CT.
        detections_zyx: `(n, 3)`, fractional voxel indices.
        extents_slices: `(n,)`, slices over which each reaches, itself in the middle.
        boxes: of `lungnet.patches.outline_boxes`, all readers' outlines.
        rules: how far windows are translated.
        seed: of the translations.

    Returns:
        The windows, in the order of the detections.
    """
    anchors = np.rint(np.asarray(detections_zyx, np.float64)).astype(np.int64).reshape(-1, 3)
    reaches = np.ceil(np.asarray(extents_slices, np.float64).reshape(-1) / 2).astype(np.int64)
    rows: list[int] = []
    windows: list[npt.NDArray[np.int64]] = []
    for row, (anchor, reach) in enumerate(zip(anchors, reaches, strict=True)):
        if touches(_through(anchor, reach), boxes).any():
            continue
        rng = np.random.default_rng([seed, stable_id(volume.series_uid, "mined", anchor.tolist())])
        drawn = np.tile(anchor, (_DRAWS + 1, 1))  # the last one is not translated, and touches nothing
        drawn[:-1, 1:] += rng.integers(-rules.max_offset_px, rules.max_offset_px + 1, (_DRAWS, 2))
        inside = np.all((drawn >= 0) & (drawn < volume.hu.shape), axis=1)
        inside[-1] = True
        rows.append(row)
        windows.append(drawn[(inside & ~touches(drawn, boxes)).argmax()])
    kept, centers_zyx = np.array(rows, np.int64), np.array(windows, np.int64).reshape(-1, 3)
    return MinedWindows(kept, centers_zyx, centers_zyx[:, 1:] - anchors[kept, 1:])


def _through(anchor: npt.NDArray[np.int64], reach: int) -> npt.NDArray[np.int64]:
    """The place on every slice that lies at most `reach` from its own, `(2 reach + 1, 3)`."""
    places = np.tile(anchor, (2 * reach + 1, 1))
    places[:, 0] += np.arange(-reach, reach + 1)
    return places


def mined_examples(volume: Volume, scan: Scan, windows: MinedWindows) -> list[PatchExample]:
    """Cuts mined windows out of a CT, as negatives.

    Args:
        volume: the CT.
        scan: the series as the readers' annotations know it.
        windows: of `place_mined`.
    """
    return [
        PatchExample(
            patch_hu=patch,
            label=0,
            patient_id=scan.patient_id,
            series_uid=volume.series_uid,
            group_id=scan.patient_id,
            center_zyx=(z, row, column),
            offset_yx=(down, right),
            spacing_mm=volume.spacing_mm,
            slice_thickness_mm=volume.slice_thickness_mm or scan.slice_thickness_mm,
            manufacturer=volume.manufacturer,
        )
        for patch, (z, row, column), (down, right) in zip(
            extract(volume, windows.centers_zyx),
            windows.centers_zyx.tolist(),
            windows.offsets_yx.tolist(),
            strict=True,
        )
    ]


def with_mined_negatives(
    real: ExampleArrays, mined: ExampleArrays, wanted: int, max_share: float, seed: int
) -> tuple[ExampleArrays, int]:
    """Puts mined negatives into a training split, in place of random ones.

    The split gets as many negatives as balance it later, so that `balance_training` keeps each of them: mined
    ones first, in their order, up to `max_share` of them all, then those that were there, chosen by a hash of
    each.

    Args:
        real: the training split.
        mined: negatives, the most wanted first.
        wanted: negatives that balance asks for; fewer where there are not so many.
        max_share: of the negatives that may be mined.
        seed: of the choice.

    Returns:
        The split (its positives, the mined negatives, the random ones in their order), and how many of
        `mined` are in it.

    Example: 10 random negatives, 8 mined, 12 wanted: at a share of 0.5 there are 6 mined and 6 random ones.
    """
    negatives = np.flatnonzero(real.labels == 0)
    total = min(wanted, len(negatives) + len(mined))
    taken = min(len(mined), int(max_share * total))
    ranked = sorted(negatives.tolist(), key=lambda row: _rank(real, row, seed))
    kept = np.sort(np.array(ranked[: total - taken], np.int64))
    parts = (real.take(real.labels == 1), mined.take(np.arange(taken)), real.take(kept))
    return ExampleArrays.concatenate(parts), taken


def _rank(arrays: ExampleArrays, row: int, seed: int) -> int:
    identity = (arrays.center_zyx[row].tolist(), arrays.offset_yx[row].tolist())
    return stable_id(seed, "beside mined", arrays.series_uid[row], *identity)

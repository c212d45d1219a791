"""The patches of one CT series (section 6)."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from lungnet.config import PatchRules
from lungnet.ct import Volume, extract, same_series
from lungnet.errors import InputError
from lungnet.hashing import stable_id
from lungnet.lidc import Annotation, Nodule, Scan, consensus_slices
from lungnet.lidc.task import Task, malignancy_label
from lungnet.patches.class_balance import further_numbers
from lungnet.patches.example import PatchExample
from lungnet.patches.negatives import place_negatives
from lungnet.patches.slices import slice_indices


@dataclass(frozen=True)
class SampledSeries:
    """The patches of one series.

    Attributes:
        positives: label 1.
        negatives: label 0.
        further: of either label, for training alone: they balance its classes.
    """

    positives: list[PatchExample]
    negatives: list[PatchExample]
    further: list[PatchExample] = field(default_factory=list)


def sample_series(
    volume: Volume,
    scan: Scan,
    nodules: Sequence[Nodule],
    annotations: Sequence[Annotation],
    rules: PatchRules,
    seed: int,
    task: Task = "nodule",
    negatives_per_positive: float | None = None,
    further: Mapping[int, float] | None = None,
) -> SampledSeries:
    """Takes the positives and negatives of one series; it depends on no other series.

    Each nodule gives `rules.patches_per_nodule` windows. Its consensus slices are cut into as many
    stretches and one slice is drawn of each; with fewer slices than windows, slices repeat. A window
    is translated by up to `rules.max_offset_px` rows and columns. Slice and translation hang on the
    seed, the series, the nodule and the window's number alone.

    Task "nodule": negatives come from the series that have positives, `negatives_per_positive` for
    each (rounded up); a series without nodules gives nothing, so that a scanner or a protocol that
    many nodule-free series share cannot stand for "negative".
    Task "malignancy": positives are nodules of mean rating at least 4, negatives those up to 2; the
    others, the unrated and the lung give nothing. What balances training are `further` windows of the
    same nodules, each with a slice and a translation of its own (`further_windows`).

    Args:
        volume: the CT.
        scan: the series as the readers' annotations know it.
        nodules: of the cohort that lie in this series.
        annotations: of all readers of this series; negatives avoid every one of them.
        rules: numbers, offsets and balance.
        seed: of every choice.
        task: "nodule" or "malignancy".
        negatives_per_positive: `rules.negatives_per_positive` if None; training takes
            `rules.negative_surplus` more.
        further: label -> further windows for each of a nodule's, for the task "malignancy"; where that is no
            whole number a hash says which windows there are.

    Returns:
        Examples in the order of `nodules`.

    Raises:
        InputError: the volume is not the series of `scan`, a nodule or annotation lies on no slice of
            it, or there is no room for the negatives.
    """
    if not same_series(scan.series_uid, volume.series_uid):
        raise InputError(
            f"The annotations are of another series than the CT; expected {volume.series_uid}. "
            f"Received: {scan.series_uid}"
        )
    by_label: dict[int, list[PatchExample]] = {0: [], 1: []}
    more: list[PatchExample] = []
    for nodule in nodules:
        label = 1 if task == "nodule" else malignancy_label(nodule.malignancy)
        if label is not None:
            own = range(rules.patches_per_nodule)
            by_label[label].extend(_nodule_examples(volume, nodule, label, rules, seed, own))
            numbers = further_numbers(nodule, (further or {}).get(label, 0.0), rules, seed)
            more.extend(_nodule_examples(volume, nodule, label, rules, seed, numbers))
    if task == "nodule":
        ratio = rules.negatives_per_positive if negatives_per_positive is None else negatives_per_positive
        # Rounding first: 5 * 1.2 must not become 7.
        count = math.ceil(round(len(by_label[1]) * ratio, 6))
        if count:
            centers_zyx, offsets_yx = place_negatives(volume, annotations, count, rules, seed)
            by_label[0] = _examples(volume, scan, centers_zyx, offsets_yx, 0)
    return SampledSeries(positives=by_label[1], negatives=by_label[0], further=more)


def _nodule_examples(
    volume: Volume, nodule: Nodule, label: int, rules: PatchRules, seed: int, numbers: Sequence[int]
) -> list[PatchExample]:
    slices = sorted(consensus_slices(nodule), key=lambda consensus: consensus.z_mm)
    if not slices:
        raise InputError(f"Series {volume.series_uid}: nodule {nodule.nodule_id} has no consensus slice.")
    indices = slice_indices(volume, [one.z_mm for one in slices], f"nodule {nodule.nodule_id}")
    count = rules.patches_per_nodule
    centers_zyx, offsets_yx = np.empty((len(numbers), 3), np.int64), np.empty((len(numbers), 2), np.int64)
    for row, number in enumerate(numbers):
        rng = np.random.default_rng([seed, stable_id(volume.series_uid, nodule.nodule_id, number)])
        stretch = number % count
        first = stretch * len(slices) // count
        last = max((stretch + 1) * len(slices) // count, first + 1)
        chosen = int(rng.integers(first, last))
        offsets_yx[row] = rng.integers(-rules.max_offset_px, rules.max_offset_px + 1, 2)
        centers_zyx[row, 0] = indices[chosen]
        centers_zyx[row, 1:] = np.rint(slices[chosen].center_yx) + offsets_yx[row]
    return _examples(volume, nodule.scan, centers_zyx, offsets_yx, label, nodule)


def _examples(
    volume: Volume,
    scan: Scan,
    centers_zyx: npt.NDArray[np.int64],
    offsets_yx: npt.NDArray[np.int64],
    label: int,
    nodule: Nodule | None = None,
) -> list[PatchExample]:
    facts: dict[str, Any] = (
        {}
        if nodule is None
        else {
            "nodule_id": nodule.nodule_id,
            "malignancy": nodule.malignancy,
            "diameter_mm": nodule.diameter_mm,
            "texture": nodule.rating("texture"),
        }
    )
    return [
        PatchExample(
            patch_hu=patch,
            label=label,
            # A .mhd file names no patient and no thickness, the archive's database does.
            patient_id=scan.patient_id,
            series_uid=volume.series_uid,
            group_id=scan.patient_id,
            center_zyx=(center[0], center[1], center[2]),
            offset_yx=(offset[0], offset[1]),
            spacing_mm=volume.spacing_mm,
            slice_thickness_mm=volume.slice_thickness_mm or scan.slice_thickness_mm,
            manufacturer=volume.manufacturer,
            **facts,
        )
        for patch, center, offset in zip(
            extract(volume, centers_zyx), centers_zyx.tolist(), offsets_yx.tolist(), strict=True
        )
    ]

"""Examples of patches that were cut elsewhere, such as LUNA16's candidates.

The pool is fixed, so training is balanced by repeating patches, each time translated anew within
the margin that a patch has around the 40 x 40 window, and never padded. Both classes are placed by
this one rule. Validation and evaluation take every patch once, at its centre.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from lungnet.config import PatchRules, SplitRules
from lungnet.ct.identity import hashed_id
from lungnet.hashing import stable_fraction, stable_id
from lungnet.lidc import split_patients
from lungnet.lidc.task import Task
from lungnet.patches.array_file import PatchArrays, read_array_file
from lungnet.patches.example import PATCH_SIZE, SPLITS, PatchExample
from lungnet.patches.label_shuffling import shuffled_labels
from lungnet.patches.splits import Unit, random_side, validation_by_nodule


@dataclass(frozen=True)
class ArrayExamples:
    """The examples that arrays give.

    Attributes:
        splits: "train", "validation" and "eval" -> examples.
        unit: what the splits never part: "patient" (the group), "nodule" where a single group is left
            for training and validation, "patch" for random splits.
    """

    splits: dict[str, list[PatchExample]]
    unit: Unit


def array_examples(
    arrays: PatchArrays, rules: PatchRules, split: SplitRules, seed: int, positive_share: float = 1.0
) -> ArrayExamples:
    """Splits arrays and makes their examples.

    Training: with N negatives for P positives, the class that falls short of
    `rules.negatives_per_positive` is repeated up to it, and `rules.negative_surplus` further
    negatives per positive are repeated ones too. Translations are uniform up to `rules.max_offset_px`
    or the margin, whichever is smaller, and hang on the seed, the group, the row of the file and the
    repetition. Validation and evaluation keep the pool's own prevalence. With `rules.shuffle_labels` the
    labels of each split are dealt anew first, so that all repetitions of a patch share one.

    In the examples `series_uid` is "<file stem>/<group>", and `center_zyx` counts in the file's array:
    row of the file, row and column of the patch.

    Args:
        arrays: of `read_array_file`.
        rules: offsets and balance.
        split: by "patient" (by group) or over "random" patches.
        seed: of splits and translations.
        positive_share: of the training positives that are used, in (0, 1], for learning curves: at least
            one, drawn by hash, of each group as many as its share is, to within one. Those of a smaller
            share are among those of a larger one.

    Returns:
        The examples of each split.

    Raises:
        ValueError: `positive_share` is out of range.
        InputError: `split.eval_groups` names a group that is not there, or there are too few groups.
    """
    if not 0.0 < positive_share <= 1.0:
        raise ValueError(f"positive_share must lie above 0 and up to 1. Received: {positive_share}")
    sides, unit = _sides(arrays, split, seed)
    rows = {name: [row for row, side in enumerate(sides) if side == name] for name in SPLITS}
    if rules.shuffle_labels:
        arrays = _with_shuffled_labels(arrays, rows, seed)
    splits = {
        name: [_example(arrays, row, (0, 0)) for row in rows[name]] for name in SPLITS if name != "train"
    }
    used = _with_share_of_positives(arrays, rows["train"], positive_share, seed)
    training = [
        _translated(arrays, row, copy, rules, seed) for row, copy in _balanced(arrays, used, rules, seed)
    ]
    return ArrayExamples(splits={"train": training, **splits}, unit=unit)


def read_array_examples(
    path: str | Path, rules: PatchRules, split: SplitRules, seed: int, task: Task = "nodule"
) -> dict[str, list[PatchExample]]:
    """Returns `array_examples` of a file that `read_array_file` reads, split by split.

    Raises:
        InputError: as those two.
    """
    return array_examples(read_array_file(path, task), rules, split, seed).splits


def _sides(arrays: PatchArrays, rules: SplitRules, seed: int) -> tuple[list[str], Unit]:
    """The split of each patch."""
    if rules.by == "random":
        return [random_side((arrays.name, row), rules, seed) for row in arrays.rows], "patch"
    held_out = tuple(_held(name, arrays.groups) for name in rules.eval_groups)
    split = split_patients(arrays.groups, rules.model_copy(update={"eval_groups": held_out}), seed)
    sides: list[str] = [split.assignment[group] for group in arrays.groups]
    if split.validation_by == "nodule":
        rows = [row for row, side in enumerate(sides) if side == "train"]
        units = [_nodule_or_row(arrays, row) for row in rows]
        validation = validation_by_nodule(arrays.labels[rows], units, rules.validation_fraction, seed)
        for row, chosen in zip(rows, validation, strict=True):
            sides[row] = "validation" if chosen else "train"
    return sides, split.validation_by


def _nodule_or_row(arrays: PatchArrays, row: int) -> str:
    nodule_id = arrays.nodule_ids[row]
    return f"row {arrays.rows[row]}" if nodule_id < 0 else f"nodule {nodule_id}"


def _with_shuffled_labels(arrays: PatchArrays, rows: dict[str, list[int]], seed: int) -> PatchArrays:
    labels = arrays.labels.copy()
    for name in SPLITS:
        units = [f"{arrays.groups[row]} {_nodule_or_row(arrays, row)}" for row in rows[name]]
        labels[rows[name]] = shuffled_labels(labels[rows[name]], units, seed)
    return replace(arrays, labels=labels)


def _held(name: str, groups: Sequence[str]) -> str:
    """A group as the examples name it, whose patient id may have become a hash."""
    if name not in groups and any(group.startswith("hmac-") for group in groups):
        return hashed_id("patient", name)
    return name


def _with_share_of_positives(arrays: PatchArrays, rows: list[int], share: float, seed: int) -> list[int]:
    """All negatives, and the positives that come first where each group's are spread evenly over an order."""

    def rank(*what: object) -> float:
        return stable_fraction(seed, "share", arrays.name, *what)

    members: dict[str, list[int]] = {}
    for row in rows:
        if arrays.labels[row] == 1:
            members.setdefault(arrays.groups[row], []).append(row)
    order: list[tuple[float, int]] = []
    for group, positives in members.items():
        positives.sort(key=lambda row: rank(arrays.groups[row], arrays.rows[row]))
        places = (np.arange(len(positives)) + rank(group)) / len(positives)
        order += zip(places.tolist(), positives, strict=True)
    used = {row for _, row in sorted(order)[: max(1, round(share * len(order)))]}
    return [row for row in rows if row in used or arrays.labels[row] == 0]


def _balanced(arrays: PatchArrays, rows: list[int], rules: PatchRules, seed: int) -> list[tuple[int, int]]:
    """Training patches as (row, repetition)."""
    positives = [row for row in rows if arrays.labels[row] == 1]
    negatives = [row for row in rows if arrays.labels[row] == 0]
    ratio = rules.negatives_per_positive
    wanted_positives = max(len(positives), round(len(negatives) / ratio))
    wanted_negatives = max(len(negatives), round(len(positives) * ratio))
    wanted_negatives += int(np.ceil(wanted_positives * rules.negative_surplus))
    return [
        *_repeated(arrays, positives, wanted_positives, seed),
        *_repeated(arrays, negatives, wanted_negatives, seed),
    ]


def _repeated(arrays: PatchArrays, rows: list[int], wanted: int, seed: int) -> list[tuple[int, int]]:
    """Repeats rows as evenly as it goes; a hash says which are repeated once more than others."""
    if not rows:
        return []
    order = sorted(rows, key=lambda row: stable_id(seed, "repeat", arrays.name, arrays.rows[row]))
    return sorted((order[number % len(order)], number // len(order)) for number in range(wanted))


def _translated(arrays: PatchArrays, row: int, copy: int, rules: PatchRules, seed: int) -> PatchExample:
    """The patch with the translation of one repetition."""
    rng = np.random.default_rng([seed, stable_id(arrays.name, arrays.groups[row], arrays.rows[row], copy)])
    height, width = arrays.patches_hu.shape[1:]
    margins = [min((side - PATCH_SIZE) // 2, rules.max_offset_px) for side in (height, width)]
    down, right = (int(rng.integers(-margin, margin + 1)) for margin in margins)
    return _example(arrays, row, (down, right))


def _example(arrays: PatchArrays, row: int, offset_yx: tuple[int, int]) -> PatchExample:
    height, width = arrays.patches_hu.shape[1:]
    top = (height - PATCH_SIZE) // 2 + offset_yx[0]
    left = (width - PATCH_SIZE) // 2 + offset_yx[1]
    between_rows, between_columns = arrays.pixel_spacing_mm[row].tolist()
    return PatchExample(
        patch_hu=arrays.patches_hu[row, top : top + PATCH_SIZE, left : left + PATCH_SIZE],
        label=int(arrays.labels[row]),
        patient_id=arrays.patient_ids[row],
        series_uid=f"{arrays.name}/{arrays.groups[row]}",
        group_id=arrays.groups[row],
        malignancy=float(arrays.malignancy[row]),
        nodule_id=arrays.nodule_ids[row],
        center_zyx=(arrays.rows[row], top + PATCH_SIZE // 2, left + PATCH_SIZE // 2),
        spacing_mm=(0.0, between_rows, between_columns),
        offset_yx=offset_yx,
        diameter_mm=float(arrays.diameter_mm[row]),
        texture=float(arrays.texture[row]),
        slice_thickness_mm=float(arrays.slice_thickness_mm[row]),
        manufacturer=arrays.manufacturer[row],
    )

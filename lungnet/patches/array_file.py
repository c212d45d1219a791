"""Patches that were cut elsewhere: an `.npz` file, checked before anything is made of it."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from lungnet.ct.identity import hashed_id, is_research_patient
from lungnet.errors import InputError
from lungnet.lidc.task import Task, malignancy_label
from lungnet.patches.array_columns import ArrayColumns


@dataclass(frozen=True)
class ArrayStage:
    """What is left of a file once a rule has been applied.

    Attributes:
        name: "all" (nothing applied yet), and for the task "malignancy" also "rated" (by a reader) and
            "clear_rating" (of at least 4, or at most 2).
        patches, patients: what is left; patients are groups where the file names no patients.
        excluded: patches that this rule excluded.
    """

    name: Literal["all", "rated", "clear_rating"]
    patches: int
    patients: int
    excluded: int


@dataclass(frozen=True, eq=False)
class PatchArrays:
    """The patches of one file that serve the task.

    Attributes:
        name: the file's stem.
        task: "nodule" or "malignancy".
        patches_hu: int16 `(n, h, w)` in Hounsfield units, h and w at least 40.
        labels: int64 `(n,)`, 0 or 1, both present.
        groups: what a split never parts, as text.
        patient_ids: as text; the groups if the file has no `patient_id`.
        unit: what the groups are.
        rows: where in the file each patch stands.
        nodule_ids: `nodule_id`, else `candidate_index`, else the row; of the latter two -1 for patches
            that are no nodules.
        malignancy, diameter_mm, texture, slice_thickness_mm: float32 `(n,)`, 0 where unknown.
        manufacturer: of the scanner, empty where unknown.
        pixel_spacing_mm: float32 `(n, 2)`, between rows and between columns, 0 where unknown.
        funnel: from all patches of the file to these.
        pixels_sha256: of all patches of the file, little-endian, however they were packed: it tells whether
            a file is a known one.
    """

    name: str
    task: Task
    patches_hu: npt.NDArray[np.int16]
    labels: npt.NDArray[np.int64]
    groups: list[str]
    patient_ids: list[str]
    unit: Literal["patient", "group"]
    rows: list[int]
    nodule_ids: list[int]
    malignancy: npt.NDArray[np.float32]
    diameter_mm: npt.NDArray[np.float32]
    texture: npt.NDArray[np.float32]
    slice_thickness_mm: npt.NDArray[np.float32]
    manufacturer: list[str]
    pixel_spacing_mm: npt.NDArray[np.float32]
    funnel: tuple[ArrayStage, ...]
    pixels_sha256: str


def read_array_file(path: str | Path, task: Task = "nodule") -> PatchArrays:
    """Reads and checks an `.npz` of patches.

    `patches_hu` (n, h, w), h and w at least 40, holds Hounsfield units; real numbers are rounded half to
    even. What else must be there hangs on the task:

        nodule          `labels` (n,), 1 for a nodule and 0 for anything else, as LUNA16's candidates have
        malignancy      `malignancy` (n,), ratings of 1 to 5 (0 for unrated), single or means: at least 4
                        is positive, at most 2 negative, what lies between is left out. Where pathology
                        is known, 1 and 5 say so. `labels` are not looked at: they are of the other task
        either          `groups` (n,), what a split never parts, or else `patient_id` (n,)

    Optional (n,): `nodule_id`, `candidate_index`, `pixel_spacing_mm` (or (n, 2)), and what subgroups are
    made of: `diameter_mm`, `texture` (1 to 5) and `slice_thickness_mm`, 0 where unknown, and `manufacturer`,
    empty where unknown. Patient ids of LIDC-IDRI and of phantoms are kept, all others become keyed hashes;
    `groups` are names that reports and records repeat, so patients belong in `patient_id`.

    Args:
        path: the file.
        task: "nodule" or "malignancy".

    Returns:
        What the task can use of it.

    Raises:
        InputError: the file is no `.npz`, a key is missing or not what it should be, or it is a file for the
            other task.
    """
    source = ArrayColumns.open(path)
    source.require_one_of("patches_hu")
    patches = source.patches_hu()
    count = len(patches)
    malignancy = source.numbers("malignancy", count, 0.0, 5.0)
    labels = _malignancy_labels(source, malignancy) if task == "malignancy" else _nodule_labels(source, count)
    source.require_one_of("groups", "patient_id")
    kept = np.flatnonzero(labels >= 0)
    if len(set(labels[kept].tolist())) < 2:
        raise InputError(
            f"{path} holds patches of one class only; expected both. "
            f"Received: {int(np.sum(labels == 0))} of class 0, {int(np.sum(labels == 1))} of class 1"
        )
    patients = source.names("patient_id", count)
    if patients is not None:
        patients = [name if is_research_patient(name) else hashed_id("patient", name) for name in patients]
    groups = source.names("groups", count) or patients or []
    patients = patients or groups
    manufacturer = source.names("manufacturer", count, every=False) or [""] * count
    return PatchArrays(
        name=source.path.stem,
        task=task,
        patches_hu=patches[kept],
        labels=labels[kept],
        groups=[groups[row] for row in kept],
        patient_ids=[patients[row] for row in kept],
        unit="group" if "groups" in source else "patient",
        rows=kept.tolist(),
        nodule_ids=_nodule_ids(source, labels, task)[kept].tolist(),
        malignancy=malignancy[kept],
        diameter_mm=source.numbers("diameter_mm", count, 0.0, np.inf)[kept],
        texture=source.numbers("texture", count, 0.0, 5.0)[kept],
        slice_thickness_mm=source.numbers("slice_thickness_mm", count, 0.0, np.inf)[kept],
        manufacturer=[manufacturer[row] for row in kept],
        pixel_spacing_mm=source.pixel_spacing_mm(count)[kept],
        funnel=_funnel(task, labels, malignancy, patients),
        pixels_sha256=hashlib.sha256(patches.astype("<i2").tobytes()).hexdigest(),
    )


def _nodule_labels(source: ArrayColumns, count: int) -> npt.NDArray[np.int64]:
    if "labels" not in source and "malignancy" in source:
        raise InputError(
            f"{source.path} has 'malignancy' but no 'labels': all its patches are nodules, and task = "
            "'nodule' needs others beside them; set task=malignancy to learn from the ratings."
        )
    source.require_one_of("labels")
    values = source.numbers("labels", count, 0.0, 1.0)
    if np.any((values != 0.0) & (values != 1.0)):
        raise InputError(f"{source.path}: labels must be 0 or 1. Received: {np.unique(values)[:5].tolist()}")
    return values.astype(np.int64)


def _malignancy_labels(source: ArrayColumns, malignancy: npt.NDArray[np.float32]) -> npt.NDArray[np.int64]:
    """0, 1, or -1 for a patch that is left out."""
    if "malignancy" not in source and "labels" in source:
        raise InputError(
            f"{source.path} has 'labels' but no 'malignancy': task = 'malignancy' needs ratings from 1 to 5; "
            "set task=nodule to learn from the labels."
        )
    source.require_one_of("malignancy")
    given = [malignancy_label(rating) for rating in malignancy.tolist()]
    return np.array([-1 if label is None else label for label in given], np.int64)


def _nodule_ids(source: ArrayColumns, labels: npt.NDArray[np.int64], task: Task) -> npt.NDArray[np.int64]:
    count = len(labels)
    if "nodule_id" in source:
        return source.integers("nodule_id", count)
    known = np.arange(count, dtype=np.int64)
    if "candidate_index" in source:
        known = source.integers("candidate_index", count)
    return known if task == "malignancy" else np.where(labels == 1, known, -1)


def _funnel(
    task: Task, labels: npt.NDArray[np.int64], malignancy: npt.NDArray[np.float32], patients: Sequence[str]
) -> tuple[ArrayStage, ...]:
    everything = np.ones(len(labels), np.bool_)
    stages: list[tuple[Literal["all", "rated", "clear_rating"], npt.NDArray[np.bool_]]]
    stages = [("all", everything)]
    if task == "malignancy":
        stages += [("rated", malignancy >= 1.0), ("clear_rating", labels >= 0)]
    names = np.array(patients)
    told, before = [], len(labels)
    for name, kept in stages:
        left = int(kept.sum())
        told.append(ArrayStage(name, left, len(np.unique(names[kept])), before - left))
        before = left
    return tuple(told)

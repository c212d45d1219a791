"""Patches that were cut elsewhere: an `.npz` file, checked before anything is made of it."""

import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lungnet.ct.identity import hashed_id, is_research_patient
from lungnet.errors import InputError
from lungnet.patches.example import PATCH_SIZE
from lungnet.patches.task import Task, malignancy_label


@dataclass(frozen=True, eq=False)
class PatchArrays:
    """The patches of one file that serve the task.

    Attributes:
        name: the file's stem.
        patches_hu: int16 `(n, h, w)` in Hounsfield units, h and w at least 40.
        labels: int64 `(n,)`, 0 or 1, both present.
        groups: what a split never parts, as text.
        patient_ids: as text; the groups if the file has no `patient_id`.
        rows: where in the file each patch stands.
        nodule_ids: `nodule_id`, else `candidate_index`, else the row; of the latter two -1 for patches
            that are no nodules.
        malignancy, diameter_mm: float32 `(n,)`, 0 where unknown.
        pixel_spacing_mm: float32 `(n, 2)`, between rows and between columns, 0 where unknown.
        left_out: patches of the file that the task has no use for (unrated or rated between).
    """

    name: str
    patches_hu: npt.NDArray[np.int16]
    labels: npt.NDArray[np.int64]
    groups: list[str]
    patient_ids: list[str]
    rows: list[int]
    nodule_ids: list[int]
    malignancy: npt.NDArray[np.float32]
    diameter_mm: npt.NDArray[np.float32]
    pixel_spacing_mm: npt.NDArray[np.float32]
    left_out: int


def read_array_file(path: str | Path, task: Task = "nodule") -> PatchArrays:
    """Reads and checks an `.npz` of patches.

    Keys: `patches_hu` (n, h, w), h and w at least 40, real numbers are rounded half to even; `labels`
    (n,) of 0 and 1, or `malignancy` (n,) of ratings 1 to 5 (0 is unrated) for the task "malignancy",
    where ratings of at least 4 stand against those up to 2; `groups` (n,) or `patient_id` (n,).
    Optional (n,): `nodule_id`, `candidate_index`, `diameter_mm`, `pixel_spacing_mm` (or (n, 2)).

    Patient ids of LIDC-IDRI and of phantoms are kept, all others become keyed hashes.

    Args:
        path: the file.
        task: "nodule" or "malignancy".

    Returns:
        What the task can use of it.

    Raises:
        InputError: the file is no `.npz`, or a key is missing or not what it should be.
    """
    source = _Source(Path(path), _load(Path(path)))
    source.require_one_of("patches_hu")
    source.require_one_of("groups", "patient_id")
    patches = source.patches_hu()
    count = len(patches)
    malignancy = source.numbers("malignancy", count, 0.0, 5.0)
    labels = source.labels(count, task, malignancy)
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
    return PatchArrays(
        name=source.path.stem,
        patches_hu=patches[kept],
        labels=labels[kept],
        groups=[groups[row] for row in kept],
        patient_ids=[(patients or groups)[row] for row in kept],
        rows=kept.tolist(),
        nodule_ids=source.nodule_ids(labels, task)[kept].tolist(),
        malignancy=malignancy[kept],
        diameter_mm=source.numbers("diameter_mm", count, 0.0, np.inf)[kept],
        pixel_spacing_mm=source.pixel_spacing_mm(count)[kept],
        left_out=count - len(kept),
    )


def _load(path: Path) -> dict[str, npt.NDArray[Any]]:
    expected = "expected an .npz file with patches_hu, labels and groups"
    try:
        # np.load leaves a file that it opened itself open where that file is damaged.
        with path.open("rb") as file:
            loaded = np.load(file, allow_pickle=False)
            if not isinstance(loaded, np.lib.npyio.NpzFile):
                raise InputError(f"{path} holds a single array; {expected}.")
            with loaded:
                return {key: loaded[key] for key in loaded.files}
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise InputError(f"{path} is truncated or damaged; {expected}.") from error
    except InputError:
        raise
    except ValueError as error:
        if "Object arrays" in str(error):
            raise InputError(
                f"{path} holds an array of Python objects; expected numbers and text."
            ) from error
        raise InputError(f"{path} is no NumPy file; {expected}.") from error
    except OSError as error:
        raise InputError(f"Cannot read {path}: {error.strerror or error}.") from error


@dataclass(frozen=True)
class _Source:
    """The arrays of a file by key, each checked as it is asked for."""

    path: Path
    arrays: Mapping[str, npt.NDArray[Any]]

    def require_one_of(self, *keys: str) -> None:
        if not any(key in self.arrays for key in keys):
            wanted = " or ".join(repr(key) for key in keys)
            held = ", ".join(sorted(self.arrays)) or "nothing"
            raise InputError(f"{self.path} lacks {wanted}. Received: {held}")

    def patches_hu(self) -> npt.NDArray[np.int16]:
        values = self.arrays["patches_hu"]
        if values.ndim != 3 or min(values.shape[1:]) < PATCH_SIZE or len(values) == 0:
            raise InputError(
                f"{self.path}: patches_hu must be (n, h, w) with n >= 1 and h, w >= {PATCH_SIZE}. "
                f"Received: {values.shape}"
            )
        self._require_finite_numbers("patches_hu", values)
        low, high = float(values.min()), float(values.max())
        if values.dtype.kind == "f":
            if low >= -1.0 and high <= 1.0:
                raise InputError(
                    f"{self.path}: patches_hu must be Hounsfield units, not scaled ones. "
                    f"Received: values from {low:g} to {high:g}"
                )
            values = np.rint(values)
        limits = np.iinfo(np.int16)
        if low < limits.min or high > limits.max:
            raise InputError(
                f"{self.path}: patches_hu must lie within {limits.min} to {limits.max} HU. "
                f"Received: values from {low:g} to {high:g}"
            )
        return values.astype(np.int16)

    def labels(self, count: int, task: Task, malignancy: npt.NDArray[np.float32]) -> npt.NDArray[np.int64]:
        """0, 1, or -1 for a patch that the task leaves out."""
        if task == "malignancy" and "malignancy" in self.arrays:
            given = [malignancy_label(rating) for rating in malignancy.tolist()]
            return np.array([-1 if label is None else label for label in given], np.int64)
        if task == "nodule" and "labels" not in self.arrays and "malignancy" in self.arrays:
            raise InputError(
                f"{self.path} has 'malignancy' but no 'labels', which task = 'nodule' needs; "
                "set task=malignancy to learn from the ratings."
            )
        self.require_one_of("labels", *(["malignancy"] if task == "malignancy" else []))
        values = self.numbers("labels", count, 0.0, 1.0)
        if np.any((values != 0.0) & (values != 1.0)):
            raise InputError(
                f"{self.path}: labels must be 0 or 1. Received: {np.unique(values)[:5].tolist()}"
            )
        return values.astype(np.int64)

    def nodule_ids(self, labels: npt.NDArray[np.int64], task: Task) -> npt.NDArray[np.int64]:
        count = len(labels)
        if "nodule_id" in self.arrays:
            return self._integers("nodule_id", count)
        if "candidate_index" in self.arrays:
            known = self._integers("candidate_index", count)
        else:
            known = np.arange(count, dtype=np.int64)
        return known if task == "malignancy" else np.where(labels == 1, known, -1)

    def pixel_spacing_mm(self, count: int) -> npt.NDArray[np.float32]:
        values = self.arrays.get("pixel_spacing_mm")
        if values is None:
            return np.zeros((count, 2), np.float32)
        if values.shape != (count, 2):
            return np.repeat(self.numbers("pixel_spacing_mm", count, 0.0, np.inf)[:, None], 2, axis=1)
        self._require_finite_numbers("pixel_spacing_mm", values)
        return values.astype(np.float32)

    def numbers(self, key: str, count: int, low: float, high: float) -> npt.NDArray[np.float32]:
        """The numbers of an optional key, zeros without it."""
        if key not in self.arrays:
            return np.zeros(count, np.float32)
        values = self._column(key, count)
        self._require_finite_numbers(key, values)
        if np.any(values < low) or np.any(values > high):
            limits = f"within {low:g} to {high:g}" if np.isfinite(high) else f"at least {low:g}"
            raise InputError(
                f"{self.path}: {key} must be {limits}. Received: {values.min():g} to {values.max():g}"
            )
        return values.astype(np.float32)

    def names(self, key: str, count: int) -> list[str] | None:
        """The text of an optional key; whole numbers count as text."""
        if key not in self.arrays:
            return None
        values = self._column(key, count)
        if values.dtype.kind == "f" and np.all(np.isfinite(values)) and np.all(values == np.rint(values)):
            values = values.astype(np.int64)
        if values.dtype.kind not in "iuSU":
            raise InputError(
                f"{self.path}: {key} must be text or whole numbers. Received: {values.dtype} values"
            )
        names = [str(name, "utf-8") if isinstance(name, bytes) else str(name) for name in values.tolist()]
        if "" in names:
            raise InputError(
                f"{self.path}: {key} must name every patch. Received: {names.count('')} empty names"
            )
        return names

    def _integers(self, key: str, count: int) -> npt.NDArray[np.int64]:
        values = self._column(key, count)
        if values.dtype.kind not in "iu":
            raise InputError(f"{self.path}: {key} must be whole numbers. Received: {values.dtype} values")
        return values.astype(np.int64)

    def _column(self, key: str, count: int) -> npt.NDArray[Any]:
        values = self.arrays[key]
        if values.shape != (count,):
            raise InputError(
                f"{self.path}: {key} must have one value for each of the {count} patches. "
                f"Received: {values.shape}"
            )
        return values

    def _require_finite_numbers(self, key: str, values: npt.NDArray[Any]) -> None:
        if values.dtype.kind not in "biuf":
            raise InputError(f"{self.path}: {key} must be numbers. Received: {values.dtype} values")
        if values.dtype.kind == "f" and not np.isfinite(values).all():
            broken = np.argwhere(~np.isfinite(values))
            raise InputError(
                f"{self.path}: {key} must be finite. "
                f"Received: {len(broken)} NaN or infinite values, the first in row {broken[0][0]}"
            )

"""Many patch examples as NumPy columns: what trainers, summaries and checks work on."""

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from lungnet.patches.example import PATCH_SIZE, PatchExample

#: Column -> (attribute of `PatchExample`, dtype, shape of one row).
LAYOUT: Mapping[str, tuple[str, type, tuple[int, ...]]] = {
    "patches_hu": ("patch_hu", np.int16, (PATCH_SIZE, PATCH_SIZE)),
    "labels": ("label", np.int64, ()),
    "patient_id": ("patient_id", np.str_, ()),
    "series_uid": ("series_uid", np.str_, ()),
    "group_id": ("group_id", np.str_, ()),
    "malignancy": ("malignancy", np.float32, ()),
    "nodule_id": ("nodule_id", np.int64, ()),
    "center_zyx": ("center_zyx", np.int64, (3,)),
    "spacing_mm": ("spacing_mm", np.float32, (3,)),
    "offset_yx": ("offset_yx", np.int64, (2,)),
    "source": ("source", np.str_, ()),
    "diameter_mm": ("diameter_mm", np.float32, ()),
    "texture": ("texture", np.float32, ()),
    "slice_thickness_mm": ("slice_thickness_mm", np.float32, ()),
    "manufacturer": ("manufacturer", np.str_, ()),
    "in_plane_factor": ("in_plane_factor", np.float32, ()),
}


@dataclass(frozen=True, eq=False)
class ExampleArrays:
    """The columns of n patch examples; row i of each belongs to the same patch.

    The attributes mean what they mean in `PatchExample`; real numbers have the 32 bits they have
    in a TFRecord.

    Attributes:
        patches_hu: int16 `(n, 40, 40)` in Hounsfield units.
        labels: int64 `(n,)`, 0 or 1.
        patient_id, series_uid, group_id, source, manufacturer: text `(n,)`.
        nodule_id: int64 `(n,)`.
        malignancy, diameter_mm, texture, slice_thickness_mm, in_plane_factor: float32 `(n,)`.
        center_zyx: int64 `(n, 3)`.
        spacing_mm: float32 `(n, 3)`.
        offset_yx: int64 `(n, 2)`.

    Raises:
        ValueError: a column has another dtype or shape.
    """

    patches_hu: npt.NDArray[np.int16]
    labels: npt.NDArray[np.int64]
    patient_id: npt.NDArray[np.str_]
    series_uid: npt.NDArray[np.str_]
    group_id: npt.NDArray[np.str_]
    malignancy: npt.NDArray[np.float32]
    nodule_id: npt.NDArray[np.int64]
    center_zyx: npt.NDArray[np.int64]
    spacing_mm: npt.NDArray[np.float32]
    offset_yx: npt.NDArray[np.int64]
    source: npt.NDArray[np.str_]
    diameter_mm: npt.NDArray[np.float32]
    texture: npt.NDArray[np.float32]
    slice_thickness_mm: npt.NDArray[np.float32]
    manufacturer: npt.NDArray[np.str_]
    in_plane_factor: npt.NDArray[np.float32]

    def __post_init__(self) -> None:
        count = len(self.patches_hu)
        for name, (_, dtype, row) in LAYOUT.items():
            column = getattr(self, name)
            if column.shape != (count, *row) or not np.issubdtype(column.dtype, dtype):
                raise ValueError(
                    f"{name} must be {dtype.__name__} of shape {(count, *row)}. "
                    f"Received: {column.dtype} of shape {column.shape}"
                )

    def __len__(self) -> int:
        return len(self.patches_hu)

    def take(self, rows: npt.ArrayLike) -> "ExampleArrays":
        """Returns the rows with the given indices, in that order, or those a boolean mask keeps."""
        chosen = np.asarray(rows)
        if chosen.dtype != np.bool_:
            chosen = chosen.astype(np.int64)
        return ExampleArrays(**{name: getattr(self, name)[chosen] for name in LAYOUT})

    def examples(self) -> Iterator[PatchExample]:
        """Yields the rows one by one."""
        lists = {name: getattr(self, name).tolist() for name in LAYOUT if name != "patches_hu"}
        for row, patch in enumerate(self.patches_hu):
            fields: dict[str, Any] = {
                attribute: tuple(lists[name][row]) if shape else lists[name][row]
                for name, (attribute, _, shape) in LAYOUT.items()
                if name != "patches_hu"
            }
            yield PatchExample(patch_hu=patch, **fields)

    @classmethod
    def from_examples(cls, examples: Iterable[PatchExample]) -> "ExampleArrays":
        """Gathers examples into columns.

        Raises:
            ValueError: a patch is not int16 `(40, 40)`.
        """
        rows = list(examples)
        patches = np.empty((len(rows), PATCH_SIZE, PATCH_SIZE), np.int16)
        for row, example in enumerate(rows):
            check_patch(example.patch_hu)
            patches[row] = example.patch_hu
        columns: dict[str, Any] = {
            name: np.array([getattr(example, attribute) for example in rows], dtype).reshape(-1, *shape)
            for name, (attribute, dtype, shape) in LAYOUT.items()
            if name != "patches_hu"
        }
        return cls(patches_hu=patches, **columns)

    @classmethod
    def concatenate(cls, parts: Iterable["ExampleArrays"]) -> "ExampleArrays":
        """Joins the rows of several; of none at all it makes an empty one."""
        parts = [*parts] or [cls.from_examples([])]
        return cls(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in LAYOUT})


def as_arrays(examples: ExampleArrays | Iterable[PatchExample]) -> ExampleArrays:
    """Returns columns, whichever of the two forms was given."""
    return examples if isinstance(examples, ExampleArrays) else ExampleArrays.from_examples(examples)


def check_patch(patch_hu: npt.NDArray[np.int16]) -> None:
    """Raises ValueError unless `patch_hu` is int16 `(40, 40)`."""
    if patch_hu.shape != (PATCH_SIZE, PATCH_SIZE) or patch_hu.dtype != np.int16:
        raise ValueError(
            f"patch_hu must be int16 ({PATCH_SIZE}, {PATCH_SIZE}). "
            f"Received: {patch_hu.dtype} of shape {patch_hu.shape}"
        )


# A field added to PatchExample must get its column: this fails at import, not in a user's run.
if {attribute for attribute, _, _ in LAYOUT.values()} != {f.name for f in dataclasses.fields(PatchExample)}:
    raise RuntimeError("columns.LAYOUT and PatchExample disagree")

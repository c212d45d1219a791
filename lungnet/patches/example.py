"""One patch and what is known of it: the record that every step exchanges."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

#: Rows and columns of a patch (section 6 of the paper).
PATCH_SIZE = 40

SCHEMA_VERSION = 1
SPLITS = ("train", "validation", "eval")


@dataclass(frozen=True, eq=False)
class PatchExample:
    """A labelled axial patch.

    Attributes:
        patch_hu: int16 `(40, 40)` in Hounsfield units.
        label: 1 for the positive class of the task, 0 otherwise.
        patient_id: patient, or what stands for one in arrays from elsewhere.
        series_uid: CT series, empty for synthetic patches.
        group_id: what a split must never part: the patient, or the group of an array.
        malignancy: mean rating 1..5, 0.0 if unrated.
        nodule_id: -1 for none.
        center_zyx: window centre as voxel indices in the volume.
        spacing_mm: `(slice, row, column)` of the volume.
        offset_yx: window centre minus nodule centre, in pixels.
        source: "real" or "synthetic".
        diameter_mm: of the nodule, 0.0 for none.
        texture: mean rating 1..5, 0.0 if unrated.
        slice_thickness_mm: of the series, 0.0 if unknown.
        manufacturer: of the scanner, empty if unknown.
        in_plane_factor: by which the patch was resampled in the plane; 1.0 is native spacing.
    """

    patch_hu: npt.NDArray[np.int16]
    label: int
    patient_id: str
    series_uid: str
    group_id: str
    malignancy: float = 0.0
    nodule_id: int = -1
    center_zyx: tuple[int, int, int] = (0, 0, 0)
    spacing_mm: tuple[float, float, float] = (0.0, 0.0, 0.0)
    offset_yx: tuple[int, int] = (0, 0)
    source: str = "real"
    diameter_mm: float = 0.0
    texture: float = 0.0
    slice_thickness_mm: float = 0.0
    manufacturer: str = ""
    in_plane_factor: float = 1.0

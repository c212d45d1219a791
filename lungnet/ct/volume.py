"""A CT volume in Hounsfield units and where it lies in the patient."""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from lungnet.ct.placed import Placed


@dataclass(frozen=True, eq=False)
class Volume(Placed):
    """One CT series.

    Attributes:
        hu: int16 `(slices, rows, columns)` in Hounsfield units. Slices are ordered along the slice
            normal (row direction x column direction) so that the position increases.
        spacing_mm: distance between voxel centres as `(slice, row, column)`: between slices, between
            rows (downwards), between columns.
        origin_xyz_lps_mm: centre of voxel (0, 0, 0) in the DICOM patient frame (LPS).
        direction: float64 `(3, 3)`; its columns are the unit vectors, in LPS, along which the column
            index, the row index and the slice index grow (the order of ITK's direction matrix).
        series_uid: Series Instance UID, or the keyed hash that stands for it.
        patient_id: Patient ID, or the keyed hash that stands for it.
        slice_thickness_mm: (0018,0050), 0.0 if not stated.
        manufacturer: (0008,0070), empty if not stated.
    """

    hu: npt.NDArray[np.int16]
    spacing_mm: tuple[float, float, float]
    origin_xyz_lps_mm: tuple[float, float, float]
    direction: npt.NDArray[np.float64] = field(default_factory=lambda: np.eye(3))
    series_uid: str = ""
    patient_id: str = ""
    slice_thickness_mm: float = 0.0
    manufacturer: str = ""

    def __post_init__(self) -> None:
        if self.hu.ndim != 3 or self.hu.dtype != np.int16:
            raise ValueError(
                "hu must be int16 (slices, rows, columns). "
                f"Received: shape={self.hu.shape}, dtype={self.hu.dtype}"
            )
        if min(self.spacing_mm) <= 0:
            raise ValueError(f"spacing_mm must be positive. Received: {self.spacing_mm}")

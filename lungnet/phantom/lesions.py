"""Nodules as their readers drew them, turned into density."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.ndimage import distance_transform_edt, gaussian_filter

from lungnet.lidc import Contour, Nodule, annotation_mask
from lungnet.phantom.fields import Field, smooth_noise

#: HU of a nodule's inside by the texture rating, from non-solid (1) to solid (5).
TEXTURE_HU = ((1.0, 2.0, 3.0, 4.0, 5.0), (-610.0, -480.0, -270.0, -60.0, 35.0))
#: A part-solid nodule has a core of this density.
CORE_HU = 15.0
#: Pixels over which a border fades, by the margin rating, from poorly defined (1) to sharp (5).
MARGIN_PX = ((1.0, 5.0), (3.2, 1.6))
#: Calcification ratings: 1 popcorn, 2 laminated, 3 solid, 4 non-central, 5 central, 6 absent.
ABSENT = 6
#: How far outlines are smoothed, in slices, rows and columns.
SMOOTHING = (0.0, 0.8, 0.8)
#: A voxel so deep outside is the first that a nodule leaves empty.
BORDER_PX = 0.45
#: On every slice it reaches a nodule fills some voxel at least so far, however small it is there.
LEAST_PEAK = np.float32(0.5)
#: Voxels around the readers' outlines that a lesion's box holds besides.
PAD_PX = 2


@dataclass(frozen=True, eq=False)
class Shape:
    """A nodule's outlines, moved so that its box begins at slice, row and column 0.

    Attributes:
        nodule: where they come from.
        masks: bool `(readers, slices, rows, columns)`: voxels inside each reader's outlines, which mark
            the first voxels outside.
        first_slice: slice of the source scan that became slice 0.
        corner_yx: row and column of the source scan that became row and column 0.
    """

    nodule: Nodule
    masks: npt.NDArray[np.bool_]
    first_slice: int
    corner_yx: tuple[int, int]

    @property
    def size_zyx(self) -> tuple[int, int, int]:
        """Slices, rows and columns of the box."""
        _, slices, rows, columns = self.masks.shape
        return slices, rows, columns


def slice_of(contour: Contour, nodule: Nodule) -> int:
    """Returns the index of the slice of the source scan that a contour was drawn on."""
    return int(np.argmin(np.abs(np.asarray(nodule.scan.slice_z_mm) - contour.z_mm)))


def shape_of(nodule: Nodule) -> Shape:
    """Fills the outlines of all readers of a nodule."""
    contours = [contour for annotation in nodule.annotations for contour in annotation.contours]
    points = np.concatenate([contour.points_xy for contour in contours])
    column0, row0 = (int(value) for value in points.min(0))
    columns, rows = (int(value) for value in np.ptp(points, axis=0) + 1)
    slices = [slice_of(contour, nodule) for contour in contours]
    masks = np.zeros((len(nodule.annotations), max(slices) - min(slices) + 1, rows, columns), bool)
    for mask, annotation in zip(masks, nodule.annotations, strict=True):
        inside, origin = annotation_mask(annotation)
        for plane, z_mm in zip(inside, origin.z_mm, strict=True):
            k = int(np.argmin(np.abs(np.asarray(nodule.scan.slice_z_mm) - z_mm))) - min(slices)
            top, left = origin.row0 - row0, origin.col0 - column0
            mask[k, top : top + plane.shape[0], left : left + plane.shape[1]] |= plane
    return Shape(nodule, masks, min(slices), (row0, column0))


def depth_inside(shape: Shape) -> Field:
    """How deep each voxel lies inside the nodule, as at least half of the readers see it.

    Returns:
        float32 `(slices + 2, rows + 4, columns + 4)`, in pixels, negative outside: the box grown by one
        slice and two pixels on every side.
    """
    pad = ((1, 1), (PAD_PX, PAD_PX), (PAD_PX, PAD_PX))
    scan = shape.nodule.scan
    sampling = (scan.slice_spacing_mm / scan.pixel_spacing_mm, 1.0, 1.0)
    depths = []
    for mask in shape.masks:
        # An outline so small that it encloses no voxel says nothing about the shape.
        if mask.any():
            inside = np.pad(mask, pad)
            to_border = distance_transform_edt(inside, sampling)
            to_nodule = distance_transform_edt(~inside, sampling)
            depths.append(np.where(inside, to_border - 0.5, 0.5 - to_nodule).astype(np.float32))
    half = np.sort(depths, axis=0)[len(depths) // 2]
    # Outlines go from pixel to pixel; nodules do not.
    return gaussian_filter(half, SMOOTHING)


def opacity(shape: Shape, depth: Field) -> Field:
    """The share of each voxel that the nodule fills, 0 to 1, and 0 outside the outlines of all readers.

    Args:
        shape: the nodule.
        depth: `depth_inside` of it.

    Returns:
        float32, of the same box as `depth`.
    """
    # Where readers agree on no voxel, the one that most of them come near to is the nodule's middle.
    depth = depth + np.float32(max(0.0, 1.0 - float(depth.max())))
    width = float(np.interp(shape.nodule.rating("margin"), *MARGIN_PX))
    # The voxels next to the outline are half filled.
    width = min(width, float(depth.max()) + BORDER_PX)
    filled = np.clip((depth + np.float32(BORDER_PX)) / np.float32(width), 0.0, 1.0)
    slices = np.flatnonzero((depth > 0).any((1, 2)))
    if len(slices) >= 3:
        # The ends of a nodule fill only part of their slices.
        filled[[slices[0], slices[-1]]] *= np.float32(0.75)
    peaks = np.maximum(filled.max((1, 2), keepdims=True), np.float32(1e-3))
    filled *= np.where(peaks > 0.02, np.maximum(LEAST_PEAK / peaks, 1.0), 1.0).astype(np.float32)
    outlined = np.pad(shape.masks.any(0), ((1, 1), (PAD_PX, PAD_PX), (PAD_PX, PAD_PX)))
    return filled * outlined


def inner_hu(shape: Shape, depth: Field, rng: np.random.Generator) -> Field:
    """Density of the nodule's substance by its texture and calcification ratings.

    Args:
        shape: the nodule.
        depth: `depth_inside` of it.
        rng: draws its grain.

    Returns:
        float32 HU, of the same box as `depth`.
    """
    deepest = max(float(depth.max()), 1.0)
    texture = shape.nodule.rating("texture")
    knots = [max(2, n // every) for n, every in zip(depth.shape, (2, 4, 4), strict=True)]
    grain = smooth_noise(rng, depth.shape, (knots[0], knots[1], knots[2]))
    solid = float(np.interp(texture, *TEXTURE_HU)) + rng.normal(0.0, 20.0)
    hu = np.float32(solid) + np.float32(np.interp(texture, (1.0, 4.0), (55.0, 14.0))) * grain
    if 1.8 <= texture <= 4.3:
        core = np.clip((depth - 0.45 * deepest) / 1.5 + 0.35 * grain, 0.0, 1.0)
        hu += core * np.maximum(CORE_HU - hu, 0.0)
    marks = [annotation.rating("calcification") for annotation in shape.nodule.annotations]
    pattern = int(np.median(marks))
    if pattern < ABSENT:
        bright = np.float32(rng.uniform(320.0, 620.0))
        hu += _calcium(pattern, depth, deepest, grain) * np.maximum(bright - hu, 0.0)
    return hu


def _calcium(pattern: int, depth: Field, deepest: float, grain: Field) -> Field:
    """How calcified each voxel is, 0 to 1."""
    if pattern == 1:  # popcorn
        return np.clip(1.5 * (grain - 0.2), 0.0, 1.0) * (depth > 0.5)
    if pattern == 2:  # laminated
        return np.clip(np.cos(depth * np.float32(2 * np.pi / 4.0)), 0.0, 1.0) * (depth > 0.5)
    if pattern == 3:  # solid
        return np.clip(depth / 2.0, 0.0, 1.0)
    if pattern == 4:  # to one side
        columns = np.arange(depth.shape[2], dtype=np.float32)
        aside = (columns > 0.58 * depth.shape[2]).astype(np.float32)
        return np.clip(depth - 0.3 * deepest, 0.0, 1.0) * aside
    return np.clip((depth - 0.5 * deepest) / 1.5, 0.0, 1.0)


def draw_lesion(
    hu: Field, shape: Shape, first_slice: int, corner_yx: tuple[int, int], rng: np.random.Generator
) -> None:
    """Draws a nodule into a volume, in place. Nothing outside its readers' outlines changes.

    Vessels that run through a faint nodule stay visible.

    Args:
        hu: float32 `(slices, rows, columns)`; the nodule's box, and a margin of two pixels about it, lies
            inside.
        shape: the nodule.
        first_slice: slice of the volume that the box begins on.
        corner_yx: row and column of the volume where it begins.
        rng: draws its density.
    """
    depth = depth_inside(shape)
    share, inside = opacity(shape, depth)[1:-1], inner_hu(shape, depth, rng)[1:-1]
    (row, column), (slices, rows, columns) = corner_yx, shape.size_zyx
    top, left = row - PAD_PX, column - PAD_PX
    box = hu[first_slice : first_slice + slices, top : row + rows + PAD_PX, left : column + columns + PAD_PX]
    box += share * np.maximum(inside - box, 0.0)

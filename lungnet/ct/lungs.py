"""Body and lungs by thresholds and connected components.

Enough to say whether a place lies in the lung: not a segmentation to measure with. All work is done on
a grid of about 3 mm in the plane, so that masks have steps of that size.
"""

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from lungnet.ct.volume import Volume

#: Tissue is denser, air and lung are thinner.
TISSUE_HU = -400
#: In-plane size of the cells on which masks are computed.
CELL_MM = 3.0
#: Air spaces that are smaller than a lung's cross section (trachea, bowel, oesophagus).
SMALLEST_LUNG_MM2 = 1500.0
#: Closing radius: juxtapleural nodules of up to 30 mm and the vessels at the hilum are taken in.
CLOSING_MM = 12.0
#: Holes up to this size (a nodule of 40 mm) belong to the lung; larger ones are heart or diaphragm.
LARGEST_HOLE_MM2 = 1260.0
#: Thinner bridges of tissue (blankets, cables, the table) do not belong to the body.
OPENING_MM = 6.0
#: The air of one lung has at least this share of the largest air space's volume.
SMALLEST_SHARE = 0.05

Mask = npt.NDArray[np.bool_]


def body_mask(volume_hu: npt.NDArray[np.int16], pixel_spacing_mm: float = 0.7) -> Mask:
    """Finds the patient: the largest piece of tissue with all the air that it encloses in the plane.

    Args:
        volume_hu: `(slices, rows, columns)` in Hounsfield units; a single slice will do.
        pixel_spacing_mm: in the plane, for the sizes of the cells and of what is cut off as table.

    Returns:
        bool, of the same shape; all False where there is no tissue.

    Raises:
        ValueError: `volume_hu` is not three-dimensional or `pixel_spacing_mm` is not positive.
    """
    cells, factor = _cells(volume_hu, pixel_spacing_mm)
    return _whole(_body(cells, factor * pixel_spacing_mm), factor, volume_hu.shape)


def lung_mask(volume: Volume) -> Mask:
    """Finds the lungs: air inside the body, closed so that vessels and nodules at the wall are inside.

    Air that reaches the border of a slice is outside the patient. Of the rest, spaces with a small cross
    section (bowel, oesophagus) are left out; windpipe and bronchi stay where they join the lungs. The
    lungs are closed in the plane by 12 mm and their holes of up to 40 mm are filled, within the body.
    Works on a slab of few slices as well.

    Args:
        volume: the CT.

    Returns:
        bool `(slices, rows, columns)`; all False where there is no lung.
    """
    spacing = (volume.spacing_mm[1] * volume.spacing_mm[2]) ** 0.5
    cells, factor = _cells(volume.hu, spacing)
    cell_mm = factor * spacing
    body = _body(cells, cell_mm)
    # The skin is partly air within a cell: without it no air of the lung joins the air outside.
    inner = ndimage.binary_erosion(body, _disk(1.0))
    lungs = _large_spaces(inner & (cells < TISSUE_HU), cell_mm)
    closed = _close(lungs, CLOSING_MM / cell_mm)
    for plane in closed:
        plane |= _small_holes(plane, LARGEST_HOLE_MM2 / cell_mm**2)
    return _whole(closed & body, factor, volume.hu.shape)


def _cells(volume_hu: npt.NDArray[np.int16], spacing_mm: float) -> tuple[npt.NDArray[np.int16], int]:
    """Returns mean HU of square cells of `factor` pixels (the last ones cropped), and `factor`."""
    if volume_hu.ndim != 3:
        raise ValueError(f"volume_hu must be (slices, rows, columns). Received: shape={volume_hu.shape}")
    if not spacing_mm > 0:
        raise ValueError(f"pixel_spacing_mm must be positive. Received: {spacing_mm}")
    slices, rows, columns = volume_hu.shape
    factor = max(1, min(round(CELL_MM / spacing_mm), rows, columns))
    rows, columns = rows // factor, columns // factor
    cells = np.empty((slices, rows, columns), np.int16)
    for plane, cell in zip(volume_hu, cells, strict=True):
        # Padding far below air must not pull its neighbours' mean down.
        cropped = np.maximum(plane[: rows * factor, : columns * factor], -1024)
        sums = cropped.reshape(rows, factor, columns * factor).sum(axis=1, dtype=np.int32)
        cell[...] = sums.reshape(rows, columns, factor).sum(axis=2) // factor**2
    return cells, factor


def _body(cells: npt.NDArray[np.int16], cell_mm: float) -> Mask:
    disk = _disk(0.5 * OPENING_MM / cell_mm)
    reach = disk.shape[1] // 2
    # A patient wider than the image goes on beyond its border.
    continued = np.pad(cells >= TISSUE_HU, ((0, 0), (reach, reach), (reach, reach)), mode="edge")
    tissue = ndimage.binary_opening(continued, disk)[:, reach:-reach, reach:-reach]
    labels, count = ndimage.label(tissue)
    if not count:
        return np.zeros(cells.shape, bool)
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    body = labels == sizes.argmax()
    for plane in body:
        plane |= ndimage.binary_fill_holes(plane)
    return body


def _large_spaces(air: Mask, cell_mm: float) -> Mask:
    """Keeps the air spaces with the cross section of a lung, and not much smaller than the largest."""
    labels, count = ndimage.label(air)
    if not count:
        return air
    area = np.zeros(count + 1, np.int64)
    volume = np.zeros(count + 1, np.int64)
    for plane in labels:
        cells = np.bincount(plane.ravel(), minlength=count + 1)
        area = np.maximum(area, cells)
        volume += cells
    volume[0] = 0
    keep = (area * cell_mm**2 >= SMALLEST_LUNG_MM2) & (volume >= SMALLEST_SHARE * volume.max())
    keep[0] = False
    return keep[labels]


def _close(mask: Mask, radius: float) -> Mask:
    """Closes every plane with a disk, by distances: the radius does not cost time."""
    margin = int(np.ceil(radius)) + 1
    closed = np.zeros_like(mask)
    for plane, out in zip(mask, closed, strict=True):
        if not plane.any():
            continue
        padded = np.pad(plane, margin)
        dilated = ndimage.distance_transform_edt(~padded) <= radius
        eroded = ndimage.distance_transform_edt(dilated) > radius
        out[...] = eroded[margin:-margin, margin:-margin] | plane
    return closed


def _small_holes(plane: Mask, largest: float) -> Mask:
    labels, count = ndimage.label(ndimage.binary_fill_holes(plane) & ~plane)
    small = np.bincount(labels.ravel(), minlength=count + 1) <= largest
    small[0] = False
    return small[labels]


def _disk(radius: float) -> npt.NDArray[np.bool_]:
    """A structuring element for one plane, `(1, n, n)`."""
    reach = max(1, round(radius))
    y, x = np.ogrid[-reach : reach + 1, -reach : reach + 1]
    return (y * y + x * x <= reach * reach)[None]


def _whole(cells: Mask, factor: int, shape: tuple[int, ...]) -> Mask:
    """Gives every pixel its cell's value; pixels beyond the last whole cell take the nearest cell's."""
    rows = np.minimum(np.arange(shape[1]) // factor, cells.shape[1] - 1)
    columns = np.minimum(np.arange(shape[2]) // factor, cells.shape[2] - 1)
    return cells[:, rows][:, :, columns]

"""Body and lungs by thresholds and connected components.

Enough to say whether a place lies in the lung: not a segmentation to measure with. All work is done on
a grid of about 3 mm in the plane, so that masks have steps of that size.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from lungnet.ct.planes import Mask, close_by, erode, fill_holes, open_by
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


@dataclass(frozen=True, eq=False)
class CellMask:
    """A mask of a volume that is kept on square cells of some 3 mm: a tenth of the memory of its voxels.

    Attributes:
        cells: bool `(slices, rows // factor, columns // factor)`.
        factor: rows and columns of a cell, in voxels.
        shape: of the volume. Voxels beyond the last whole cell belong to the nearest one.
    """

    cells: Mask
    factor: int
    shape: tuple[int, ...]

    def holds(self, zyx: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        """Whether the mask holds each voxel of `zyx` `(n, 3)`, all of them in the volume: bool `(n,)`."""
        z, row, column = zyx.T
        _, rows, columns = self.cells.shape
        cell = np.minimum(row // self.factor, rows - 1), np.minimum(column // self.factor, columns - 1)
        return self.cells[z, *cell]

    def voxels(self) -> Mask:
        """Returns the mask of the volume's shape."""
        return self.every(1)

    def every(self, step: int) -> Mask:
        """Returns every `step`-th row and column of the volume's mask, `voxels()[:, ::step, ::step]`."""
        _, rows, columns = self.cells.shape
        row = np.minimum(np.arange(0, self.shape[1], step) // self.factor, rows - 1)
        column = np.minimum(np.arange(0, self.shape[2], step) // self.factor, columns - 1)
        return self.cells[:, row][:, :, column]


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
    cells_hu, factor = _cells_hu(volume_hu, pixel_spacing_mm)
    return CellMask(_body(cells_hu, factor * pixel_spacing_mm), factor, volume_hu.shape).voxels()


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
    return body_and_lungs(volume)[1].voxels()


def body_and_lungs(volume: Volume) -> tuple[CellMask, CellMask]:
    """Finds what `body_mask` and `lung_mask` find, at the price of one of them."""
    spacing_mm = (volume.spacing_mm[1] * volume.spacing_mm[2]) ** 0.5
    cells_hu, factor = _cells_hu(volume.hu, spacing_mm)
    cell_mm = factor * spacing_mm
    body = _body(cells_hu, cell_mm)
    # The skin is partly air within a cell: without it no air of the lung joins the air outside.
    inner = erode(body, 1.0, beyond=False)
    lungs = _large_spaces(inner & (cells_hu < TISSUE_HU), cell_mm)
    closed = close_by(lungs, CLOSING_MM / cell_mm)
    filled = fill_holes(closed, LARGEST_HOLE_MM2 / cell_mm**2)
    shape = volume.hu.shape
    return CellMask(body, factor, shape), CellMask(filled & body, factor, shape)


def _cells_hu(volume_hu: npt.NDArray[np.int16], spacing_mm: float) -> tuple[npt.NDArray[np.int16], int]:
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
        # Adding every factor-th row, then column, is three times as fast as summing blocks.
        by_row = sum((cropped[k::factor] for k in range(1, factor)), cropped[::factor].astype(np.int32))
        cell[...] = sum(by_row[:, k::factor] for k in range(factor)) // factor**2
    return cells, factor


def _body(cells_hu: npt.NDArray[np.int16], cell_mm: float) -> Mask:
    # A patient wider than the image goes on beyond its border.
    tissue = open_by(cells_hu >= TISSUE_HU, max(1, round(0.5 * OPENING_MM / cell_mm)))
    labels, count = ndimage.label(tissue)
    if not count:
        return np.zeros(tissue.shape, bool)
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    return fill_holes(labels == sizes.argmax())


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

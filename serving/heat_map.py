"""The scanner over all slices of a CT: a probability for each position in the lungs."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np
import numpy.typing as npt

from lungnet.ct import OUTSIDE_HU, Volume, write_nifti
from lungnet.errors import InputError
from lungnet.serving.classifier import PATCH_SIZE
from lungnet.serving.scan_grid import ScanGrid
from lungnet.serving.slice_scanner import SliceScanner


@dataclass(frozen=True, eq=False)
class HeatMap:
    """What the scanner says of each cell of a grid.

    Attributes:
        probability: float32 `(slices, rows, columns)`, 0 where it did not look.
        grid: of the same shape.
    """

    probability: npt.NDArray[np.float32]
    grid: ScanGrid


def scan_lungs(volume: Volume, grid: ScanGrid, scanner: SliceScanner, batch_slices: int = 4) -> HeatMap:
    """Judges the cells of a grid.

    Of each few slices the scanner sees the rectangle that holds all their cells, so that memory is bounded
    by `batch_slices` and hardly anything is computed outside the lungs. A grid finer than the scanner's
    stride takes several passes, each shifted by one cell.

    Args:
        volume: the CT; beyond its borders lies air (-1000 HU).
        grid: of the volume, from `lung_grid`.
        scanner: with a stride that is a multiple of the grid's.
        batch_slices: slices that the scanner sees at once.

    Raises:
        InputError: the scanner's stride is no multiple of the grid's.
    """
    shifts, rest = divmod(scanner.stride_px, grid.stride_px)
    if rest or not shifts:
        raise InputError(
            f"A stride of {grid.stride_px} px does not divide the scanner's stride of {scanner.stride_px} px."
        )
    probability = np.zeros(grid.looked_at.shape, np.float32)
    for first, last, rows, columns in _boxes(grid.looked_at, batch_slices):
        slices_hu = volume.hu[first:last]
        for row, column in product(rows[:shifts], columns[:shifts]):
            down, across = range(row, rows.stop, shifts), range(column, columns.stop, shifts)
            crop = _crop(
                slices_hu,
                _window(row * grid.stride_px, len(down), scanner.stride_px),
                _window(column * grid.stride_px, len(across), scanner.stride_px),
            )
            probability[first:last, row : rows.stop : shifts, column : columns.stop : shifts] = scanner.scan(
                crop
            )
    probability[~grid.looked_at] = 0.0
    return HeatMap(probability, grid)


def write_heat_map(path: str | os.PathLike[str], volume: Volume, heat_map: HeatMap) -> None:
    """Writes a heat map as NIfTI, in the frame of the patient, one voxel for each cell.

    Args:
        path: ending in `.nii` or `.nii.gz`.
        volume: that was scanned.
        heat_map: of it.

    Raises:
        InputError: the name ends otherwise, or the file cannot be written.
    """
    slice_mm, row_mm, column_mm = volume.spacing_mm
    stride = heat_map.grid.stride_px
    write_nifti(
        path,
        heat_map.probability,
        (slice_mm, row_mm * stride, column_mm * stride),
        volume.origin_xyz_lps_mm,
        volume.direction,
        "lungnet probability",
    )


def _boxes(looked_at: npt.NDArray[np.bool_], batch_slices: int) -> Iterator[tuple[int, int, range, range]]:
    """Yields (first slice, last slice + 1, rows, columns) of rectangles that hold all cells."""
    filled = np.flatnonzero(looked_at.any(axis=(1, 2)))
    start = 0
    while start < len(filled):
        stop = start + 1
        while stop < len(filled) and stop - start < batch_slices and filled[stop] == filled[stop - 1] + 1:
            stop += 1
        first, last = int(filled[start]), int(filled[stop - 1]) + 1
        together: npt.NDArray[np.bool_] = np.any(looked_at[first:last], axis=0)
        yield first, last, _reach(together, 1), _reach(together, 0)
        start = stop


def _reach(present: npt.NDArray[np.bool_], over: int) -> range:
    """Returns the indices along one axis from the first True to the last, over the other axis."""
    found = np.flatnonzero(np.any(present, axis=over))
    return range(int(found[0]), int(found[-1]) + 1)


def _window(center: int, count: int, stride: int) -> range:
    """Returns the pixels that a scanner must see along an axis for `count` patches from `center` on."""
    start = center - PATCH_SIZE // 2
    return range(start, start + PATCH_SIZE + stride * (count - 1))


def _crop(slices_hu: npt.NDArray[np.int16], rows: range, columns: range) -> npt.NDArray[np.int16]:
    """Cuts a window out of slices; what lies outside them is air."""
    height, width = slices_hu.shape[1:]
    top, left = max(rows.start, 0), max(columns.start, 0)
    inside = slices_hu[:, top : min(rows.stop, height), left : min(columns.stop, width)]
    if inside.shape[1:] == (len(rows), len(columns)):
        return inside
    crop = np.full((len(slices_hu), len(rows), len(columns)), OUTSIDE_HU, np.int16)
    row, column = top - rows.start, left - columns.start
    crop[:, row : row + inside.shape[1], column : column + inside.shape[2]] = inside
    return crop

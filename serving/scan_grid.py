"""Where a CT is looked at: a regular grid of positions, bounded by the lungs."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lungnet.ct import Volume, body_and_lungs
from lungnet.errors import InputError

#: A response needs neighbours above and below to be told from noise.
LEAST_SLICES = 3
#: Area of both lungs on the slice that shows most of them; bowel gas and airways have less.
LEAST_LUNG_MM2 = 2500.0
#: Lung is air with tissue in it: less than this is air alone (bowel, a room), more is none.
LUNG_HU = (-970.0, -300.0)


@dataclass(frozen=True, eq=False)
class ScanGrid:
    """Positions in a volume: cell (z, i, j) is the patch centred on voxel (z, stride i, stride j).

    A patch centred on (z, r, c) holds rows r-20 ... r+19 and columns c-20 ... c+19 of slice z, as
    `lungnet.ct.extract` cuts it.

    Attributes:
        looked_at: bool `(slices, rows, columns)`, the cells that are judged.
        stride_px: pixels between two cells.
    """

    looked_at: npt.NDArray[np.bool_]
    stride_px: int


def lung_grid(volume: Volume, stride_px: int) -> ScanGrid:
    """Lays a grid over a chest CT and marks the cells within half a stride of the lungs.

    Args:
        volume: the CT.
        stride_px: pixels between two cells.

    Raises:
        InputError: there are too few slices, or no lungs.
    """
    slices = len(volume.hu)
    if slices < LEAST_SLICES:
        raise InputError(
            f"Series {volume.series_uid} has {slices} slice(s); expected a CT of the chest of at least "
            f"{LEAST_SLICES}."
        )
    # The mask has steps of some pixels anyway: every half stride tells what lies around a cell.
    step = max(1, stride_px // 2)
    lungs = body_and_lungs(volume)[1].every(step)
    _check_chest(volume, lungs, step)
    if step == stride_px:
        return ScanGrid(lungs, stride_px)
    rows, columns = lungs.shape[1:]
    padded = np.pad(lungs, ((0, 0), (1, 1), (1, 1)))
    near = np.zeros_like(lungs)
    for row in range(3):
        for column in range(3):
            near |= padded[:, row : row + rows, column : column + columns]
    return ScanGrid(np.ascontiguousarray(near[:, ::2, ::2]), stride_px)


def _check_chest(volume: Volume, lungs: npt.NDArray[np.bool_], step: int) -> None:
    """Checks area and density of what was taken for lungs, a mask of every `step`-th pixel."""
    areas_mm2 = lungs.sum(axis=(1, 2)) * step**2 * volume.spacing_mm[1] * volume.spacing_mm[2]
    largest = int(areas_mm2.argmax())
    if areas_mm2[largest] < LEAST_LUNG_MM2:
        raise InputError(
            f"No lungs were found in series {volume.series_uid}: expected a CT of the chest in Hounsfield "
            f"units, with at least {LEAST_LUNG_MM2 / 100:.0f} cm2 of lung on a slice. "
            f"Received: {areas_mm2[largest] / 100:.0f} cm2."
        )
    median = float(np.median(volume.hu[largest, ::step, ::step][lungs[largest]]))
    if not LUNG_HU[0] <= median <= LUNG_HU[1]:
        raise InputError(
            f"What is filled with air in series {volume.series_uid} is no lung: expected a median between "
            f"{LUNG_HU[0]:.0f} and {LUNG_HU[1]:.0f} HU on slice {largest}. Received: {median:.0f} HU."
        )

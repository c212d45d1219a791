"""From an outline to the voxels it encloses, in exact integer arithmetic."""

import numpy as np
import numpy.typing as npt


def enclosed(
    points_xy: npt.NDArray[np.int32], row0: int, col0: int, rows: int, columns: int
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Fills the polygon through `points_xy` (closed if it is not) by the even-odd rule.

    Args:
        points_xy: int `(n, 2)`, vertices as (column, row); all must lie in the frame.
        row0, col0: the frame's first row and column.
        rows, columns: its size.

    Returns:
        Two bool `(rows, columns)`: voxels whose centre lies strictly inside, and voxels whose centre lies
        on the outline, be it on a vertex or on an edge between two.

    Raises:
        ValueError: a vertex lies outside the frame.
    """
    start = points_xy.astype(np.int64) - (col0, row0)
    if start.min() < 0 or (start >= (columns, rows)).any():
        raise ValueError(
            f"points_xy must lie within rows {row0} to {row0 + rows - 1} and columns {col0} to "
            f"{col0 + columns - 1}. Received: {points_xy.min(axis=0)} to {points_xy.max(axis=0)}"
        )
    step = np.roll(start, -1, axis=0) - start
    outline = _on_edges(start, step, rows, columns)
    return _crossed_oddly(start, step, rows, columns) & ~outline, outline


def _on_edges(
    start: npt.NDArray[np.int64], step: npt.NDArray[np.int64], rows: int, columns: int
) -> npt.NDArray[np.bool_]:
    """Marks the lattice points of each edge: with steps (dx, dy) there are gcd(dx, dy) of them."""
    parts = np.maximum(np.gcd(step[:, 0], step[:, 1]), 1)
    edge = np.repeat(np.arange(len(start)), parts)
    part = np.arange(len(edge)) - np.repeat(np.cumsum(parts) - parts, parts)
    columns_on, rows_on = (start[edge] + part[:, None] * (step[edge] // parts[edge, None])).T
    marked = np.zeros((rows, columns), bool)
    marked[rows_on, columns_on] = True
    return marked


def _crossed_oddly(
    start: npt.NDArray[np.int64], step: npt.NDArray[np.int64], rows: int, columns: int
) -> npt.NDArray[np.bool_]:
    """Marks points from which a ray to the right crosses an odd number of edges.

    An edge owns its upper end and not its lower one, so that a vertex is crossed once.
    """
    top = np.minimum(start[:, 1], start[:, 1] + step[:, 1])
    heights = np.abs(step[:, 1])
    edge = np.repeat(np.arange(len(start)), heights)
    row = np.arange(len(edge)) - np.repeat(np.cumsum(heights) - heights, heights) + top[edge]
    dx, dy = step[edge].T
    # The crossing is right of column c where c < x + (row - y) dx / dy: up to the ceiling of that, less one.
    last = start[edge, 0] - (-(row - start[edge, 1]) * dx) // dy - 1
    crossings = np.zeros((rows, columns + 1), np.int64)
    np.add.at(crossings, (row, last + 1), 1)
    right_of = np.cumsum(crossings[:, ::-1], axis=1)[:, ::-1]
    return right_of[:, 1:] % 2 == 1

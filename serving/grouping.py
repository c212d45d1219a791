"""Responses of neighbouring positions are one candidate: grouping in three dimensions."""

from dataclasses import dataclass
from itertools import product

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Response:
    """Neighbouring cells that belong to one peak.

    Attributes:
        center: fractional cell indices (slice, row, column), the mean of the cells weighted by how far they
            lie above the threshold.
        probability: of the strongest cell.
        extent_cells: cells along (slice, row, column).
    """

    center: tuple[float, float, float]
    probability: float
    extent_cells: tuple[int, int, int]


def group_responses(
    probability: npt.NDArray[np.float32],
    threshold: float,
    cell_mm: tuple[float, float, float],
    min_distance_mm: float,
) -> list[Response]:
    """Groups cells into peaks.

    From every cell that responds the way goes to the strongest of its 26 neighbours until none is stronger
    (in the smoothed map); cells whose ways end at one peak are a group. Then, from the strongest peak on,
    each takes in the groups of peaks nearer to it than `min_distance_mm`.

    Args:
        probability: float32 `(slices, rows, columns)`.
        threshold: cells below it do not respond.
        cell_mm: distance of cells along (slice, row, column).
        min_distance_mm: between two peaks.

    Returns:
        The groups, the strongest first; of equal ones the first in the order of cells.
    """
    lowest = max(threshold, float(np.finfo(np.float32).tiny))  # where nothing was looked at stands 0
    cells = np.argwhere(probability >= lowest)
    if not len(cells):
        return []
    strength = probability[tuple(cells.T)].astype(np.float64)
    peaks = _peaks(probability, cells)
    owners = _merge(cells, strength, peaks, np.asarray(cell_mm), min_distance_mm)
    responses = []
    for owner in np.unique(owners):
        members = owners == owner
        own, values = cells[members], strength[members]
        weight = values - threshold + 1e-3  # so that a group at the threshold has a centre as well
        center = weight @ own / weight.sum()
        extent = np.ptp(own, axis=0) + 1
        responses.append(
            Response(
                (float(center[0]), float(center[1]), float(center[2])),
                float(values.max()),
                (int(extent[0]), int(extent[1]), int(extent[2])),
            )
        )
    return sorted(responses, key=lambda response: (-response.probability, response.center))


def _peaks(probability: npt.NDArray[np.float32], cells: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Returns for each cell the index, among `cells`, of the peak that its way uphill ends at.

    The map is smoothed first, along each axis by a quarter of both neighbours and half of itself.
    """
    smoothed = probability.astype(np.float64)
    for axis in range(3):
        along = np.pad(np.moveaxis(smoothed, axis, 0), ((1, 1), (0, 0), (0, 0)))
        smoothed = np.moveaxis(0.25 * along[:-2] + 0.5 * along[1:-1] + 0.25 * along[2:], 0, axis)
    number = np.full(np.add(probability.shape, 2), -1)
    number[tuple(cells.T + 1)] = np.arange(len(cells))
    height = smoothed[tuple(cells.T)]
    best, uphill = height.copy(), np.arange(len(cells))
    for shift in product((-1, 0, 1), repeat=3):
        neighbour = number[tuple(cells.T + 1 + np.reshape(shift, (3, 1)))]
        there = np.where(neighbour >= 0, height[neighbour], -np.inf)
        # Among equally high ones the first cell wins, so that no way goes in a circle.
        better = (there > best) | ((there == best) & (neighbour >= 0) & (neighbour < uphill))
        best, uphill = np.where(better, there, best), np.where(better, neighbour, uphill)
    while not np.array_equal(uphill, uphill[uphill]):
        uphill = uphill[uphill]
    return uphill


def _merge(
    cells: npt.NDArray[np.int64],
    strength: npt.NDArray[np.float64],
    peaks: npt.NDArray[np.int64],
    cell_mm: npt.NDArray[np.float64],
    min_distance_mm: float,
) -> npt.NDArray[np.int64]:
    """Returns the peak of each cell, where strong peaks have taken in weaker ones beside them."""
    roots = np.unique(peaks)
    highest = np.zeros(len(cells))
    np.maximum.at(highest, peaks, strength)
    order = roots[np.lexsort((roots, -highest[roots]))]
    places = cells[order] * cell_mm
    taken_by = np.full(len(order), -1)
    for index in range(len(order)):
        if taken_by[index] < 0:
            near = np.linalg.norm(places - places[index], axis=1) < min_distance_mm
            taken_by[near & (taken_by < 0)] = index
            taken_by[index] = index
    owner = np.empty(len(cells), np.int64)
    owner[order] = order[taken_by]
    return owner[peaks]

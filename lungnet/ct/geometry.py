"""From the positions of slices to the geometry of a volume, or why there is none."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from lungnet.ct.errors import CTReadError
from lungnet.ct.placed import Placed
from lungnet.ct.slices import Slice

#: Direction cosines of one series may differ by rounding in the text.
COSINE_TOLERANCE = 1e-4
#: Pixel spacings of one series may differ by rounding in the text (relative).
SPACING_TOLERANCE = 1e-4
#: Slices nearer to each other along the normal lie at the same position.
SAME_POSITION_MM = 1e-3
#: A slice may lie this far from its place in an even stack, in slice spacings: positions are rounded in
#: the text. Of LIDC-IDRI's 1,018 series four are refused (patients 0123, 0267, 0514 and 0672).
UNEVEN_TOLERANCE = 0.25
#: A slice's centre may leave the line along the normal by so much, in mm.
LATERAL_TOLERANCE_MM = 0.1


@dataclass(frozen=True, eq=False)
class Stack(Placed):
    """Slices in order and the geometry that they form.

    Attributes:
        slices: one for each position, sorted along the normal.
        copies: pairs (index into `slices`, another slice at the same position).
        spacing_mm: (slice, row, column).
        origin_xyz_lps_mm: position of the first slice.
        direction: float64 `(3, 3)`, columns along column index, row index and slice index.
    """

    slices: list[Slice]
    copies: list[tuple[int, Slice]]
    spacing_mm: tuple[float, float, float]
    origin_xyz_lps_mm: tuple[float, float, float]
    direction: npt.NDArray[np.float64]


def stack_slices(slices: Sequence[Slice], thickness_mm: float) -> Stack:
    """Sorts slices by position along their normal (row direction x column direction).

    The distance between slices is that of the first from the last, divided by their number less one.

    Args:
        slices: at least one.
        thickness_mm: stands for the distance where there is a single slice; 0.0 if unknown, then it is 1.0.

    Raises:
        CTReadError: slices differ in size, orientation or pixel spacing, one is missing or they are
            spaced unevenly, or they are displaced from each other aslant to their normal (gantry tilt).
    """
    _check_alike(slices)
    row, column = np.reshape(slices[0].orientation, (2, 3)).astype(np.float64)
    if abs(row @ row - 1) > 1e-3 or abs(column @ column - 1) > 1e-3 or abs(row @ column) > 1e-3:
        raise CTReadError(
            f"{slices[0].path}: (0020,0037) Image Orientation (Patient) must be two unit vectors at right "
            f"angles. Received: {slices[0].orientation}"
        )
    normal = np.cross(row, column)
    normal /= np.linalg.norm(normal)
    along = {id(one): float(normal @ one.position) for one in slices}
    ordered = sorted(slices, key=lambda one: (along[id(one)], one.path))
    kept, copies = _part_copies(ordered, [along[id(one)] for one in ordered])
    positions = np.array([one.position for one in kept])
    _check_even(kept, positions @ normal)
    _check_straight(kept, positions, normal)
    between = thickness_mm or 1.0
    if len(kept) > 1:
        between = float(np.linalg.norm(positions[-1] - positions[0])) / (len(kept) - 1)
    row_mm, column_mm = kept[0].pixel_spacing_mm
    x, y, z = kept[0].position
    direction = np.stack([row, column, normal], axis=1)
    return Stack(kept, copies, (between, row_mm, column_mm), (x, y, z), direction)


def _check_alike(slices: Sequence[Slice]) -> None:
    first = slices[0]
    for one in slices[1:]:
        if (one.rows, one.columns) != (first.rows, first.columns):
            _refuse_difference(
                one, f"{one.rows} x {one.columns} pixels", first, f"{first.rows} x {first.columns}"
            )
        if one.orientation != first.orientation and not np.allclose(
            one.orientation, first.orientation, rtol=0, atol=COSINE_TOLERANCE
        ):
            _refuse_difference(one, f"orientation {one.orientation}", first, first.orientation)
        if one.pixel_spacing_mm != first.pixel_spacing_mm and not np.allclose(
            one.pixel_spacing_mm, first.pixel_spacing_mm, rtol=SPACING_TOLERANCE, atol=0
        ):
            _refuse_difference(
                one, f"pixel spacing {one.pixel_spacing_mm} mm", first, f"{first.pixel_spacing_mm} mm"
            )


def _refuse_difference(one: Slice, what: str, first: Slice, expected: Any) -> None:
    raise CTReadError(
        f"{one.path} has {what}; expected {expected} like {first.path.name} of the same series."
    )


def _part_copies(ordered: list[Slice], along: list[float]) -> tuple[list[Slice], list[tuple[int, Slice]]]:
    kept, copies = [ordered[0]], []
    last = along[0]
    for one, place in zip(ordered[1:], along[1:], strict=True):
        if place - last < SAME_POSITION_MM:
            copies.append((len(kept) - 1, one))
        else:
            kept.append(one)
            last = place
    return kept, copies


def _check_even(kept: list[Slice], along: npt.NDArray[np.float64]) -> None:
    steps = np.diff(along)
    if len(steps) < 2:
        return
    usual = float(np.median(steps))
    for place, step in enumerate(steps):
        if step > 1.5 * usual:
            raise CTReadError(
                f"{kept[0].path.parent}: {round(step / usual) - 1} slice(s) are missing between "
                f"{along[place]:.2f} mm ({kept[place].path.name}) and {along[place + 1]:.2f} mm "
                f"({kept[place + 1].path.name}); the other slices are {usual:.3g} mm apart."
            )
    even = np.linspace(along[0], along[-1], len(along))
    worst = int(np.argmax(np.abs(along - even)))
    if abs(along[worst] - even[worst]) > UNEVEN_TOLERANCE * usual:
        raise CTReadError(
            f"{kept[worst].path} lies at {along[worst]:.2f} mm along the slice normal; evenly spaced slices "
            f"would have one at {even[worst]:.2f} mm."
        )


def _check_straight(
    kept: list[Slice], positions: npt.NDArray[np.float64], normal: npt.NDArray[np.float64]
) -> None:
    offsets = positions - positions[0]
    lateral = np.linalg.norm(offsets - np.outer(offsets @ normal, normal), axis=1)
    for (before, after), aside in zip(itertools.pairwise(kept), lateral[1:], strict=True):
        if aside > LATERAL_TOLERANCE_MM:
            raise CTReadError(
                f"{after.path} is displaced from {before.path.name} aslant to the slice normal (a tilted "
                f"gantry: {aside:.2f} mm since the first slice); expected slices stacked at right angles."
            )

"""Shows that a scanner says of every position of a slice what the classifier says of the patch there."""

import os
from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from lungnet.export.parity import CLUSTER_MARGIN, ParityReport, Reference
from lungnet.export.runtime import ParityError, open_model
from lungnet.patches.example import PATCH_SIZE

INPUT = ("slices_hu", "tensor(int16)", ("slices", "height", "width"))
OUTPUT = ("probability", "tensor(float)", ("slices", "rows", "columns"))

#: Heights and widths on which scanners are compared: one position, and sizes that are no multiple of 8.
SLICE_SIZES = ((40, 40), (47, 64), (121, 134))
_BATCH = 128


def make_slices(patches_hu: npt.NDArray[np.int16]) -> list[npt.NDArray[np.int16]]:
    """Lays patches side by side into slices of `SLICE_SIZES`, int16 `(1, height, width)` each.

    Args:
        patches_hu: int16 `(n, 40, 40)`, n >= 1; with fewer than 17 they recur.
    """
    slices, start = [], 0
    for height, width in SLICE_SIZES:
        rows, columns = -(-height // PATCH_SIZE), -(-width // PATCH_SIZE)
        chosen = np.arange(start, start + rows * columns) % len(patches_hu)
        tiles = patches_hu[chosen].reshape(rows, columns, PATCH_SIZE, PATCH_SIZE)
        whole = tiles.swapaxes(1, 2).reshape(rows * PATCH_SIZE, columns * PATCH_SIZE)
        slices.append(np.ascontiguousarray(whole[None, :height, :width]))
        start += rows * columns
    return slices


def patches_of(slices_hu: npt.NDArray[np.int16], stride: int) -> npt.NDArray[np.int16]:
    """Cuts out what each cell of a scanned slice stands for.

    Args:
        slices_hu: int16 `(slices, height, width)`.
        stride: pixels between two positions.

    Returns:
        int16 `(slices, (height - 40) // stride + 1, (width - 40) // stride + 1, 40, 40)`, a view.
    """
    windows = np.lib.stride_tricks.sliding_window_view(slices_hu, (PATCH_SIZE, PATCH_SIZE), axis=(1, 2))
    return windows[:, ::stride, ::stride]


def check_scanner(
    reference: Reference,
    onnx: str | os.PathLike[str] | bytes,
    slices: Iterable[npt.NDArray[np.int16]],
    tolerance: float = 1e-4,
    stride: int = 8,
) -> ParityReport:
    """Compares a scanner with a classifier at all positions of slices, by ONNX Runtime on the CPU.

    Where `cluster_margin` is below 1e-5 rounding may choose either cluster: there the probability of the
    other one is accepted.

    Args:
        reference: the classifier (`SavedModelReference`, or any such function).
        onnx: path or content of the scanner.
        slices: int16 `(n, height, width)` each.
        tolerance: largest absolute difference in probability that passes.
        stride: pixels between two positions.

    Returns:
        What was compared; `batch_sizes` are the positions of each of the slices.

    Raises:
        ParityError: with the first disagreement found.
        InputError: the file cannot be read, or ONNX Runtime is not installed.
    """
    session = open_model(onnx)
    _check_contract(session)
    sizes: list[int] = []
    worst, ambiguous, swapped = 0.0, 0, 0
    for slices_hu in slices:
        (probability,) = session.run([OUTPUT[0]], {INPUT[0]: slices_hu})
        patches = patches_of(slices_hu, stride)
        if probability.dtype != np.float32 or probability.shape != patches.shape[:3]:
            raise ParityError(
                f"A scanner must return float32 {patches.shape[:3]} for slices of {slices_hu.shape}. "
                f"Received: {probability.dtype} {probability.shape}"
            )
        flat = patches.reshape(-1, PATCH_SIZE, PATCH_SIZE)
        outputs = [reference(flat[start : start + _BATCH]) for start in range(0, len(flat), _BATCH)]
        expected = np.concatenate([output["probability"] for output in outputs]).astype(np.float64)
        found = probability.reshape(-1).astype(np.float64)
        difference = np.abs(found - expected)
        if "cluster_margin" in outputs[0]:
            unsure = np.concatenate([output["cluster_margin"] for output in outputs]) < CLUSTER_MARGIN
            other = np.abs(found - np.concatenate([output["other_probability"] for output in outputs]))
            swaps = unsure & ~(difference <= tolerance) & (other < difference)
            difference = np.where(swaps, other, difference)
            ambiguous += int(unsure.sum())
            swapped += int(swaps.sum())
        beyond = ~(difference <= tolerance)  # written so that NaN lies beyond
        if beyond.any():
            index = int(np.flatnonzero(beyond)[0])
            place = tuple(int(i) for i in np.unravel_index(index, probability.shape))
            raise ParityError(
                f"Cell {place} of a scan of {slices_hu.shape} has probability {found[index]:.7g}, the patch "
                f"there {expected[index]:.7g}; expected a difference of at most {tolerance:g}."
            )
        sizes.append(len(flat))
        worst = max(worst, float(difference.max(initial=0.0)))
    if not sizes:
        raise ValueError("slices must not be empty.")
    return ParityReport(tuple(sizes), sum(sizes), worst, tolerance, ambiguous, swapped)


def _check_contract(session: Any) -> None:
    for kind, values, expected in (
        ("inputs", session.get_inputs(), (INPUT,)),
        ("outputs", session.get_outputs(), (OUTPUT,)),
    ):
        found = tuple((value.name, value.type, tuple(value.shape)) for value in values)
        if found != expected:
            raise ParityError(f"The {kind} of a scanner must be {expected}. Received: {found}")

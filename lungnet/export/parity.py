"""Shows that an ONNX file computes what the model it was made from computes, or says that it does not."""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from lungnet.errors import InputError
from lungnet.export.runtime import ParityError, open_model

#: Two cluster distances this close, as a share of their sum, may swap by rounding alone.
CLUSTER_MARGIN = 1e-5

#: Batch sizes on which models are compared: one, odd ones, and more than a vector unit's multiple.
BATCH_SIZES = (1, 2, 7, 64, 100)

INPUT = ("patches_hu", "tensor(int16)", ("batch", 40, 40))
OUTPUTS = (("probability", "tensor(float)", ("batch",)), ("cluster", "tensor(int64)", ("batch",)))

#: Patches int16 `(b, 40, 40)` -> `probability`, `cluster` and, for models with clusters, `cluster_margin` and
#: `other_probability`, each `(b,)`.
Reference = Callable[[npt.NDArray[np.int16]], Mapping[str, npt.NDArray[Any]]]

#: A batch int16 `(b, 40, 40)`, and the probability float32 `(b,)` and cluster int64 `(b,)` that it was given.
Answer = tuple[npt.NDArray[np.int16], npt.NDArray[np.float32], npt.NDArray[np.int64]]


@dataclass(frozen=True)
class ParityReport:
    """What was compared.

    Attributes:
        batch_sizes: of the batches.
        patches: compared in all.
        max_difference: largest absolute difference in probability.
        tolerance: that was allowed.
        ambiguous: patches whose cluster distances differ by less than 1e-5 of their sum, where either
            cluster is accepted with the probability that belongs to it.
        swapped: those of them where the ONNX file chose the other cluster.
    """

    batch_sizes: tuple[int, ...]
    patches: int
    max_difference: float
    tolerance: float
    ambiguous: int
    swapped: int

    def to_json(self) -> dict[str, Any]:
        """Returns the attributes as values that JSON holds."""
        return {**asdict(self), "batch_sizes": list(self.batch_sizes)}


def make_batches(
    patches_hu: npt.NDArray[np.int16], sizes: Sequence[int] = BATCH_SIZES
) -> list[npt.NDArray[np.int16]]:
    """Cuts batches of the given sizes out of patches, spread evenly over them.

    Args:
        patches_hu: int16 `(n, 40, 40)`, n >= 1; with fewer than `sum(sizes)` they recur.
        sizes: of the batches.

    Raises:
        InputError: there are no patches, or they are of another shape or dtype.
    """
    if patches_hu.dtype != np.int16 or patches_hu.shape[1:] != INPUT[2][1:] or not len(patches_hu):
        raise InputError(
            "Patches to compare models on must be int16 (n, 40, 40) with n >= 1. "
            f"Received: {patches_hu.dtype} {patches_hu.shape}"
        )
    total = sum(sizes)
    chosen = (
        np.arange(total) * len(patches_hu) // total
        if len(patches_hu) >= total
        else np.arange(total) % len(patches_hu)
    )
    return np.split(patches_hu[chosen], np.cumsum(sizes)[:-1])


def check_parity(
    reference: Reference,
    onnx: str | os.PathLike[str] | bytes,
    batches: Iterable[npt.NDArray[np.int16]],
    tolerance: float = 1e-4,
) -> ParityReport:
    """Compares a model and its ONNX form, by ONNX Runtime on the CPU.

    Names, order, dtypes and shapes of inputs and outputs must be the contract's, every probability
    finite and within `tolerance`, every cluster the same. Where `cluster_margin` is below 1e-5 rounding
    may choose either cluster: there the other one is accepted with `other_probability`.

    Args:
        reference: the model it was made from (`SavedModelReference`, or any such function).
        onnx: path or content of the ONNX file.
        batches: int16 `(b, 40, 40)` each, real and of different sizes.
        tolerance: largest absolute difference in probability that passes.

    Returns:
        What was compared, and how close it came.

    Raises:
        ParityError: with the first disagreement found.
        InputError: the file cannot be read, or ONNX Runtime is not installed.
        ValueError: there are no batches.
    """
    session = open_model(onnx)
    check_contract(session)

    def answers() -> Iterator[Answer]:
        for patches_hu in batches:
            probability, cluster = session.run([name for name, *_ in OUTPUTS], {INPUT[0]: patches_hu})
            yield patches_hu, probability, cluster

    return compare_answers(reference, answers(), tolerance)


def compare_answers(reference: Reference, answers: Iterable[Answer], tolerance: float = 1e-4) -> ParityReport:
    """Compares what an ONNX file has answered, here or elsewhere, with the model it was made from.

    Args:
        reference: the model it was made from.
        answers: of each batch.
        tolerance: largest absolute difference in probability that passes.

    Returns:
        What was compared, and how close it came.

    Raises:
        ParityError: as `check_parity`.
        ValueError: there are no answers.
    """
    sizes: list[int] = []
    worst = 0.0
    ambiguous = swapped = 0
    for patches_hu, probability, cluster in answers:
        expected = reference(patches_hu)
        _check_arrays(len(patches_hu), probability, cluster)
        unsure = np.asarray(expected.get("cluster_margin", np.full(len(patches_hu), np.inf))) < CLUSTER_MARGIN
        differs = cluster != expected["cluster"]
        _raise_if(differs & ~unsure, "cluster", cluster, expected["cluster"], "the same")
        wanted = np.where(differs, expected.get("other_probability", np.nan), expected["probability"])
        difference = np.abs(probability.astype(np.float64) - wanted)
        beyond = ~(difference <= tolerance)  # written so that NaN lies beyond
        _raise_if(beyond, "probability", probability, wanted, f"a difference of at most {tolerance:g}")
        sizes.append(len(patches_hu))
        worst = max(worst, float(difference.max(initial=0.0)))
        ambiguous += int(unsure.sum())
        swapped += int(differs.sum())
    if not sizes:
        raise ValueError("batches must not be empty.")
    return ParityReport(tuple(sizes), sum(sizes), worst, tolerance, ambiguous, swapped)


def check_contract(session: Any) -> None:
    """Raises `ParityError` unless names, order, dtypes and shapes are those of a classifier."""
    for kind, values, expected in (
        ("inputs", session.get_inputs(), (INPUT,)),
        ("outputs", session.get_outputs(), OUTPUTS),
    ):
        found = tuple((value.name, value.type, tuple(value.shape)) for value in values)
        if found != expected:
            raise ParityError(f"The {kind} of the ONNX model must be {expected}. Received: {found}")


def _check_arrays(patches: int, probability: npt.NDArray[Any], cluster: npt.NDArray[Any]) -> None:
    found = (probability.dtype, probability.shape, cluster.dtype, cluster.shape)
    expected = (np.dtype(np.float32), (patches,), np.dtype(np.int64), (patches,))
    if found != expected:
        raise ParityError(f"ONNX Runtime must return {expected} for {patches} patches. Received: {found}")


def _raise_if(
    wrong: npt.NDArray[np.bool_],
    name: str,
    found: npt.NDArray[Any],
    wanted: npt.NDArray[Any],
    expectation: str,
) -> None:
    """Raises for the first patch that is wrong."""
    if wrong.any():
        index = int(np.flatnonzero(wrong)[0])
        raise ParityError(
            f"Patch {index} of a batch of {len(wrong)} has {name} {found[index]:.7g} in ONNX Runtime and "
            f"{wanted[index]:.7g} in the model it was made from; expected {expectation}."
        )

"""Runs a model over batches that lie on its device."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from lungnet.errors import InputError
from lungnet.serving.providers import GPU_PROVIDERS
from lungnet.serving.session import import_onnxruntime
from lungnet.serving.side_by_side import ALONE, SideBySide

#: Bytes of input that lie on the device at once; patches of 3,200 bytes: 80,000 of them.
_DEVICE_BYTES = 256 * 2**20
#: Fewer items on a core of their own are not worth a thread.
_FEWEST = 4


def runs_on_gpu(session: Any) -> bool:
    """Returns whether a session computes on a GPU."""
    return bool(GPU_PROVIDERS & set(session.get_providers()))


def run_batches(
    session: Any,
    values: npt.NDArray[Any],
    outputs: Mapping[str, tuple[npt.DTypeLike, Sequence[int]]],
    batch_size: int,
    side_by_side: SideBySide = ALONE,
) -> list[npt.NDArray[Any]]:
    """Runs a model of one input over an array, batch by batch.

    On a CPU batches run side by side, and few items are shared out evenly; on a GPU see `run_bound`. Several
    threads may do so with one session.

    Args:
        session: an `onnxruntime.InferenceSession` with one input, whose first axis is that of the batch.
        values: `(n, ...)`, of the input's dtype.
        outputs: name -> dtype and shape of one item's answer.
        batch_size: items that one run of the graph sees. On a GPU a multiple of 64 keeps all views aligned.
        side_by_side: what runs batches on a CPU; by default the caller's thread, one after the other.

    Returns:
        The answers, `(n, *shape)` each, in the order of `outputs`.

    Raises:
        InputError: the model answers in another shape.
    """
    values = np.ascontiguousarray(values)
    answers = {name: np.empty((len(values), *shape), dtype) for name, (dtype, shape) in outputs.items()}
    if runs_on_gpu(session):
        run_bound(session, "cuda", values, answers, batch_size)
    else:
        _run_on_cpu(session, values, answers, batch_size, side_by_side)
    return list(answers.values())


def run_bound(
    session: Any,
    device: str,
    values: npt.NDArray[Any],
    answers: Mapping[str, npt.NDArray[Any]],
    batch_size: int,
    device_bytes: int = _DEVICE_BYTES,
) -> None:
    """Fills `answers` on a device: what it sees and says lies there meanwhile (I/O binding).

    The array is copied there in pieces of many batches; each batch is a view of a piece there, each answer is
    written into one array there, and what comes back are the answers of a whole piece.

    Args:
        session, batch_size: as `run_batches` takes them.
        device: by ONNX Runtime's name, "cuda" or "cpu".
        values: contiguous, `(n, ...)`.
        answers: name of an output -> array to fill, `(n, ...)`.
        device_bytes: of `values` that lie on the device at once, one batch at least.
    """
    item_bytes = max(1, values[:1].nbytes)
    piece = max(1, device_bytes // (item_bytes * batch_size)) * batch_size
    for start in range(0, len(values), piece):
        part = slice(start, start + piece)
        _run_piece(
            session, device, values[part], [one[part] for one in answers.values()], list(answers), batch_size
        )


def _run_on_cpu(
    session: Any,
    values: npt.NDArray[Any],
    answers: Mapping[str, npt.NDArray[Any]],
    batch_size: int,
    side_by_side: SideBySide,
) -> None:
    """Fills `answers`. The runtime's own arrays are not kept, for they keep what its session holds."""
    name, wanted = session.get_inputs()[0].name, list(answers)

    def run(part: slice) -> None:
        found = session.run(wanted, {name: values[part]})
        for (output, answer), one in zip(answers.items(), found, strict=True):
            if one.shape[1:] != answer.shape[1:]:
                raise InputError(
                    f"The model's output {output} must be {answer.shape[1:]} for each item. "
                    f"Received: {one.shape[1:]}"
                )
            answer[part] = one

    share = max(_FEWEST, -(-len(values) // side_by_side.cores))
    size = min(batch_size, share)
    side_by_side.run(run, [slice(start, start + size) for start in range(0, len(values), size)])


def _run_piece(
    session: Any,
    device: str,
    values: npt.NDArray[Any],
    answers: Sequence[npt.NDArray[Any]],
    names: Sequence[str],
    batch_size: int,
) -> None:
    on_device = import_onnxruntime().OrtValue.ortvalue_from_numpy
    places = [on_device(array, device, 0) for array in (values, *answers)]
    pointers = [place.data_ptr() for place in places]
    name = session.get_inputs()[0].name
    binding = session.io_binding()
    for start in range(0, len(values), batch_size):
        count = min(batch_size, len(values) - start)

        def view(array: npt.NDArray[Any], pointer: int, start: int = start, count: int = count) -> list[Any]:
            return [device, 0, array.dtype, (count, *array.shape[1:]), pointer + array[:1].nbytes * start]

        binding.bind_input(name, *view(values, pointers[0]))
        for output, answer, pointer in zip(names, answers, pointers[1:], strict=True):
            binding.bind_output(output, *view(answer, pointer))
        session.run_with_iobinding(binding)
    binding.synchronize_outputs()
    for answer, place in zip(answers, places[1:], strict=True):
        answer[:] = place.numpy()

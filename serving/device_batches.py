"""Runs a model over batches that lie on its device."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from lungnet.serving.providers import GPU_PROVIDERS
from lungnet.serving.session import import_onnxruntime

#: Bytes of input that lie on the device at once; patches of 3,200 bytes: 80,000 of them.
_DEVICE_BYTES = 256 * 2**20


def runs_on_gpu(session: Any) -> bool:
    """Returns whether a session computes on a GPU."""
    return bool(GPU_PROVIDERS & set(session.get_providers()))


def run_batches(
    session: Any,
    values: npt.NDArray[Any],
    outputs: Mapping[str, tuple[npt.DTypeLike, Sequence[int]]],
    batch_size: int,
    device_bytes: int = _DEVICE_BYTES,
) -> list[npt.NDArray[Any]]:
    """Runs a model of one input over an array, batch by batch.

    The array is copied to the device in pieces of many batches; each batch is a view of a piece there, each
    answer is written into one array there, and what comes back are the answers of a whole piece (I/O
    binding). On the CPU nothing is copied at all. Several threads may do so with one session.

    Args:
        session: an `onnxruntime.InferenceSession` with one input, whose first axis is that of the batch.
        values: `(n, ...)`, of the input's dtype.
        outputs: name -> dtype and shape of one item's answer.
        batch_size: items that one run of the graph sees. On a GPU a multiple of 64 keeps all views aligned.
        device_bytes: of `values` that lie on the device at once, one batch at least.

    Returns:
        The answers, `(n, *shape)` each, in the order of `outputs`.
    """
    device = "cuda" if runs_on_gpu(session) else "cpu"
    values = np.ascontiguousarray(values)
    if device == "cpu" and 0 < len(values) <= batch_size:  # to bind takes as long as a small batch
        answered: list[npt.NDArray[Any]] = session.run(list(outputs), {session.get_inputs()[0].name: values})
        if [one.shape[1:] for one in answered] == [tuple(shape) for _, shape in outputs.values()]:
            # The runtime's own arrays keep what its session held, for as long as anybody keeps one.
            return [one.copy() for one in answered]
        # Others do not fit below, which says so.
    answers = [np.empty((len(values), *shape), dtype) for dtype, shape in outputs.values()]
    item_bytes = max(1, values[:1].nbytes)
    piece = max(1, device_bytes // (item_bytes * batch_size)) * batch_size
    for start in range(0, len(values), piece):
        part = slice(start, start + piece)
        _run_piece(session, device, values[part], list(outputs), [one[part] for one in answers], batch_size)
    return answers


def _run_piece(
    session: Any,
    device: str,
    values: npt.NDArray[Any],
    names: Sequence[str],
    answers: Sequence[npt.NDArray[Any]],
    batch_size: int,
) -> None:
    """Fills `answers` with what the model says of `values`, all of which the device holds meanwhile."""
    arrays = [values, *answers]
    if device == "cpu":
        pointers = [array.ctypes.data for array in arrays]
    else:
        on_device = import_onnxruntime().OrtValue.ortvalue_from_numpy
        places = [on_device(array, device, 0) for array in arrays]
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
    if device != "cpu":
        binding.synchronize_outputs()
        for answer, place in zip(answers, places[1:], strict=True):
            answer[:] = place.numpy()

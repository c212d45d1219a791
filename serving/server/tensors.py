"""The tensors of the KServe v2 protocol: NumPy arrays as JSON, or as raw bytes behind it."""

import json
import math
from typing import Any

import numpy as np
import numpy.typing as npt

from lungnet.serving.server.refusal import Refusal

#: Names of the protocol; raw bytes are little-endian.
DATATYPES: dict[str, np.dtype[Any]] = {
    "INT16": np.dtype("<i2"),
    "INT64": np.dtype("<i8"),
    "FP32": np.dtype("<f4"),
}


def from_json(data: Any, datatype: str, shape: tuple[int, ...], name: str) -> npt.NDArray[Any]:
    """Returns whole numbers that came as JSON, flat or nested.

    Args:
        data: a list, or lists of lists.
        datatype: of the protocol, a whole number's.
        shape: that the request states.
        name: of the tensor, for messages.

    Raises:
        Refusal: `data` holds something else, or more or less than the shape says, or does not fit the type.
    """
    dtype = DATATYPES[datatype]
    try:
        values = np.array(data)
    except (ValueError, OverflowError):  # lists of unequal length
        values = np.array(None)
    if values.dtype.kind not in "iu":
        raise Refusal(400, f"{name}: data must be whole numbers, in one list or nested as the shape is.")
    if values.size != np.prod(shape) or (values.ndim > 1 and values.shape != shape):
        raise Refusal(
            400, f"{name}: data must fit the shape {list(shape)}. Received: {list(values.shape)} numbers"
        )
    limits = np.iinfo(dtype)
    if values.size and (values.min() < limits.min or values.max() > limits.max):
        raise Refusal(400, f"{name}: data must lie within {limits.min} to {limits.max}, as {datatype} do.")
    return values.astype(dtype).reshape(shape)


def from_bytes(data: bytes, start: int, datatype: str, shape: tuple[int, ...], name: str) -> npt.NDArray[Any]:
    """Returns an array of the raw bytes from `start` on, which it shares.

    Raises:
        Refusal: there are more or less bytes than the shape says.
    """
    dtype, received = DATATYPES[datatype], len(data) - start
    expected = math.prod(shape) * dtype.itemsize
    if received != expected:
        raise Refusal(
            400,
            f"{name}: {datatype} of shape {list(shape)} takes {expected} bytes. Received: {received} bytes",
        )
    return np.ndarray(shape, dtype, data, start)


def describe_output(name: str, datatype: str, count: int, values: list[Any] | None) -> dict[str, Any]:
    """Returns the description of an output of `count` numbers.

    Args:
        name, datatype, count: of the output.
        values: the numbers themselves; None where their bytes follow.
    """
    told: dict[str, Any] = {"name": name, "datatype": datatype, "shape": [count]}
    if values is None:
        return {**told, "parameters": {"binary_data_size": count * DATATYPES[datatype].itemsize}}
    return {**told, "data": values}


def to_bytes(array: npt.NDArray[Any], datatype: str) -> bytes:
    """Returns the raw bytes of an output."""
    return array.astype(DATATYPES[datatype], copy=False).tobytes()


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


_DECODER = json.JSONDecoder(parse_constant=_no_constant)


def parse_json(text: bytes) -> dict[str, Any]:
    """Reads a JSON object.

    Raises:
        Refusal: it is something else.
    """
    try:
        value = _DECODER.decode(text.decode("utf-8"))
    except (ValueError, RecursionError):  # a UnicodeDecodeError is a ValueError
        value = None
    if not isinstance(value, dict):
        raise Refusal(400, "The request must be a JSON object, with the length that its header states.")
    return value

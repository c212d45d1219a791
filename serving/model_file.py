"""Reads a model file and refuses what is not one self-contained ONNX model.

ONNX Runtime would follow a tensor marked as external to whichever file the model names. The bytes are
therefore walked first, by the protobuf wire format alone, so that no `onnx` package is needed.
"""

import os
from collections.abc import Iterator
from pathlib import Path

from lungnet.errors import InputError

#: Message -> field number -> message of that field, along every path of onnx.proto that leads to a tensor.
_NESTED: dict[str, dict[int, str]] = {
    "model": {7: "graph", 25: "function"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "function": {7: "node", 11: "attribute"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
    "tensor": {},
}
_GRAPH_FIELD = 7
_EXTERNAL_DATA_FIELD = 13
_DATA_LOCATION_FIELD = 14
_MAX_DEPTH = 100  # protobuf's own limit
_MAX_BYTES = 2**31 - 1  # protobuf's own limit


class _Malformed(Exception):
    """The bytes are not a protobuf message."""


def read_model_file(path: str | os.PathLike[str]) -> bytes:
    """Returns the bytes of a self-contained ONNX file.

    Args:
        path: the `.onnx` file.

    Raises:
        InputError: the file cannot be read, is empty, is not ONNX, or keeps tensors in other files.
    """
    path = Path(path)
    try:
        size = path.stat().st_size
        content = path.read_bytes() if path.is_file() and size <= _MAX_BYTES else b""
    except OSError as error:
        raise InputError(f"Cannot read the model {path}: {error.strerror or error}.") from error
    if not path.is_file():
        raise InputError(f"{path} is not a file; expected an ONNX model, for instance classifier.onnx.")
    if size > _MAX_BYTES or not content:
        raise InputError(
            f"{path} is not an ONNX model: expected a file of 1 byte to 2 GiB. Received: {size} bytes."
        )
    try:
        has_graph = any(number == _GRAPH_FIELD for number, *_ in _fields(content, 0, len(content)))
        external = _is_external(content, 0, len(content), "model", 0)
    except _Malformed as error:
        raise InputError(f"{path} is not an ONNX model: expected a protobuf ModelProto ({error}).") from error
    if not has_graph:
        raise InputError(f"{path} is not an ONNX model: expected a protobuf ModelProto with a graph.")
    if external:
        raise InputError(
            f"{path} keeps tensors in other files (external data); expected one self-contained ONNX file."
        )
    return content


def _varint(content: bytes, position: int, end: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if position >= end:
            raise _Malformed("it ends in the middle of a number")
        byte = content[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
    raise _Malformed("a number has more than 10 bytes")


def _fields(content: bytes, position: int, end: int) -> Iterator[tuple[int, int, int, int]]:
    """Yields (field number, value of a varint field or 0, start, end) of one message."""
    while position < end:
        key, position = _varint(content, position, end)
        number, wire_type = key >> 3, key & 7
        value = 0
        start = position
        if wire_type == 0:
            value, position = _varint(content, position, end)
        elif wire_type == 1:
            position += 8
        elif wire_type == 2:
            length, start = _varint(content, position, end)
            position = start + length
        elif wire_type == 5:
            position += 4
        else:
            raise _Malformed(f"unknown wire type {wire_type}")
        if number == 0 or position > end:
            raise _Malformed("a field runs past its message")
        yield number, value, start, position


def _is_external(content: bytes, start: int, end: int, message: str, depth: int) -> bool:
    if depth > _MAX_DEPTH:
        raise _Malformed(f"messages nest more than {_MAX_DEPTH} deep")
    for number, value, field_start, field_end in _fields(content, start, end):
        if message == "tensor":
            if number == _EXTERNAL_DATA_FIELD or (number == _DATA_LOCATION_FIELD and value):
                return True
        elif (nested := _NESTED[message].get(number)) and _is_external(
            content, field_start, field_end, nested, depth + 1
        ):
            return True
    return False

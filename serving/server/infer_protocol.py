"""Inference requests of the KServe v2 protocol over HTTP, with its extension for binary tensors.

https://kserve.github.io/website/latest/modelserving/data_plane/v2_protocol/ ; a body is JSON, and where
`Inference-Header-Content-Length` states how long that is, the tensors' bytes follow it.
"""

import functools
import re
import zlib
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from lungnet.serving.classifier import PATCH_SIZE
from lungnet.serving.server.json_bounds import DECODING, LONG_JSON, check_json
from lungnet.serving.server.limits import ServerLimits
from lungnet.serving.server.refusal import Refusal
from lungnet.serving.server.tensors import from_bytes, from_json, parse_json

#: Output -> datatype of the protocol, in the order of replies.
OUTPUTS = {"probability": "FP32", "cluster": "INT64"}
INPUT, INPUT_DATATYPE = "patches_hu", "INT16"
HEADER_LENGTH = "Inference-Header-Content-Length"
_LONGEST_ID = 256
_NUMBER = re.compile(b"[0-9]{1,12}")
#: JSON before a tensor's bytes that is remembered, for clients write the same before each patch.
_SHORT_JSON = 1024


class InferRequest(NamedTuple):
    """What was asked.

    Attributes:
        patches_hu: int16 `(n, 40, 40)`.
        outputs: name of each output wanted, and whether its bytes are to follow the JSON.
        id: to be sent back; None for none.
    """

    patches_hu: npt.NDArray[np.int16]
    outputs: tuple[tuple[str, bool], ...]
    id: str | None


class _Read(NamedTuple):
    """The JSON of a request.

    Attributes:
        patches: in the input.
        data: of the input; None where its bytes follow.
        bytes_after: that its `binary_data_size` states; None without.
        outputs, id: of `InferRequest`.
    """

    patches: int
    data: Any
    bytes_after: int | None
    outputs: tuple[tuple[str, bool], ...]
    id: str | None


def decompress(body: bytes, encoding: str, limits: ServerLimits) -> bytes:
    """Unpacks a body.

    Args:
        body: as sent.
        encoding: of `Content-Encoding`, empty for none.
        limits: how much may come out.

    Raises:
        Refusal: the encoding is unknown (415), the data are damaged (400) or too much (413).
    """
    if encoding in ("", "identity"):
        return body
    if encoding not in ("gzip", "deflate"):
        raise Refusal(415, "Content-Encoding must be gzip or deflate.")
    unpacker = zlib.decompressobj(wbits=47)  # either header
    try:
        plain = unpacker.decompress(body, limits.max_decompressed_bytes + 1)
    except zlib.error as error:
        raise Refusal(400, f"The body is not {encoding}.") from error
    if len(plain) > limits.max_decompressed_bytes:
        raise Refusal(
            413, f"The body unpacks to more than {limits.max_decompressed_bytes:,} bytes.", "too_large"
        )
    if not unpacker.eof or unpacker.unused_data:
        raise Refusal(400, f"The body is not one whole piece of {encoding}.")
    return plain


def json_bytes(header_length: bytes | None, body_bytes: int) -> int:
    """Returns how many bytes of a body are JSON; tensors follow.

    Args:
        header_length: value of `Inference-Header-Content-Length`, None without, where all is JSON.
        body_bytes: of the body.

    Raises:
        Refusal: the header says nothing that can be.
    """
    if header_length is None:
        return body_bytes
    length = int(header_length) if _NUMBER.fullmatch(header_length) else -1
    if not 0 <= length <= body_bytes:
        raise Refusal(400, f"{HEADER_LENGTH} must be a number of bytes that the body has.")
    return length


def read_request(body: bytes, length: int, limits: ServerLimits) -> InferRequest:
    """Reads an inference request.

    Args:
        body: unpacked.
        length: of the JSON in it, from `json_bytes`.
        limits: how many patches it may hold; JSON that would become more is not decoded.

    Raises:
        Refusal: it is not what the protocol and the model ask for.
    """
    text = body[:length]
    if length <= LONG_JSON:
        return _to_request(text, body, limits)
    check_json(text, limits.max_patches)
    with DECODING:
        return _to_request(text, body, limits)


def _to_request(text: bytes, body: bytes, limits: ServerLimits) -> InferRequest:
    start, there = len(text), len(body) - len(text)
    read = (_read_again if there and start <= _SHORT_JSON else _read)(text)
    if read.patches > limits.max_patches:
        raise Refusal(
            413,
            f"{INPUT}: at most {limits.max_patches:,} patches a request. Received: {read.patches}",
            "too_large",
        )
    shape = (read.patches, PATCH_SIZE, PATCH_SIZE)
    if read.bytes_after is not None:
        if read.bytes_after != there:
            raise Refusal(400, f"{INPUT}: binary_data_size must be the {there} bytes that follow the JSON.")
        return InferRequest(from_bytes(body, start, INPUT_DATATYPE, shape, INPUT), read.outputs, read.id)
    if there:
        raise Refusal(400, "Bytes follow the JSON that no input's binary_data_size accounts for.")
    return InferRequest(from_json(read.data, INPUT_DATATYPE, shape, INPUT), read.outputs, read.id)


def _read(text: bytes) -> _Read:
    told = parse_json(text)
    identity = told.get("id")
    if identity is not None and not (isinstance(identity, str) and len(identity) <= _LONGEST_ID):
        raise Refusal(400, f"id must be text of at most {_LONGEST_ID} characters.")
    tensor, outputs = _input(told), tuple(_outputs(told).items())
    bytes_after = _parameters(tensor, INPUT).get("binary_data_size")
    if bytes_after is not None and type(bytes_after) is not int:
        raise Refusal(400, f"{INPUT}: binary_data_size must be the number of bytes that follow the JSON.")
    data = tensor.get("data") if bytes_after is None else None
    return _Read(tensor["shape"][0], data, bytes_after, outputs, identity)


_read_again = functools.lru_cache(maxsize=256)(_read)


def _input(told: Mapping[str, Any]) -> dict[str, Any]:
    inputs = told.get("inputs")
    if not isinstance(inputs, list) or len(inputs) != 1 or not isinstance(inputs[0], dict):
        raise Refusal(400, f"inputs must be a list of one tensor, {INPUT}.")
    tensor: Any = inputs[0]
    if tensor.get("name") != INPUT:
        raise Refusal(400, f"The input must be called {INPUT}.")
    if tensor.get("datatype") != INPUT_DATATYPE:
        raise Refusal(400, f"{INPUT}: datatype must be {INPUT_DATATYPE}, Hounsfield units.")
    shape = tensor.get("shape")
    whole = isinstance(shape, list) and all(type(size) is int for size in shape)
    if not whole or len(shape) != 3 or shape[1:] != [PATCH_SIZE, PATCH_SIZE] or shape[0] < 1:
        raise Refusal(400, f"{INPUT}: shape must be [n, {PATCH_SIZE}, {PATCH_SIZE}] with n of at least 1.")
    return tensor


def _outputs(told: Mapping[str, Any]) -> dict[str, bool]:
    binary = _flag(_parameters(told, "the request"), "binary_data_output", False)
    wanted = told.get("outputs")
    if wanted is None or wanted == []:
        return dict.fromkeys(OUTPUTS, binary)
    if not isinstance(wanted, list) or not all(isinstance(one, dict) for one in wanted):
        raise Refusal(400, "outputs must be a list of objects with a name.")
    found: dict[str, bool] = {}
    for one in wanted:
        name = one.get("name")
        if not isinstance(name, str) or name not in OUTPUTS or name in found:
            raise Refusal(400, f"outputs must name {' and '.join(OUTPUTS)}, each at most once.")
        found[name] = _flag(_parameters(one, name), "binary_data", binary)
    return found


def _parameters(told: Mapping[str, Any], whose: str) -> Mapping[str, Any]:
    parameters = told.get("parameters", {})
    if not isinstance(parameters, dict):
        raise Refusal(400, f"The parameters of {whose} must be an object.")
    return parameters


def _flag(parameters: Mapping[str, Any], name: str, default: bool) -> bool:
    value = parameters.get(name, default)
    if not isinstance(value, bool):
        raise Refusal(400, f"{name} must be true or false.")
    return value

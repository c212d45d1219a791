"""Inference replies of the KServe v2 protocol over HTTP; see `infer_protocol`."""

import functools
import json
from collections.abc import Sequence
from typing import Any

from lungnet.serving.classifier import Prediction
from lungnet.serving.server.infer_protocol import HEADER_LENGTH, OUTPUTS, InferRequest
from lungnet.serving.server.refusal import Headers
from lungnet.serving.server.tensors import DATATYPES, describe_output, to_bytes

_WIDTHS = {name: DATATYPES[datatype].itemsize for name, datatype in OUTPUTS.items()}


class Replies:
    """Writes the replies to those whose patches were one batch.

    Args:
        prediction: of the batch.
        model: its name.
        version: of the model.
    """

    def __init__(self, prediction: Prediction, model: str, version: str) -> None:
        self._prediction, self._model, self._version = prediction, model, version
        self._bytes = {name: to_bytes(getattr(prediction, name), OUTPUTS[name]) for name in OUTPUTS}

    def write(self, request: InferRequest, start: int, end: int) -> tuple[bytes, Headers]:
        """Returns body and headers of a reply.

        Args:
            request: what was asked.
            start, end: of its patches in the batch.
        """
        of = (request.outputs, end - start, request.id, self._model, self._version)
        known = _before_bytes(*of)
        text, headers = known or self._with_values(of, start, end)
        parts = [
            self._bytes[name][_WIDTHS[name] * start : _WIDTHS[name] * end]
            for name, binary in request.outputs
            if binary
        ]
        return b"".join((text, *parts)), headers

    def _with_values(self, of: "_Of", start: int, end: int) -> tuple[bytes, Headers]:
        values = [getattr(self._prediction, name)[start:end].tolist() for name, binary in of[0] if not binary]
        return _describe(*of, values)


#: Outputs and whether each is binary, patches, id, name and version of the model.
_Of = tuple[tuple[tuple[str, bool], ...], int, str | None, str, str]


@functools.lru_cache(maxsize=256)
def _before_bytes(
    outputs: tuple[tuple[str, bool], ...], count: int, identity: str | None, model: str, version: str
) -> tuple[bytes, Headers] | None:
    """JSON and headers of a reply that holds no values in JSON: they are those of the next. Else None."""
    if not all(binary for _, binary in outputs):
        return None
    return _describe(outputs, count, identity, model, version)


def _describe(
    outputs: tuple[tuple[str, bool], ...],
    count: int,
    identity: str | None,
    model: str,
    version: str,
    values: Sequence[list[Any]] = (),
) -> tuple[bytes, Headers]:
    """JSON and headers of a reply; `values` are those of the outputs whose bytes do not follow it."""
    told: dict[str, Any] = {"model_name": model, "model_version": version}
    if identity is not None:
        told["id"] = identity
    left = iter(values)
    told["outputs"] = [
        describe_output(name, OUTPUTS[name], count, None if binary else next(left))
        for name, binary in outputs
    ]
    text = json.dumps(told, separators=(",", ":"), allow_nan=False).encode()
    after = sum(count * _WIDTHS[name] for name, binary in outputs if binary)
    known = (b"content-length", b"%d" % (len(text) + after))
    if not after:
        return text, ((b"content-type", b"application/json"), known)
    kind = (b"content-type", b"application/octet-stream")
    return text, (kind, known, (HEADER_LENGTH.lower().encode(), b"%d" % len(text)))

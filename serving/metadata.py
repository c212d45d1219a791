"""What an exported file says of itself."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lungnet.errors import InputError

#: Version of inputs, outputs and metadata properties that this lungnet reads; files that state none have it.
CONTRACT_VERSION = "1"
#: What a model's probability may be of.
TASKS = ("nodule", "malignancy")

_REQUIRED = ("lungnet_version", "task", "window_hu", "threshold")


@dataclass(frozen=True)
class ModelMetadata:
    """The properties that every exported file has.

    Attributes:
        task: one of `TASKS`.
        threshold: probability from which a patch counts as positive.
        properties: all of them, as text.
    """

    task: str
    threshold: float
    properties: dict[str, str] = field(repr=False)


def read_metadata(session: Any, name: str, kind: str) -> ModelMetadata:
    """Reads and checks the metadata of an open model.

    Args:
        session: an `onnxruntime.InferenceSession`.
        name: what messages call it, usually its path.
        kind: what it should be, "classifier" or "scanner".

    Raises:
        InputError: properties are missing, of another version or task, or out of range.
    """
    properties: dict[str, str] = dict(session.get_modelmeta().custom_metadata_map)
    missing = [key for key in _REQUIRED if key not in properties]
    if missing:
        raise InputError(
            f"{name} is not a {kind} that lungnet exported: expected the metadata properties "
            f"{', '.join(_REQUIRED)}. Missing: {', '.join(missing)}."
        )
    version = properties.get("contract_version", CONTRACT_VERSION)
    if version != CONTRACT_VERSION:
        raise InputError(
            f"{name} was written by lungnet {properties['lungnet_version']} for another version of this "
            f"package: expected contract_version {CONTRACT_VERSION}. Received: {version}."
        )
    if properties["task"] not in TASKS:
        raise InputError(
            f"{name} was trained for another task: expected {' or '.join(TASKS)}. "
            f"Received: {properties['task']!r}."
        )
    try:
        threshold = float(properties["threshold"])
    except ValueError:
        threshold = math.nan
    if not 0.0 <= threshold <= 1.0:
        raise InputError(
            f"{name}: expected a number from 0 to 1 as metadata threshold. "
            f"Received: {properties['threshold']!r}."
        )
    return ModelMetadata(properties["task"], threshold, properties)


def check_values(
    values: Sequence[Any], expected: Mapping[str, tuple[str, Sequence[int | None]]], name: str, kind: str
) -> None:
    """Checks names, types and shapes of a model's inputs or outputs.

    Args:
        values: `session.get_inputs()` or `session.get_outputs()`.
        expected: name -> type and shape, None for an axis of any size.
        name: what messages call the model, usually its path.
        kind: what it should be, "classifier" or "scanner".

    Raises:
        InputError: it has others.
    """

    def fits(value: Any) -> bool:
        dtype, shape = expected.get(value.name, ("", ()))
        return (
            value.type == dtype
            and len(value.shape) == len(shape)
            and all(size in (None, there) for size, there in zip(shape, value.shape, strict=True))
        )

    if {value.name for value in values} == set(expected) and all(map(fits, values)):
        return
    wanted = ", ".join(
        f"{key} {dtype} ({', '.join('any' if size is None else str(size) for size in shape)})"
        for key, (dtype, shape) in expected.items()
    )
    received = ", ".join(f"{value.name} {value.type} {tuple(value.shape)}" for value in values)
    raise InputError(f"{name} is not a lungnet {kind}: expected {wanted}. Received: {received}.")

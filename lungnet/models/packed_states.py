"""States of a training as bytes, without pickles: for a file, and for other processes."""

import io
import json
from collections.abc import Mapping
from typing import Any

import numpy as np

#: Name -> NumPy array or JSON value.
State = Mapping[str, Any]

#: Entry that holds what is no array, as JSON in UTF-8.
_PLAIN = "plain"


def pack_states(states: Mapping[str, State]) -> memoryview:
    """Returns the bytes of an `.npz`: arrays as `part/name`, everything else as JSON.

    Raises:
        TypeError: an array of Python objects, or a value that is no JSON.
    """
    plain: dict[str, dict[str, Any]] = {}
    arrays: dict[str, Any] = {}
    for part, entries in states.items():
        plain[part] = {}
        for name, value in entries.items():
            if isinstance(value, np.ndarray):
                if value.dtype.hasobject:
                    raise TypeError(f"{part}/{name} holds Python objects, which would be pickled.")
                arrays[f"{part}/{name}"] = value
            else:
                plain[part][name] = value
    arrays[_PLAIN] = np.frombuffer(json.dumps(plain).encode(), np.uint8)
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getbuffer()


def unpack_states(content: bytes) -> dict[str, dict[str, Any]]:
    """Returns what `pack_states` was given, by part and name."""
    with np.load(io.BytesIO(content), allow_pickle=False) as file:
        arrays = dict(file)
    states: dict[str, dict[str, Any]] = json.loads(arrays.pop(_PLAIN).tobytes())
    for name, value in arrays.items():
        part, _, entry = name.partition("/")
        states[part][entry] = value
    return states

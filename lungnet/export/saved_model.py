"""The SavedModel side of an export: its signatures, its metadata, and what it predicts."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from lungnet.errors import InputError

SERVING_FOLDER = "Format-Serving"
METADATA_FILE = "classifier.json"

#: Keys of `classifier.json` that travel with the ONNX file.
PROPERTIES = (
    "lungnet_version",
    "row",
    "task",
    "window_hu",
    "calibrator",
    "threshold",
    "training_prevalence",
    "fingerprint",
)
_EXPECTED_INPUTS = {"patches_hu": (tf.int16, (None, 40, 40))}
_EXPECTED_OUTPUTS = {"probability": tf.float32, "cluster": tf.int64}


class SavedModelReference:
    """The classifier of a SavedModel folder, as the reference of a parity check.

    Args:
        path: the folder that `lungnet.models.save_classifier` wrote; it holds `Format-Serving/` and
            `classifier.json`.

    Attributes:
        signature: the concrete function `serving_default`.

    Raises:
        InputError: the folder holds no SavedModel with the two endpoints of a lungnet classifier.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        folder = Path(path) / SERVING_FOLDER
        if not (folder / "saved_model.pb").is_file():
            raise InputError(
                f"{path} holds no classifier; expected a folder with {SERVING_FOLDER}/saved_model.pb in it."
            )
        # Kept: the variables live as long as the object that was loaded.
        self._loaded = _load(folder)
        missing = {"serving_default", "explain"} - set(self._loaded.signatures)
        if missing:
            raise InputError(
                f"{folder} is not a lungnet classifier; expected the endpoints serving_default and explain. "
                f"Missing: {', '.join(sorted(missing))}."
            )
        self.signature = self._loaded.signatures["serving_default"]
        self._explain = self._loaded.signatures["explain"]
        _check_signature(folder, self.signature)

    def __call__(self, patches_hu: npt.NDArray[np.int16]) -> Mapping[str, npt.NDArray[Any]]:
        """Maps int16 `(b, 40, 40)` to `probability`, `cluster`, `cluster_margin`, `other_probability`."""
        outputs = self._explain(patches_hu=tf.constant(patches_hu, tf.int16))
        return {name: value.numpy() for name, value in outputs.items()}


def read_properties(path: str | os.PathLike[str]) -> dict[str, str]:
    """Returns what `classifier.json` says, as the text of ONNX metadata properties.

    Texts stay as they are; everything else is JSON (a float with all its digits).

    Raises:
        InputError: the file is missing, no JSON object, or lacks one of `PROPERTIES`.
    """
    file = Path(path) / METADATA_FILE
    try:
        values = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"Cannot read {file}: {error.strerror or error}.") from error
    except ValueError as error:
        raise InputError(f"{file} is not JSON: {error}.") from error
    missing = [key for key in PROPERTIES if not isinstance(values, dict) or key not in values]
    if missing:
        raise InputError(f"{file} must be a JSON object with {', '.join(PROPERTIES)}. Missing: {missing}.")
    return {key: _text(values[key]) for key in PROPERTIES}


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True)


def _load(folder: Path) -> Any:
    try:
        return tf.saved_model.load(str(folder))
    except Exception as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"TensorFlow cannot load the SavedModel {folder}: {reason}") from error


def _check_signature(folder: Path, signature: Any) -> None:
    inputs = {
        name: (spec.dtype, tuple(spec.shape))
        for name, spec in signature.structured_input_signature[1].items()
    }
    outputs = {name: spec.dtype for name, spec in signature.structured_outputs.items()}
    if inputs != _EXPECTED_INPUTS or outputs != _EXPECTED_OUTPUTS:
        raise InputError(
            f"{folder} is not a lungnet classifier; expected patches_hu int16 (batch, 40, 40) -> probability "
            f"float32, cluster int64. Received: {inputs} -> {outputs}"
        )

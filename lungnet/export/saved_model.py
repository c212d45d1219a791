"""The SavedModel side of an export: its signature, its metadata, and what it predicts."""

import os
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from lungnet.errors import InputError
from lungnet.hashing import canonical_json
from lungnet.models.saved_classifier import load_classifier

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
        path: the folder that `lungnet.models.save_classifier` wrote.

    Attributes:
        metadata: `lungnet.models.ClassifierMetadata`.
        signature: the concrete function `serving_default`.
        network: the same as plain arrays, or None where it has another form.

    Raises:
        InputError: the folder holds no classifier, is not whole, or has endpoints of another form.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        # Kept: the variables live as long as the object that was loaded.
        self._classifier = load_classifier(path)
        self.metadata, self.network = self._classifier.metadata, self._classifier.network
        self.signature = self._classifier.signature("serving_default")
        self._explain = self._classifier.signature("explain")
        _check_signature(path, self.signature)

    def __call__(self, patches_hu: npt.NDArray[np.int16]) -> Mapping[str, npt.NDArray[Any]]:
        """Maps int16 `(b, 40, 40)` to `probability`, `cluster`, `cluster_margin`, `other_probability`."""
        outputs = self._explain(patches_hu=tf.constant(patches_hu, tf.int16))
        return {name: value.numpy() for name, value in outputs.items()}

    def properties(self) -> dict[str, str]:
        """Returns the metadata as the text of ONNX metadata properties.

        Texts stay as they are; everything else is JSON, a float with all its digits.
        """
        values = {key: getattr(self.metadata, key) for key in PROPERTIES}
        values["calibrator"] = asdict(self.metadata.calibrator)
        return {
            key: value if isinstance(value, str) else canonical_json(value) for key, value in values.items()
        }


def _check_signature(path: str | os.PathLike[str], signature: Any) -> None:
    specs = signature.structured_input_signature[1]
    inputs = {name: (spec.dtype, tuple(spec.shape)) for name, spec in specs.items()}
    outputs = {name: spec.dtype for name, spec in signature.structured_outputs.items()}
    if inputs != _EXPECTED_INPUTS or outputs != _EXPECTED_OUTPUTS:
        raise InputError(
            f"{os.fspath(path)} is not a lungnet classifier; expected patches_hu int16 (batch, 40, 40) -> "
            f"probability float32, cluster int64. Received: {inputs} -> {outputs}"
        )

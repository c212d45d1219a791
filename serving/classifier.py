"""The exported classifier, run by ONNX Runtime and NumPy alone."""

import math
import os
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from lungnet.errors import InputError
from lungnet.serving.model_file import read_model_file
from lungnet.serving.session import open_session

#: Rows and columns of a patch.
PATCH_SIZE = 40

_INPUTS = {"patches_hu": ("tensor(int16)", 3)}
_OUTPUTS = {"probability": ("tensor(float)", 1), "cluster": ("tensor(int64)", 1)}
_PROPERTIES = ("lungnet_version", "task", "window_hu", "threshold")


class Prediction(NamedTuple):
    """What the classifier says of `n` patches.

    Attributes:
        probability: float32 `(n,)`, calibrated, of the positive class of the task.
        cluster: int64 `(n,)`, CALM's cluster; -1 for models that have none.
    """

    probability: npt.NDArray[np.float32]
    cluster: npt.NDArray[np.int64]


class NoduleClassifier:
    """Classifies axial patches with a file that `lungnet.export.export_onnx` wrote.

    For research, not for diagnosis.

    Args:
        path: the `.onnx` file.
        providers: ONNX Runtime's execution providers in order of preference, for instance
            `["CPUExecutionProvider"]`; default: CUDA where it starts, else the CPU.
        threads: within one operator; default: ONNX Runtime's choice.
        batch_size: patches that one run of the graph sees; default 512, which bounds the memory.

    Attributes:
        metadata: the file's metadata properties, as text: `lungnet_version`, `task`, `row`, `window_hu`,
            `calibrator`, `threshold`, `training_prevalence`, `fingerprint`, `intended_use`.
        task: "nodule" or "malignancy".
        threshold: probability from which a patch counts as positive.
        providers: the execution providers that are in use.

    Raises:
        InputError: ONNX Runtime is not installed, the file is not such a classifier, or a provider asked
            for did not start.
        ValueError: `threads` or `batch_size` is less than 1.

    Example:
        >>> classifier = NoduleClassifier("classifier.onnx")  # doctest: +SKIP
        >>> classifier.predict(patches_hu) >= classifier.threshold  # doctest: +SKIP
        array([ True, False])
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        providers: Sequence[str] | None = None,
        threads: int | None = None,
        batch_size: int = 512,
    ) -> None:
        if batch_size < 1:
            raise ValueError(f"batch_size must be at least 1. Received: batch_size={batch_size}")
        name = os.fspath(path)
        self._session = open_session(read_model_file(path), name, providers, threads)
        self._batch_size = batch_size
        _check_values(name, "inputs", self._session.get_inputs(), _INPUTS)
        _check_values(name, "outputs", self._session.get_outputs(), _OUTPUTS)
        self.metadata: dict[str, str] = dict(self._session.get_modelmeta().custom_metadata_map)
        missing = [key for key in _PROPERTIES if key not in self.metadata]
        if missing:
            raise InputError(
                f"{name} is not a classifier that lungnet exported: expected the metadata properties "
                f"{', '.join(_PROPERTIES)}. Missing: {', '.join(missing)}."
            )
        self.task = self.metadata["task"]
        self.threshold = _threshold(name, self.metadata["threshold"])
        self.providers: list[str] = self._session.get_providers()

    def predict(self, patches_hu: npt.NDArray[np.int16]) -> npt.NDArray[np.float32]:
        """Returns the calibrated probability of each patch.

        Args:
            patches_hu: int16 `(n, 40, 40)` in Hounsfield units, axial, at the native pixel spacing of
                the CT; normalisation is part of the model.

        Returns:
            float32 `(n,)` in [0, 1].

        Raises:
            InputError: `patches_hu` has another shape or dtype.
        """
        return self.predict_with_clusters(patches_hu).probability

    def predict_with_clusters(self, patches_hu: npt.NDArray[np.int16]) -> Prediction:
        """As `predict`, and the cluster of each patch."""
        patches_hu = np.asarray(patches_hu)
        expected = (PATCH_SIZE, PATCH_SIZE)
        if patches_hu.dtype != np.int16 or patches_hu.ndim != 3 or patches_hu.shape[1:] != expected:
            raise InputError(
                "patches_hu must be int16 (n, 40, 40) in Hounsfield units. "
                f"Received: {patches_hu.dtype} {patches_hu.shape}"
            )
        probability = np.empty(len(patches_hu), np.float32)
        cluster = np.empty(len(patches_hu), np.int64)
        for start in range(0, len(patches_hu), self._batch_size):
            batch = slice(start, start + self._batch_size)
            feed = {"patches_hu": np.ascontiguousarray(patches_hu[batch])}
            probability[batch], cluster[batch] = self._session.run(list(_OUTPUTS), feed)
        return Prediction(probability, cluster)


def _check_values(name: str, kind: str, values: Sequence, expected: dict[str, tuple[str, int]]) -> None:
    """Checks names, types and ranks, and that a patch is 40 x 40."""
    found = {value.name: (value.type, len(value.shape)) for value in values}
    sizes_agree = all(tuple(value.shape[1:]) in ((), (PATCH_SIZE, PATCH_SIZE)) for value in values)
    if found != expected or not sizes_agree:
        wanted = (
            "input patches_hu int16 (batch, 40, 40)"
            if expected is _INPUTS
            else "outputs probability float32 (batch) and cluster int64 (batch)"
        )
        received = ", ".join(f"{v.name} {v.type} {tuple(v.shape)}" for v in values)
        raise InputError(
            f"{name} is not a lungnet classifier: expected {wanted}. Received {kind}: {received}."
        )


def _threshold(name: str, text: str) -> float:
    try:
        threshold = float(text)
    except ValueError:
        threshold = math.nan
    if not 0.0 <= threshold <= 1.0:
        raise InputError(f"{name}: expected a number from 0 to 1 as metadata threshold. Received: {text!r}.")
    return threshold

"""The exported classifier, run by ONNX Runtime and NumPy alone."""

import os
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from lungnet.errors import InputError
from lungnet.serving.device_batches import run_batches, runs_on_gpu
from lungnet.serving.metadata import check_values, read_metadata
from lungnet.serving.model_file import read_model_file
from lungnet.serving.session import open_session
from lungnet.serving.shipped_model import SHIPPED_CLASSIFIER

#: Rows and columns of a patch.
PATCH_SIZE = 40
#: Patches that one run of a graph sees: more do not fit the caches of a CPU, fewer do not fill a GPU.
CPU_BATCH, GPU_BATCH = 128, 1024

_INPUTS = {"patches_hu": ("tensor(int16)", (None, PATCH_SIZE, PATCH_SIZE))}
_OUTPUTS = {"probability": ("tensor(float)", (None,)), "cluster": ("tensor(int64)", (None,))}


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
        path: the `.onnx` file, default the one that comes with lungnet.
        providers: ONNX Runtime's execution providers in order of preference, by its names or as "tensorrt",
            "cuda" and "cpu"; default: CUDA where it starts, else the CPU. A warning is logged for each that
            was asked for and is not used.
        threads: within one operator; default: ONNX Runtime's choice.
        batch_size: patches that one run of the graph sees; default 128 on a CPU, 1024 on a GPU.
        require_gpu: fail where a GPU cannot run the whole model; default: take the CPU and say so.

    Attributes:
        metadata: the file's metadata properties, as text: `lungnet_version`, `task`, `row`, `window_hu`,
            `calibrator`, `threshold`, `training_prevalence`, `fingerprint`, `intended_use`.
        task: "nodule" or "malignancy".
        threshold: probability from which a patch counts as positive.
        providers: the execution providers that are in use.

    Raises:
        InputError: ONNX Runtime is not installed, the file is not such a classifier, no provider asked
            for can be used, or a GPU is required and does not run every node.
        ValueError: `threads` or `batch_size` is less than 1.

    Example:
        >>> classifier = NoduleClassifier()  # doctest: +SKIP
        >>> classifier.predict(patches_hu) >= classifier.threshold  # doctest: +SKIP
        array([ True, False])
    """

    def __init__(
        self,
        path: str | os.PathLike[str] = SHIPPED_CLASSIFIER,
        providers: Sequence[str] | None = None,
        threads: int | None = None,
        batch_size: int | None = None,
        require_gpu: bool = False,
    ) -> None:
        if batch_size is not None and batch_size < 1:
            raise ValueError(f"batch_size must be at least 1. Received: batch_size={batch_size}")
        name = os.fspath(path)
        self._session = open_session(read_model_file(path), name, providers, threads, require_gpu)
        self._batch_size = batch_size or (GPU_BATCH if runs_on_gpu(self._session) else CPU_BATCH)
        check_values(self._session.get_inputs(), _INPUTS, name, "classifier")
        check_values(self._session.get_outputs(), _OUTPUTS, name, "classifier")
        found = read_metadata(self._session, name, "classifier")
        self.metadata, self.task, self.threshold = found.properties, found.task, found.threshold
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
        answers = {"probability": (np.float32, ()), "cluster": (np.int64, ())}
        return Prediction(*run_batches(self._session, patches_hu, answers, self._batch_size))

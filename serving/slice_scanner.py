"""The exported scanner, run by ONNX Runtime and NumPy alone."""

import os
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from lungnet.errors import InputError
from lungnet.serving.classifier import GPU_BATCH, PATCH_SIZE
from lungnet.serving.device_batches import run_batches, runs_on_gpu
from lungnet.serving.metadata import check_values, read_metadata
from lungnet.serving.model_file import read_model_file
from lungnet.serving.session import open_session

_INPUTS = {"slices_hu": ("tensor(int16)", (None, None, None))}
_OUTPUTS = {"probability": ("tensor(float)", (None, None, None))}
#: Patches that one run judges on a CPU: more do not fit the caches.
_CPU_PATCHES = 32


class SliceScanner:
    """Judges every position of axial slices with a file that `lungnet.export.export_scanner` wrote.

    For research, not for diagnosis.

    Args:
        path: the `.onnx` file, `scanner.onnx` of a run.
        providers, threads, require_gpu: as for `NoduleClassifier`.

    Attributes:
        name: the path as text, for messages.
        metadata: the file's metadata properties, as text.
        task: "nodule" or "malignancy".
        threshold: probability from which a patch counts as positive.
        stride_px: pixels between two positions.
        providers: the execution providers that are in use.
        on_gpu: whether one of them runs on a GPU.

    Raises:
        InputError: ONNX Runtime is not installed, the file is not such a scanner, no provider asked for can
            be used, or a GPU is required and does not run every node.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        providers: Sequence[str] | None = None,
        threads: int | None = None,
        require_gpu: bool = False,
    ) -> None:
        self.name = name = os.fspath(path)
        self._session = open_session(read_model_file(path), name, providers, threads, require_gpu)
        if {value.name for value in self._session.get_inputs()} == {"patches_hu"}:
            raise InputError(
                f"{name} classifies patches and cannot scan slices: expected a scanner, such as scanner.onnx "
                "that an export writes beside classifier.onnx."
            )
        check_values(self._session.get_inputs(), _INPUTS, name, "scanner")
        check_values(self._session.get_outputs(), _OUTPUTS, name, "scanner")
        found = read_metadata(self._session, name, "scanner")
        self.metadata, self.task, self.threshold = found.properties, found.task, found.threshold
        self.stride_px = _stride(name, self.metadata)
        self.providers: list[str] = self._session.get_providers()
        self.on_gpu = runs_on_gpu(self._session)

    def scan(self, slices_hu: npt.NDArray[np.int16]) -> npt.NDArray[np.float32]:
        """Judges all positions of slices.

        Args:
            slices_hu: int16 `(n, height, width)` in Hounsfield units, 40 x 40 or larger.

        Returns:
            float32 `(n, (height - 40) // stride + 1, (width - 40) // stride + 1)`: cell (i, j) is the
            probability of the patch whose top left corner is (stride i, stride j).

        Raises:
            InputError: `slices_hu` has another dtype or rank, or is smaller.
        """
        slices_hu = np.asarray(slices_hu)
        if slices_hu.dtype != np.int16 or slices_hu.ndim != 3 or min(slices_hu.shape[1:]) < PATCH_SIZE:
            raise InputError(
                "slices_hu must be int16 (n, height, width) in Hounsfield units, 40 x 40 or larger. "
                f"Received: {slices_hu.dtype} {slices_hu.shape}"
            )
        return self._run(slices_hu, len(slices_hu))

    def judge(self, patches_hu: npt.NDArray[np.int16]) -> npt.NDArray[np.float32]:
        """Returns the probability of each patch, int16 `(n, 40, 40)`, as the classifier does."""
        return self._run(patches_hu, GPU_BATCH if self.on_gpu else _CPU_PATCHES)[:, 0, 0]

    def _run(self, slices_hu: npt.NDArray[np.int16], batch_size: int) -> npt.NDArray[np.float32]:
        cells = [(size - PATCH_SIZE) // self.stride_px + 1 for size in slices_hu.shape[1:]]
        answers = {"probability": (np.float32, cells)}
        return run_batches(self._session, slices_hu, answers, max(1, batch_size))[0]


def _stride(name: str, properties: dict[str, str]) -> int:
    text, size = properties.get("stride", ""), properties.get("patch_size", str(PATCH_SIZE))
    if not text.isdecimal() or not 1 <= int(text) <= PATCH_SIZE or size != str(PATCH_SIZE):
        raise InputError(
            f"{name}: expected a stride from 1 to {PATCH_SIZE} and a patch_size of {PATCH_SIZE} in its "
            f"metadata. Received: stride {text!r}, patch_size {size!r}."
        )
    return int(text)

"""ONNX Runtime on the CPU, as parity checks use it."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lungnet.errors import InputError, LungnetError


class ParityError(LungnetError):
    """The ONNX file does not do what the model it was made from does."""


def open_model(onnx: str | os.PathLike[str] | bytes) -> Any:
    """Opens the path or content of an ONNX file; returns an `onnxruntime.InferenceSession`.

    Raises:
        ParityError: ONNX Runtime cannot load it.
        InputError: the file cannot be read, or ONNX Runtime is not installed.
    """
    try:
        import onnxruntime
    except ImportError as error:
        raise InputError(
            "The parity check needs ONNX Runtime, which is not installed; expected one of: "
            "pip install 'lungnet[cpu]', or with an NVIDIA driver pip install 'lungnet[gpu]' (never both)."
        ) from error
    try:
        content = onnx if isinstance(onnx, bytes) else Path(onnx).read_bytes()
    except OSError as error:
        raise InputError(f"Cannot read {onnx!s}: {error.strerror or error}.") from error
    try:
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3  # errors
        return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime's errors have no base class of their own
        raise ParityError(f"ONNX Runtime cannot load the model: {str(error).splitlines()[-1]}") from error


class OnnxReference:
    """An exported classifier, as the reference of a parity check of the same file elsewhere.

    Args:
        onnx: path or content of the file.

    Attributes:
        precision: its metadata property; "float32" where it states none.

    Raises:
        ParityError, InputError: as `open_model`.
    """

    def __init__(self, onnx: str | os.PathLike[str] | bytes) -> None:
        self._session = open_model(onnx)
        self.precision: str = self._session.get_modelmeta().custom_metadata_map.get("precision", "float32")

    def __call__(self, patches_hu: npt.NDArray[np.int16]) -> Mapping[str, npt.NDArray[Any]]:
        """Maps int16 `(b, 40, 40)` to `probability` and `cluster`."""
        names = ["probability", "cluster"]
        return dict(zip(names, self._session.run(names, {"patches_hu": patches_hu}), strict=True))

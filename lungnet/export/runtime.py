"""ONNX Runtime on the CPU, as parity checks use it."""

import os
from pathlib import Path
from typing import Any

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

"""Opens a model in ONNX Runtime and says when it does not run where it was asked to."""

import logging
from collections.abc import Sequence
from importlib import import_module
from typing import Any

from lungnet.errors import InputError

logger = logging.getLogger(__name__)

CPU = "CPUExecutionProvider"
CUDA = "CUDAExecutionProvider"

#: TensorFloat-32 would move probabilities by more than the export's parity check allows.
_PROVIDER_OPTIONS: dict[str, dict[str, str]] = {CUDA: {"use_tf32": "0"}}


def import_onnxruntime() -> Any:
    """Returns the module `onnxruntime`.

    Raises:
        InputError: it is not installed; the message says how to have it.
    """
    try:
        return import_module("onnxruntime")
    except ImportError as error:
        raise InputError(
            "ONNX Runtime is not installed; expected one of: pip install 'lungnet[cpu]', or with an NVIDIA "
            "driver pip install 'lungnet[gpu]' (never both)."
        ) from error


def open_session(
    content: bytes, name: str, providers: Sequence[str] | None = None, threads: int | None = None
) -> Any:
    """Opens an ONNX model.

    Args:
        content: the model.
        name: what messages call it, usually its path.
        providers: ONNX Runtime's execution providers in order of preference. None takes CUDA where
            ONNX Runtime offers it and the CPU otherwise; if CUDA then does not start, the CPU is used
            and a warning is logged.
        threads: within one operator; None leaves it to ONNX Runtime (one per physical core).

    Returns:
        An `onnxruntime.InferenceSession`.

    Raises:
        InputError: ONNX Runtime is not installed or cannot load the model, or a provider that was
            asked for by name is unknown or did not start.
        ValueError: `threads` is less than 1.
    """
    if threads is not None and threads < 1:
        raise ValueError(f"threads must be at least 1 or None. Received: threads={threads}")
    onnxruntime = import_onnxruntime()
    available = onnxruntime.get_available_providers()
    wanted = list(providers) if providers is not None else [p for p in (CUDA, CPU) if p in available]
    unknown = [provider for provider in wanted if provider not in available]
    if unknown or not wanted:
        raise InputError(
            f"ONNX Runtime has no execution provider {', '.join(unknown) or '(none named)'}; "
            f"expected some of {', '.join(available)}."
        )
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors: what matters is said below, in one sentence
    if threads is not None:
        options.intra_op_num_threads = threads
    try:
        session = onnxruntime.InferenceSession(
            content, options, providers=[(p, _PROVIDER_OPTIONS.get(p, {})) for p in wanted]
        )
    except Exception as error:  # ONNX Runtime's errors have no base class of their own
        reason = str(error).strip().splitlines()[-1]
        raise InputError(f"ONNX Runtime cannot load {name}: {reason}") from error
    missing = [provider for provider in wanted if provider not in session.get_providers()]
    if missing:
        sentence = (
            f"{name} does not run on {', '.join(missing)}: ONNX Runtime lists it, but could start only "
            f"{', '.join(session.get_providers())} (are its CUDA and cuDNN libraries installed?)."
        )
        if providers is not None:
            raise InputError(sentence)
        logger.warning(sentence)
    return session

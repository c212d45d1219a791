"""Opens a model in ONNX Runtime and says when it does not run where it was asked to."""

import logging
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

from lungnet.errors import InputError
from lungnet.serving.providers import CUDA, GPU_PROVIDERS, GPURequiredError, preferred_providers

logger = logging.getLogger(__name__)

#: TensorFloat-32 would move probabilities by more than the export's parity check allows; and an exhaustive
#: search for the fastest convolution would begin anew with each size of slice.
_PROVIDER_OPTIONS: dict[str, dict[str, str]] = {
    CUDA: {"use_tf32": "0", "cudnn_conv_algo_search": "HEURISTIC"}
}
_NO_CPU = "session.disable_cpu_ep_fallback"


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
    content: bytes,
    name: str,
    providers: Sequence[str] | None = None,
    threads: int | None = None,
    require_gpu: bool = False,
) -> Any:
    """Opens an ONNX model.

    A warning is logged, one sentence for each, where a provider that was asked for is not used; and where
    CUDA, which nobody asked for, is there and does not start.

    Args:
        content: the model.
        name: what messages call it, usually its path.
        providers: ONNX Runtime's execution providers in order of preference, by its names or as "tensorrt",
            "cuda" and "cpu". None takes CUDA where ONNX Runtime offers it, and the CPU.
        threads: within one operator; None leaves it to ONNX Runtime (one per physical core).
        require_gpu: fail where a GPU cannot run the whole model, instead of taking the CPU.

    Returns:
        An `onnxruntime.InferenceSession`.

    Raises:
        GPURequiredError: a GPU is required and does not run every node.
        InputError: ONNX Runtime is not installed or cannot load the model, a provider is unknown, or none
            that was asked for can be used.
        ValueError: `threads` is less than 1.
    """
    if threads is not None and threads < 1:
        raise ValueError(f"threads must be at least 1 or None. Received: threads={threads}")
    onnxruntime = import_onnxruntime()
    wanted, absent = preferred_providers(
        providers, onnxruntime.get_available_providers(), onnxruntime.get_all_providers(), require_gpu
    )
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # fatal: errors are raised, and said below in one sentence
    if threads is not None:
        options.intra_op_num_threads = threads
    if require_gpu:
        options.add_session_config_entry(_NO_CPU, "1")
    session, unused = _start(onnxruntime, content, options, wanted, name)
    unused = {
        **dict.fromkeys(absent, "this ONNX Runtime was built without it"),
        **{provider: reason for provider, reason in unused.items() if provider not in absent},
    }
    sentences = [
        f"{name} does not run on {provider}: {reason}; it runs on {', '.join(session.get_providers())}."
        for provider, reason in unused.items()
    ]
    used = set(session.get_providers()) & set(wanted)
    if require_gpu and not used & GPU_PROVIDERS:
        raise GPURequiredError(" ".join(["A GPU is required.", *sentences]))
    if not used:
        raise InputError(" ".join(sentences))
    for sentence in sentences:
        logger.warning(sentence)
    return session


def _start(
    onnxruntime: Any, content: bytes, options: Any, wanted: Sequence[str], name: str
) -> tuple[Any, Mapping[str, str]]:
    """Starts a session on what is wanted, without each provider that fails while others are left.

    Returns:
        The session, and why which providers are not used.
    """
    wanted, unused = list(wanted), {}
    while True:
        try:
            session = onnxruntime.InferenceSession(
                content,
                options,
                providers=[(provider, _PROVIDER_OPTIONS.get(provider, {})) for provider in wanted],
                enable_fallback=0,  # which prints to stdout
            )
        except Exception as error:  # ONNX Runtime's errors have no base class of their own
            reason = str(error).strip().splitlines()[-1]
            if "default CPU EP" in reason:  # only where it is forbidden
                raise GPURequiredError(
                    f"{name} does not run on {', '.join(wanted)} alone: some of its nodes would run on the "
                    "CPU, which a required GPU forbids (all of them if its CUDA and cuDNN libraries are not "
                    "installed)."
                ) from error
            if len(wanted) == 1:
                raise InputError(f"ONNX Runtime cannot load {name}: {reason}") from error
            unused[wanted.pop(0)] = f"it could not be started ({reason.rstrip('.')})"
            continue
        started = session.get_providers()
        for provider in wanted:
            if provider not in started:
                unused[provider] = (
                    "ONNX Runtime lists it, but could not start it (are its CUDA and cuDNN libraries "
                    "installed?)"
                )
        return session, unused

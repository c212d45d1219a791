"""Which of ONNX Runtime's execution providers a model is to run on: by preference, and by name."""

from collections.abc import Sequence

from lungnet.errors import InputError

CPU = "CPUExecutionProvider"
CUDA = "CUDAExecutionProvider"
TENSORRT = "TensorrtExecutionProvider"


class GPURequiredError(InputError):
    """A GPU is required, and does not run the model."""


#: Providers that run on a GPU.
GPU_PROVIDERS = frozenset({CUDA, TENSORRT})

#: Short names, the fastest first.
SHORT_NAMES = {"tensorrt": TENSORRT, "cuda": CUDA, "cpu": CPU}

#: TensorRT builds an engine for each new shape, which takes minutes: only who asks for it gets it.
_DEFAULT = (CUDA, CPU)


def preferred_providers(
    providers: Sequence[str] | None, available: Sequence[str], known: Sequence[str], require_gpu: bool
) -> tuple[list[str], list[str]]:
    """Divides what is asked for into what this ONNX Runtime has and what it has not.

    Args:
        providers: names in order of preference, ONNX Runtime's or "tensorrt", "cuda", "cpu"; None takes
            CUDA where ONNX Runtime has it, and the CPU.
        available: `onnxruntime.get_available_providers()`.
        known: `onnxruntime.get_all_providers()`.
        require_gpu: leave out all that do not run on a GPU.

    Returns:
        Full names, each once, in order of preference: those that it has, and those that were asked for and
        that it has not.

    Raises:
        GPURequiredError: a GPU is required, and ONNX Runtime has none of those asked for.
        InputError: a name is unknown, or nothing is left.
    """
    asked = _DEFAULT if providers is None else providers
    names = list(dict.fromkeys(SHORT_NAMES.get(name.lower(), name) for name in asked))
    unknown = [name for name in names if name not in known and name not in available]
    if unknown or not names:
        raise InputError(
            f"ONNX Runtime has no execution provider {', '.join(unknown) or '(none named)'}; "
            f"expected some of {', '.join([*SHORT_NAMES, *available])}."
        )
    here = [name for name in names if name in available]
    absent = [name for name in names if name not in available and providers is not None]
    if require_gpu:
        here = [name for name in here if name in GPU_PROVIDERS]
        if not here:
            raise GPURequiredError(
                f"A GPU is required, and this ONNX Runtime offers none of "
                f"{', '.join(name for name in names if name in GPU_PROVIDERS) or '(no GPU named)'}; expected "
                f"pip install 'lungnet[gpu]' and an NVIDIA driver. Received: {', '.join(available)}."
            )
    if not here:
        raise InputError(
            f"This ONNX Runtime does not have {', '.join(absent)}; expected some of {', '.join(available)} "
            "(GPUs need pip install 'lungnet[gpu]' and an NVIDIA driver)."
        )
    return here, absent

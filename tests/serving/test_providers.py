import onnxruntime
import pytest

from lungnet.errors import InputError
from lungnet.serving import GPURequiredError
from lungnet.serving.providers import CPU, CUDA, TENSORRT, preferred_providers

KNOWN = onnxruntime.get_all_providers()
EVERYTHING = [TENSORRT, CUDA, CPU]


def test_onnxruntime_knows_the_names():
    assert set(EVERYTHING) <= set(KNOWN)
    assert CPU in onnxruntime.get_available_providers()


@pytest.mark.parametrize(
    ("asked", "available", "require_gpu", "here", "absent"),
    [
        (None, EVERYTHING, False, [CUDA, CPU], []),
        (None, EVERYTHING, True, [CUDA], []),
        (None, [CPU], False, [CPU], []),
        (["tensorrt", "cuda", "cpu"], EVERYTHING, False, EVERYTHING, []),
        (["tensorrt", "cuda", "cpu"], EVERYTHING, True, [TENSORRT, CUDA], []),
        (["CPU", "cuda"], EVERYTHING, False, [CPU, CUDA], []),
        (["cuda", CUDA, "cpu"], [CPU], False, [CPU], [CUDA]),
        (["tensorrt", "cuda"], [CUDA, CPU], True, [CUDA], [TENSORRT]),
    ],
)
def test_preference(asked, available, require_gpu, here, absent):
    assert preferred_providers(asked, available, KNOWN, require_gpu) == (here, absent)


def test_unknown_names_and_none_are_refused():
    with pytest.raises(InputError, match="no execution provider cudda; expected some of tensorrt, cuda"):
        preferred_providers(["cudda", "cpu"], EVERYTHING, KNOWN, False)
    with pytest.raises(InputError, match=r"no execution provider \(none named\)"):
        preferred_providers([], EVERYTHING, KNOWN, False)


def test_something_must_be_left():
    with pytest.raises(InputError, match=r"does not have CUDAExecutionProvider; expected some of CPUExec"):
        preferred_providers(["cuda"], [CPU], KNOWN, False)
    with pytest.raises(GPURequiredError, match=r"offers none of \(no GPU named\)"):
        preferred_providers(["cpu"], EVERYTHING, KNOWN, True)

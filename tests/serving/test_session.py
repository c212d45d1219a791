import logging
import sys

import onnxruntime
import pytest

from lungnet.errors import InputError
from lungnet.serving import GPURequiredError
from lungnet.serving import session as sessions
from lungnet.serving.providers import CPU, CUDA, TENSORRT
from lungnet.serving.session import open_session

#: Every build of ONNX Runtime for CPUs has it, and no node of ours can run on it.
AZURE = "AzureExecutionProvider"


@pytest.fixture
def content(classifier_file):
    return classifier_file.read_bytes()


@pytest.fixture
def gpu_build(monkeypatch):
    """ONNX Runtime for GPUs on a machine without: CUDA is listed, and silently not started."""
    real = onnxruntime.InferenceSession
    asked = []

    def start(content, options, providers, enable_fallback):
        asked.append(providers)
        if providers[0][0] == TENSORRT:  # which raises where CUDA says nothing
            raise RuntimeError("libnvinfer.so.10: cannot open shared object file.")
        left = [provider for provider, _ in providers if provider == CPU]
        return real(content, options, providers=left, enable_fallback=enable_fallback)

    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: [TENSORRT, CUDA, CPU])
    monkeypatch.setattr(onnxruntime, "InferenceSession", start)
    return asked


def warnings_of(caplog):
    return [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]


def test_missing_onnxruntime_is_explained(monkeypatch, content):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(InputError, match=r"pip install 'lungnet\[cpu\]'.*pip install 'lungnet\[gpu\]'"):
        open_session(content, "m.onnx")


def test_unknown_provider_is_refused(content):
    with pytest.raises(InputError, match=r"no execution provider NoSuch; expected some of .*CPUExecution"):
        open_session(content, "m.onnx", ["NoSuch", CPU])


@pytest.mark.skipif(CUDA in onnxruntime.get_available_providers(), reason="this ONNX Runtime has CUDA")
def test_what_was_asked_for_and_is_not_there_gets_a_sentence(content, caplog):
    session = open_session(content, "m.onnx", ["tensorrt", "cuda", "cpu"])
    assert session.get_providers() == [CPU]
    assert warnings_of(caplog) == [
        f"m.onnx does not run on {provider}: this ONNX Runtime was built without it; it runs on {CPU}."
        for provider in (TENSORRT, CUDA)
    ]


@pytest.mark.skipif(CUDA in onnxruntime.get_available_providers(), reason="this ONNX Runtime has CUDA")
def test_without_a_wish_a_build_for_cpus_has_nothing_to_say(content, caplog):
    assert open_session(content, "m.onnx").get_providers() == [CPU]
    assert warnings_of(caplog) == []


def test_each_provider_that_does_not_start_gets_a_sentence_with_its_reason(content, gpu_build, caplog, capfd):
    session = open_session(content, "m.onnx", [TENSORRT, CUDA, CPU])
    assert session.get_providers() == [CPU]
    of_tensorrt, of_cuda = warnings_of(caplog)
    assert f"{TENSORRT}: it could not be started (libnvinfer.so.10: cannot open" in of_tensorrt
    assert f"{CUDA}: ONNX Runtime lists it, but could not start it" in of_cuda
    assert capfd.readouterr().out == ""  # where results are written


def test_without_a_wish_the_cpu_replaces_cuda_and_the_log_says_so(content, gpu_build, caplog):
    session = open_session(content, "m.onnx")
    assert session.get_providers() == [CPU]
    (sentence,) = warnings_of(caplog)
    assert f"m.onnx does not run on {CUDA}" in sentence
    # TensorFloat-32 would break the parity that the export has shown.
    assert gpu_build[0][0] == (CUDA, {"use_tf32": "0", "cudnn_conv_algo_search": "HEURISTIC"})


def test_one_of_those_asked_for_must_start(content, gpu_build):
    with pytest.raises(InputError, match="does not run on CUDAExecutionProvider") as caught:
        open_session(content, "m.onnx", [CUDA])
    assert not isinstance(caught.value, GPURequiredError)


@pytest.mark.skipif(CUDA in onnxruntime.get_available_providers(), reason="this ONNX Runtime has CUDA")
@pytest.mark.parametrize("providers", [None, ["cuda", "cpu"], ["cpu"]])
def test_a_required_gpu_is_missed_where_there_is_none(content, providers):
    with pytest.raises(GPURequiredError, match=r"A GPU is required, .*pip install 'lungnet\[gpu\]'"):
        open_session(content, "m.onnx", providers, require_gpu=True)


def test_a_required_gpu_that_does_not_start_fails(content, gpu_build):
    with pytest.raises(GPURequiredError, match=r"m\.onnx does not run on CUDA.* \(all of them if its CUDA"):
        open_session(content, "m.onnx", require_gpu=True)
    assert [name for name, _ in gpu_build[0]] == [CUDA]


@pytest.mark.skipif(AZURE not in onnxruntime.get_available_providers(), reason="needs a second provider")
def test_a_node_that_would_fall_back_to_the_cpu_fails(content, monkeypatch):
    # ONNX Runtime itself refuses: no node of the graph can run on the provider that stands for a GPU here.
    monkeypatch.setattr("lungnet.serving.providers.GPU_PROVIDERS", frozenset({AZURE}))
    monkeypatch.setattr(sessions, "GPU_PROVIDERS", frozenset({AZURE}))
    assert open_session(content, "m.onnx", [AZURE, CPU]).get_providers() == [AZURE, CPU]
    with pytest.raises(GPURequiredError, match=f"m.onnx does not run on {AZURE} alone: some of its nodes"):
        open_session(content, "m.onnx", [AZURE, CPU], require_gpu=True)


def test_threads_reach_the_session(content):
    session = open_session(content, "m.onnx", threads=1)
    assert session.get_session_options().intra_op_num_threads == 1


def test_threads_must_be_positive(content):
    with pytest.raises(ValueError, match="threads must be at least 1"):
        open_session(content, "m.onnx", threads=0)


def test_broken_graph_is_refused(content):
    # Field 7, length-delimited, empty: a ModelProto with an empty graph.
    with pytest.raises(InputError, match=r"ONNX Runtime cannot load m\.onnx: "):
        open_session(b"\x3a\x00", "m.onnx")

import logging
import sys

import onnxruntime
import pytest

from lungnet.errors import InputError
from lungnet.serving.session import CPU, CUDA, open_session


@pytest.fixture
def content(classifier_file):
    return classifier_file.read_bytes()


@pytest.fixture
def cuda_that_does_not_start(monkeypatch):
    """ONNX Runtime for GPUs without CUDA's libraries: CUDA is listed, and the session runs on the CPU."""
    real = onnxruntime.InferenceSession
    asked = []

    def start(content, options, providers):
        asked.append(providers)
        return real(content, options, providers=[CPU])

    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: [CUDA, CPU])
    monkeypatch.setattr(onnxruntime, "InferenceSession", start)
    return asked


def test_missing_onnxruntime_is_explained(monkeypatch, content):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(InputError, match=r"pip install 'lungnet\[cpu\]'.*pip install 'lungnet\[gpu\]'"):
        open_session(content, "m.onnx")


def test_unknown_provider_is_refused(content):
    with pytest.raises(InputError, match=r"no execution provider NoSuch; expected some of .*CPUExecution"):
        open_session(content, "m.onnx", ["NoSuch", CPU])


def test_no_provider_is_refused(content):
    with pytest.raises(InputError, match=r"no execution provider \(none named\)"):
        open_session(content, "m.onnx", [])


def test_provider_asked_for_must_start(content, cuda_that_does_not_start):
    with pytest.raises(InputError, match="does not run on CUDAExecutionProvider"):
        open_session(content, "m.onnx", [CUDA, CPU])


def test_without_a_wish_the_cpu_replaces_cuda_and_the_log_says_so(content, cuda_that_does_not_start, caplog):
    with caplog.at_level(logging.WARNING):
        session = open_session(content, "m.onnx")
    assert session.get_providers() == [CPU]
    (record,) = caplog.records
    assert "m.onnx does not run on CUDAExecutionProvider" in record.getMessage()
    # TensorFloat-32 would break the parity that the export has shown.
    assert cuda_that_does_not_start[0][0] == (CUDA, {"use_tf32": "0"})


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

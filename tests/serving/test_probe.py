"""A model answers in a process of its own, and what the graph lets through is seen."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper

from lungnet.serving import NoduleClassifier
from lungnet.serving.probe import WRONG_INPUTS, main, probe_model, refuses
from lungnet.serving.session import open_session


@pytest.fixture
def batches() -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [rng.integers(-1000, 400, (size, 40, 40)).astype(np.int16) for size in (1, 3)]


def ask(folder: Path, model: Path, batches: list[np.ndarray], timeout_s: float = 300.0) -> None:
    """Writes the questions."""
    np.save(folder / "patches.npy", np.concatenate(batches))
    request = {
        "model": str(model),
        "batch_sizes": [len(batch) for batch in batches],
        "repeats": 2,
        "providers": None,
        "timeout_s": timeout_s,
    }
    (folder / "request.json").write_text(json.dumps(request))


def test_answers_are_the_classifiers_and_the_rest_is_told(classifier_file, batches):
    answers, seen = probe_model(str(classifier_file), batches, repeats=2)
    expected = NoduleClassifier(classifier_file).predict_with_clusters(np.concatenate(batches))
    np.testing.assert_array_equal(answers.probability, expected.probability)
    np.testing.assert_array_equal(answers.cluster, expected.cluster)
    assert seen.wrong_inputs == dict.fromkeys(WRONG_INPUTS, True)
    assert set(seen.latency_ms) == {"1", "3"}
    assert all(0 < value < 10_000 for value in seen.latency_ms.values())
    assert seen.providers[-1] == "CPUExecutionProvider"
    assert seen.metadata["threshold"] == "0.4375"


def test_a_graph_with_free_sizes_lets_another_size_through():
    graph = helper.make_graph(
        [helper.make_node("Cast", ["patches_hu"], ["hu"], to=TensorProto.FLOAT)],
        "loose",
        [helper.make_tensor_value_info("patches_hu", TensorProto.INT16, ["batch", "rows", "columns"])],
        [helper.make_tensor_value_info("hu", TensorProto.FLOAT, ["batch", "rows", "columns"])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    session = open_session(model.SerializeToString(), "loose")
    refused = {name: refuses(session, feed) for name, feed in WRONG_INPUTS.items()}
    assert refused == {
        "float32": True,
        "41 x 40 pixels": False,
        "one axis too many": True,
        "another name": True,
    }


def test_a_fresh_process_answers_without_tensorflow(classifier_file, tmp_path, batches):
    ask(tmp_path, classifier_file, batches)
    command = [sys.executable, "-m", "lungnet.serving.probe", str(tmp_path)]
    subprocess.run(command, check=True)
    facts = json.loads((tmp_path / "answers.json").read_text("utf-8"))
    assert facts["training_modules"] == []
    with np.load(tmp_path / "answers.npz", allow_pickle=False) as answers:
        assert answers["probability"].shape == answers["cluster"].shape == (4,)
        assert (answers["probability"].dtype, answers["cluster"].dtype) == (np.float32, np.int64)


def test_a_process_that_nobody_waits_for_ends_itself(classifier_file, tmp_path, batches):
    ask(tmp_path, classifier_file, batches, timeout_s=0.001)
    command = [sys.executable, "-m", "lungnet.serving.probe", str(tmp_path)]
    ended = subprocess.run(command, check=False, capture_output=True, text=True)
    assert ended.returncode == 1
    assert "Timeout" in ended.stderr
    assert not (tmp_path / "answers.json").exists()


def test_modules_of_training_are_seen(classifier_file, batches, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorflow.python", sys)
    _, seen = probe_model(str(classifier_file), batches, repeats=1)
    assert "tensorflow" in seen.training_modules


def test_a_file_that_is_no_model_is_a_sentence(tmp_path, batches):
    (tmp_path / "model.onnx").write_bytes(b"no model")
    ask(tmp_path, tmp_path / "model.onnx", batches)
    assert main(tmp_path) == 1
    facts = json.loads((tmp_path / "answers.json").read_text("utf-8"))
    assert list(facts) == ["error"]
    assert "model.onnx is not an ONNX model" in facts["error"]
    assert not (tmp_path / "answers.npz").exists()

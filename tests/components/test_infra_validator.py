import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnx
import pytest
from onnx import TensorProto, helper

from lungnet.components import InfraValidator, OnnxExporter
from lungnet.config import Config
from lungnet.hashing import file_sha256
from lungnet.pipeline import Artifact, OnnxModel


@pytest.fixture
def exported(do, examples, classifier_of) -> OnnxModel:
    """The file of a good classifier."""
    return do(OnnxExporter, {"examples": examples, "classifier": classifier_of()})["model"]


@pytest.fixture
def validate(do, examples, classifier_of) -> Callable[..., tuple[Artifact, dict[str, Any]]]:
    """The blessing, and what `infra_validation.json` says."""

    def run(model: OnnxModel, classifier=None, **settings: Any):
        config = Config.model_validate({"infra_validation": {"repeats": 1, **settings}})
        inputs = {"examples": examples, "classifier": classifier or classifier_of(), "model": model}
        blessing = do(InfraValidator, inputs, config)["blessing"]
        return blessing, json.loads((blessing.uri / "infra_validation.json").read_text("utf-8"))

    return run


def files_of(artifact: Artifact) -> list[str]:
    return sorted(path.name for path in artifact.uri.iterdir())


def assert_not_blessed(blessing: Artifact, found: dict[str, Any], *parts: str) -> None:
    assert files_of(blessing) == [
        "INFRA_NOT_BLESSED",
        "infra_validation.json",
    ]
    assert blessing.properties["blessed"] == 0
    assert found["blessed"] is False
    (reason,) = found["reasons"]
    for part in parts:
        assert part in reason
    assert "Traceback" not in reason


def test_a_file_that_says_what_keras_says_is_blessed(validate, exported, caplog):
    blessing, found = validate(exported)
    assert files_of(blessing) == ["INFRA_BLESSED", "infra_validation.json"]
    digest = file_sha256(exported.uri / "classifier.onnx")
    assert blessing.properties == {"blessed": 1, "model_sha256": digest}
    assert found["reasons"] == []
    assert found["asked"]["batch_sizes"] == [1, 2, 7, 64, 100]
    assert found["compared"]["patches"] == 174
    assert 0.0 <= found["compared"]["max_difference"] <= found["compared"]["tolerance"] == 1e-4
    answered = found["answered"]
    assert answered["training_modules"] == []
    assert all(answered["wrong_inputs"].values())
    assert len(answered["wrong_inputs"]) == 4
    assert set(answered["latency_ms"]) == {"1", "2", "7", "64", "100"}
    assert answered["onnxruntime_version"].count(".") == 2
    assert "CPUExecutionProvider" in answered["providers"]
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


def test_no_path_is_written_down(validate, exported, tmp_path):
    blessing, _ = validate(exported)
    assert str(tmp_path) not in (blessing.uri / "infra_validation.json").read_text("utf-8")


def test_a_truncated_file_is_not_blessed(validate, exported, caplog):
    path = exported.uri / "classifier.onnx"
    path.write_bytes(path.read_bytes()[:-40])
    assert_not_blessed(*validate(exported), "classifier.onnx is not an ONNX model: expected a protobuf")
    assert "The exported model is not blessed for serving: classifier.onnx is not" in caplog.text
    path.write_bytes(b"")
    assert_not_blessed(*validate(exported), "classifier.onnx is not an ONNX model", "Received: 0 bytes")


def test_a_file_of_another_classifier_is_not_blessed(validate, exported, classifier_of):
    blessing, found = validate(exported, classifier_of(gain=0.9))
    assert_not_blessed(blessing, found, "has probability", "expected a difference of at most 0.0001")
    assert found["compared"] is None
    assert found["answered"]["onnxruntime_version"]


def test_a_model_that_is_too_slow_is_not_blessed(validate, exported):
    assert_not_blessed(*validate(exported, max_latency_ms=1e-6), "A batch of 1 takes", "at most 1e-06 ms")


def test_a_provider_that_is_not_there_is_said(validate, exported):
    blessing, found = validate(exported, providers=["NoSuchExecutionProvider"])
    assert_not_blessed(blessing, found, "has no execution provider NoSuchExecutionProvider")
    assert found["answered"] is None


def endless(path: Path) -> None:
    """Gives a classifier's file a loop that does not end before it answers."""
    model = onnx.load(path)
    body = helper.make_graph(
        [
            helper.make_node("Identity", ["going"], ["still_going"]),
            helper.make_node("Identity", ["carried"], ["carried_on"]),
        ],
        "forever",
        [
            helper.make_tensor_value_info("round", TensorProto.INT64, []),
            helper.make_tensor_value_info("going", TensorProto.BOOL, []),
            helper.make_tensor_value_info("carried", TensorProto.INT16, None),
        ],
        [
            helper.make_tensor_value_info("still_going", TensorProto.BOOL, []),
            helper.make_tensor_value_info("carried_on", TensorProto.INT16, None),
        ],
    )
    rounds = helper.make_tensor("rounds", TensorProto.INT64, [], [2**62])
    always = helper.make_tensor("always", TensorProto.BOOL, [], [True])
    model.graph.initializer.extend([rounds, always])
    for node in model.graph.node:
        node.input[:] = ["looped" if name == "patches_hu" else name for name in node.input]
    loop = helper.make_node("Loop", ["rounds", "always", "patches_hu"], ["looped"], body=body)
    model.graph.node.insert(0, loop)
    path.write_bytes(model.SerializeToString())


def test_a_model_that_hangs_is_ended_and_not_blessed(validate, exported):
    endless(exported.uri / "classifier.onnx")
    assert_not_blessed(
        *validate(exported, timeout_s=8.0),
        "The process that asks the model failed: it did not answer within 8 s.",
    )

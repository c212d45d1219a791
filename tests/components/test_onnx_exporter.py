import json
from pathlib import Path

import numpy as np
import pytest

from lungnet.components import InfraValidator, OnnxExporter
from lungnet.config import Config
from lungnet.pipeline import Classifier, OnnxModel
from lungnet.serving import NoduleClassifier, SliceScanner
from tests.export.conftest import write_calm


@pytest.fixture(scope="module")
def classifier(tmp_path_factory) -> Classifier:
    """A network with clusters, untrained."""
    return Classifier(write_calm(tmp_path_factory.mktemp("calm") / "classifier"), {"row": "gan_cae_calm"})


def files_of(model: OnnxModel) -> list[str]:
    return sorted(path.name for path in model.uri.iterdir())


def test_classifier_and_scanner_say_the_same(do, examples, classifier):
    config = Config.model_validate({"export": {"pad_channels": 16}})
    model = do(OnnxExporter, {"examples": examples, "classifier": classifier}, config)["model"]
    assert files_of(model) == ["classifier.onnx", "parity.json", "scanner.onnx"]
    assert model.properties["max_difference"] <= 1e-5
    assert model.properties["fingerprint"] == "0" * 64
    patches_hu = np.random.default_rng(0).integers(-1000, 400, (9, 40, 40)).astype(np.int16)
    probability = NoduleClassifier(model.uri / "classifier.onnx").predict(patches_hu)
    scanner = SliceScanner(model.uri / "scanner.onnx")
    np.testing.assert_allclose(scanner.judge(patches_hu), probability, atol=1e-5)
    assert scanner.stride_px == 8


def test_networks_that_cannot_scan_have_no_scanner(do, examples, classifier_of):
    model = do(OnnxExporter, {"examples": examples, "classifier": classifier_of()})["model"]
    assert files_of(model) == ["classifier.onnx", "parity.json"]


def test_int8_is_calibrated_measured_and_blessed(do, examples, classifier):
    """Its ranges come from training patches; another process must see the very change that was measured."""
    config = Config.model_validate({"export": {"precision": "int8", "max_auc_loss": 1.0}})
    inputs = {"examples": examples, "classifier": classifier}
    model = do(OnnxExporter, inputs, config)["model"]
    metadata = NoduleClassifier(model.uri / "classifier.onnx").metadata
    assert metadata["precision"] == "int8"
    stated = float(metadata["max_probability_change"])
    assert stated == model.properties["max_difference"] == parity(model)["max_difference"]

    blessing = do(InfraValidator, {**inputs, "model": model}, config)["blessing"]
    found = json.loads((blessing.uri / "infra_validation.json").read_text("utf-8"))
    assert (found["reasons"], blessing.properties["blessed"]) == ([], 1)


def parity(model: OnnxModel) -> dict:
    found: dict = json.loads((Path(model.uri) / "parity.json").read_text("utf-8"))
    return found

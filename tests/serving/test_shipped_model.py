"""The model that comes with lungnet: its files, its card and its figures belong together."""

import json
import re
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import pytest

from lungnet.evaluation.shipped_card import ShippedCard, shipped_card_markdown
from lungnet.hashing import file_sha256
from lungnet.serving import CTScanner, NoduleClassifier, SliceScanner
from lungnet.serving.shipped_model import SHIPPED_CLASSIFIER, SHIPPED_MODEL, SHIPPED_SCANNER, model_words

CPU = ["CPUExecutionProvider"]


@pytest.fixture(scope="module")
def card() -> ShippedCard:
    return ShippedCard.model_validate_json((SHIPPED_MODEL / "model_card.json").read_text("utf-8"))


@pytest.fixture(scope="module")
def facts() -> dict[str, Any]:
    stated: dict[str, Any] = json.loads((SHIPPED_MODEL / "model.json").read_text("utf-8"))
    return stated


def test_the_card_is_of_these_files(card: ShippedCard, facts: dict[str, Any]):
    assert set(card.shipping.files) == {path.name for path in SHIPPED_MODEL.glob("*.onnx")}
    for name, stated in card.shipping.files.items():
        assert file_sha256(SHIPPED_MODEL / name) == stated.sha256
        assert (SHIPPED_MODEL / name).stat().st_size == stated.size_bytes
    assert facts["sha256"] == card.shipping.files["classifier.onnx"].sha256
    classifier, scanner = NoduleClassifier(providers=CPU), CTScanner(providers=CPU)
    for metadata in (classifier.metadata, scanner.metadata, facts["metadata"]):
        assert metadata["fingerprint"] == card.origin.fingerprint
        assert float(metadata["threshold"]) == card.decision.threshold
        assert metadata["task"] == card.origin.task == "nodule"
        assert metadata["row"] == card.origin.row == "gan_cae_calm"
        assert "not for diagnosis" in metadata["intended_use"]


def test_the_card_s_figures_are_those_of_the_metadata(card: ShippedCard, facts: dict[str, Any]):
    on_all = {
        one.type: one
        for one in card.quantitative_analysis.performance_metrics
        if one.slice.startswith("all evaluation patches,") and "reweighted" not in one.slice
    }
    assert set(on_all) == set(facts["figures"]) >= {"auc", "recall", "specificity", "balanced_accuracy"}
    for name, stated in facts["figures"].items():
        interval = on_all[name].confidence_interval
        assert interval is not None
        assert (interval.lower_bound, on_all[name].value, interval.upper_bound) == (
            stated["low"],
            stated["value"],
            stated["high"],
        )
        assert stated["low"] < stated["value"] < stated["high"]
    assert facts["figures"]["auc"]["value"] > 0.93  # less says that something is broken


def test_the_card_says_whom_to_name_what_it_is_not_for_and_how_to_make_it(card: ShippedCard):
    text = (SHIPPED_MODEL / "model_card.md").read_text("utf-8")
    assert text == shipped_card_markdown(card)
    for said in ("NOT for diagnosis", "LUNA16", "CC-BY-4.0", "LIDC-IDRI", "CC-BY-3.0", "no sensitivity"):
        assert said in text
    assert "swethasubramanian/LungCancerDetection" in text
    assert [command.split()[0] for command in card.shipping.commands] == ["lungnet", "python"]
    assert not card.model_parameters.data[0].synthetic


def test_nothing_tells_of_a_machine_or_a_patient():
    for path in SHIPPED_MODEL.iterdir():
        text = path.read_bytes().decode("latin-1")
        assert not re.search(r"/(home|root|tmp|work|Users|mnt)/", text), path.name
        assert "1.3.6.1.4.1.14519" not in text, path.name


def test_both_files_have_the_signature_and_say_the_same():
    for path in (SHIPPED_CLASSIFIER, SHIPPED_SCANNER):
        onnx.checker.check_model(onnx.load(path), full_check=True)
        assert path.stat().st_size < 1_000_000
    patches = np.random.default_rng(7).integers(-1000, 400, (3, 40, 40)).astype(np.int16)
    patches[1, 15:25, 15:25] = 50
    expected = NoduleClassifier(providers=CPU).predict(patches)
    np.testing.assert_allclose(SliceScanner(SHIPPED_SCANNER, CPU).judge(patches), expected, atol=1e-5)


def test_it_knows_real_nodules(lungnet_data):
    """Not a figure: most of these patches were trained on."""
    arrays = np.load(lungnet_data / "luna16" / "patches.npz")
    patches: npt.NDArray[np.int16] = arrays["patches_hu"][::40, 5:45, 5:45]
    labels = arrays["labels"][::40].astype(bool)
    probability = NoduleClassifier(providers=CPU).predict(patches)
    assert probability[labels].mean() > probability[~labels].mean() + 0.5


def test_a_model_without_facts_is_named_all_the_same(tmp_path):
    said = model_words(tmp_path / "own.onnx", {})
    assert said == "Model: own.onnx (of unknown make). For research, not for diagnosis."

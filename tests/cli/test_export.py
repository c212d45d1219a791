import shutil

import numpy as np
import onnxruntime
import pytest

from lungnet.evaluation import roc_auc
from lungnet.models import load_classifier
from lungnet.patches import load_examples
from lungnet.serving import NoduleClassifier
from lungnet.serving.triton import CLASSIFIER, SCANNER


def test_a_run_as_a_repository_of_triton(lungnet, finished, tmp_path):
    printed = lungnet("export", finished.root, "--triton", tmp_path / "triton", "--max-patches", "16")
    assert printed.code == 0, printed.err
    assert printed.out.splitlines() == [
        f"{tmp_path / 'triton' / CLASSIFIER} version 1",
        f"{tmp_path / 'triton' / SCANNER} version 1",
    ]
    assert "max_batch_size: 16" in (tmp_path / "triton" / CLASSIFIER / "config.pbtxt").read_text()


def test_a_saved_model_as_onnx_and_as_a_repository(lungnet, finished, tmp_path):
    saved = finished.output("CalmTrainer", "classifier")
    printed = lungnet("export", saved, "-o", tmp_path / "exported", "--triton", tmp_path / "triton")
    assert printed.code == 0, printed.err
    assert printed.out.count("differs from the SavedModel by") == 2
    classifier = NoduleClassifier(tmp_path / "exported" / "classifier.onnx")
    patches = np.random.default_rng(0).integers(-1000, 400, (5, 40, 40)).astype(np.int16)
    served = onnxruntime.InferenceSession(tmp_path / "triton" / CLASSIFIER / "1" / "model.onnx")
    np.testing.assert_array_equal(
        served.run(["probability"], {"patches_hu": patches})[0], classifier.predict(patches)
    )


@pytest.mark.parametrize("precision", ["float16", "int8"])
def test_a_reduced_precision_is_measured_on_the_run(lungnet, finished, tmp_path, monkeypatch, precision):
    saved = finished.output("CalmTrainer", "classifier")
    monkeypatch.chdir(finished.root)  # a user's paths are relative
    settings = ("--set", f"export.precision={precision}", "--set", "export.max_auc_loss=1")
    printed = lungnet("export", saved.relative_to(finished.root), "-o", tmp_path / "exported", *settings)
    assert printed.code == 0, printed.err
    held_out = load_examples(finished.output("Augmenter", "examples"), "eval")
    classifier = NoduleClassifier(tmp_path / "exported" / "classifier.onnx")
    assert classifier.metadata["precision"] == precision
    exact, _ = load_classifier(saved).predict(held_out.patches_hu)
    reduced = classifier.predict(held_out.patches_hu)
    change = roc_auc(held_out.labels, reduced) - roc_auc(held_out.labels, exact)
    assert float(classifier.metadata["auc_change"]) == pytest.approx(change, abs=1e-9)
    assert printed.out.count(f"on {len(exact)} evaluation patches, in AUC by {change:+.4f}") == 2
    assert (tmp_path / "exported" / "scanner.onnx").is_file()


def test_a_reduced_precision_needs_the_run(lungnet, finished, tmp_path):
    saved = shutil.copytree(finished.output("CalmTrainer", "classifier"), tmp_path / "classifier")
    printed = lungnet("export", saved, "-o", tmp_path / "exported", "--set", "export.precision=int8")
    assert printed.code == 1
    assert (
        "is measured on patches of the run that made the classifier: expected a classifier in" in printed.err
    )
    assert printed.err.count("\n") == 1 and not (tmp_path / "exported").exists()


def test_what_is_neither(lungnet, tmp_path):
    printed = lungnet("export", tmp_path, "--triton", tmp_path / "triton")
    assert printed.code == 1
    assert "holds no classifier.onnx" in printed.err
    assert not (tmp_path / "triton").exists()


def test_settings_are_for_files_that_are_made_anew(lungnet, tmp_path):
    printed = lungnet("export", tmp_path, "--triton", tmp_path / "triton", "--set", "export.precision=int8")
    assert printed.code == 2 and "--seed need -o FOLDER" in printed.err


def test_nowhere_to_export_to(lungnet, tmp_path):
    printed = lungnet("export", tmp_path)
    assert printed.code == 2
    assert "Say where to" in printed.err

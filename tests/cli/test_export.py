import numpy as np
import onnxruntime

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


def test_what_is_neither(lungnet, tmp_path):
    printed = lungnet("export", tmp_path, "--triton", tmp_path / "triton")
    assert printed.code == 1
    assert "holds no classifier.onnx" in printed.err
    assert not (tmp_path / "triton").exists()


def test_nowhere_to_export_to(lungnet, tmp_path):
    printed = lungnet("export", tmp_path)
    assert printed.code == 2
    assert "Say where to" in printed.err

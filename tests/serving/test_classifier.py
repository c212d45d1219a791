import subprocess
import sys

import numpy as np
import pytest
from onnx import TensorProto

from lungnet.errors import InputError
from lungnet.serving import NoduleClassifier
from tests.serving.conftest import PROPERTIES


def constant_patches(*values_hu: int) -> np.ndarray:
    return np.array(values_hu, np.int16)[:, None, None] * np.ones((1, 40, 40), np.int16)


def test_probability_of_known_patches(classifier_file):
    probability = NoduleClassifier(classifier_file).predict(constant_patches(-1000, 0, 500))

    assert probability.dtype == np.float32
    expected = [1 / (1 + np.exp(1.0)), 0.5, 1 / (1 + np.exp(-1.5))]
    np.testing.assert_allclose(probability, expected, rtol=1e-6)


def test_clusters_come_with_their_probabilities(classifier_file):
    classifier = NoduleClassifier(classifier_file)
    probability, cluster = classifier.predict_with_clusters(constant_patches(-5, 0, 5))

    assert cluster.dtype == np.int64
    assert cluster.tolist() == [0, 0, 1]
    np.testing.assert_array_equal(probability, classifier.predict(constant_patches(-5, 0, 5)))


@pytest.mark.parametrize("batch_size", [1, 7, 512])
def test_batches_do_not_change_the_result(classifier_file, batch_size):
    patches_hu = np.random.default_rng(0).integers(-1000, 400, (20, 40, 40)).astype(np.int16)
    whole = NoduleClassifier(classifier_file, batch_size=20).predict(patches_hu)
    cut = NoduleClassifier(classifier_file, batch_size=batch_size).predict(patches_hu)
    np.testing.assert_allclose(cut, whole, atol=1e-6)


def test_no_patches_give_no_probabilities(classifier_file):
    assert NoduleClassifier(classifier_file).predict(np.empty((0, 40, 40), np.int16)).shape == (0,)


def test_strided_views_are_read_as_they_look(classifier_file):
    volume = np.random.default_rng(0).integers(-1000, 400, (4, 64, 64)).astype(np.int16)
    view = volume[::2, 10:50, 10:50]
    classifier = NoduleClassifier(classifier_file)
    np.testing.assert_array_equal(classifier.predict(view), classifier.predict(view.copy()))


def test_metadata_threshold_and_providers(classifier_file):
    classifier = NoduleClassifier(str(classifier_file), providers=["CPUExecutionProvider"], threads=1)

    assert classifier.metadata["intended_use"] == "research, not for diagnosis"
    assert classifier.task == "nodule"
    assert classifier.threshold == 0.4375
    assert classifier.providers == ["CPUExecutionProvider"]


@pytest.mark.parametrize(
    "patches_hu",
    [
        np.zeros((2, 40, 40), np.float32),
        np.zeros((2, 40, 40), np.uint16),
        np.zeros((40, 40), np.int16),
        np.zeros((2, 40, 41), np.int16),
        np.zeros((2, 40, 40, 1), np.int16),
    ],
)
def test_other_patches_are_refused(classifier_file, patches_hu):
    with pytest.raises(InputError, match=r"must be int16 \(n, 40, 40\) in Hounsfield units\. Received: "):
        NoduleClassifier(classifier_file).predict(patches_hu)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"input_name": "images"}, r"expected patches_hu tensor\(int16\) \(any, 40, 40\). Received: images"),
        ({"input_type": TensorProto.FLOAT}, r"expected patches_hu tensor\(int16\)"),
        ({"size": 50}, r"Received: patches_hu tensor\(int16\) \('batch', 50, 50\)"),
        ({"outputs": ("probability",)}, r"expected probability tensor\(float\) \(any\), cluster tensor"),
    ],
)
def test_models_with_another_contract_are_refused(write_model, change, message):
    path = write_model(**change)
    with pytest.raises(InputError, match=message) as caught:
        NoduleClassifier(path)
    assert str(path) in str(caught.value)


def test_models_without_our_metadata_are_refused(write_model):
    path = write_model({"task": "nodule", "window_hu": "[-1000.0, 400.0]"})
    with pytest.raises(InputError, match="Missing: lungnet_version, threshold"):
        NoduleClassifier(path)


def test_files_of_another_contract_are_refused(write_model):
    path = write_model({**PROPERTIES, "contract_version": "2", "lungnet_version": "7.1"})
    with pytest.raises(InputError, match=r"was written by lungnet 7\.1 .* contract_version 1. Received: 2"):
        NoduleClassifier(path)
    assert NoduleClassifier(write_model({**PROPERTIES, "contract_version": "1"})).task == "nodule"


@pytest.mark.parametrize("threshold", ["high", "nan", "1.5", ""])
def test_a_threshold_that_is_none_is_refused(write_model, threshold):
    path = write_model(
        {"task": "nodule", "window_hu": "[]", "lungnet_version": "0.1.0", "threshold": threshold}
    )
    with pytest.raises(InputError, match="expected a number from 0 to 1 as metadata threshold"):
        NoduleClassifier(path)


def test_batch_size_of_zero_is_refused(classifier_file):
    with pytest.raises(ValueError, match="batch_size must be at least 1"):
        NoduleClassifier(classifier_file, batch_size=0)


def test_a_fresh_process_needs_no_training_code(classifier_file):
    code = (
        "import sys, numpy as np, lungnet.serving; "
        "assert 'onnxruntime' not in sys.modules; "
        f"classifier = lungnet.serving.NoduleClassifier({str(classifier_file)!r}); "
        "assert classifier.predict(np.zeros((3, 40, 40), np.int16)).shape == (3,); "
        "training = {'tensorflow', 'keras', 'sklearn', 'onnx', 'tf2onnx', 'matplotlib', 'skimage'}; "
        "assert not training & set(sys.modules), training & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)

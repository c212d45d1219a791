import numpy as np
import pytest

from lungnet.errors import InputError
from lungnet.serving import SliceScanner
from tests.serving.conftest import SCANNER_PROPERTIES, build_model, build_scanner


@pytest.fixture
def scanner(scanner_file):
    return SliceScanner(scanner_file, providers=["CPUExecutionProvider"])


def write(path, model):
    path.write_bytes(model.SerializeToString())
    return path


def test_cells_are_the_patches_at_multiples_of_the_stride(scanner):
    slices_hu = np.random.default_rng(0).integers(-1000, 400, (2, 61, 75)).astype(np.int16)
    probability = scanner.scan(slices_hu)
    assert (probability.dtype, probability.shape) == (np.float32, (2, 3, 5))
    for z, i, j in np.ndindex(2, 3, 5):
        patch = slices_hu[z, 8 * i : 8 * i + 40, 8 * j : 8 * j + 40]
        assert probability[z, i, j] == pytest.approx(scanner.judge(patch[None])[0], abs=1e-6)


def test_patches_in_batches(scanner):
    patches_hu = np.random.default_rng(1).integers(-1000, 400, (70, 40, 40)).astype(np.int16)
    whole = scanner.scan(patches_hu)[:, 0, 0]
    np.testing.assert_allclose(scanner.judge(patches_hu), whole, atol=1e-6)
    assert scanner.judge(patches_hu[:0]).shape == (0,)


def test_metadata(scanner):
    assert (scanner.task, scanner.threshold, scanner.stride_px) == ("nodule", 0.4375, 8)
    assert scanner.metadata == SCANNER_PROPERTIES
    assert scanner.providers == ["CPUExecutionProvider"]


@pytest.mark.parametrize(
    "slices_hu",
    [
        np.zeros((1, 40, 40), np.float32),
        np.zeros((40, 40), np.int16),
        np.zeros((1, 39, 400), np.int16),
        np.zeros((1, 40, 39), np.int16),
    ],
)
def test_other_slices_are_refused(scanner, slices_hu):
    with pytest.raises(
        InputError, match=r"must be int16 \(n, height, width\) .* 40 x 40 or larger. Received"
    ):
        scanner.scan(slices_hu)


def test_a_classifier_is_refused_with_what_to_take(classifier_file):
    with pytest.raises(InputError, match=r"classifies patches and cannot scan slices: expected a scanner"):
        SliceScanner(classifier_file)


def test_a_model_of_something_else_is_refused(tmp_path):
    path = write(tmp_path / "m.onnx", build_model(input_name="images", size=224))
    with pytest.raises(InputError, match=r"is not a lungnet scanner: expected slices_hu .* Received: images"):
        SliceScanner(path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"contract_version": "2"}, "expected contract_version 1. Received: 2"),
        ({"stride": ""}, "expected a stride from 1 to 40"),
        ({"stride": "0"}, "expected a stride from 1 to 40"),
        ({"stride": "41"}, "expected a stride from 1 to 40"),
        ({"patch_size": "32"}, "a patch_size of 40 .* Received: stride '8', patch_size '32'"),
        ({"threshold": "2"}, "expected a number from 0 to 1 as metadata threshold"),
    ],
)
def test_other_metadata_are_refused(tmp_path, change, message):
    path = write(tmp_path / "m.onnx", build_scanner({**SCANNER_PROPERTIES, **change}))
    with pytest.raises(InputError, match=message):
        SliceScanner(path)


def test_missing_metadata_are_named(tmp_path):
    path = write(tmp_path / "m.onnx", build_scanner({"stride": "8"}))
    with pytest.raises(InputError, match=r"not a scanner that lungnet exported: .* Missing: lungnet_version"):
        SliceScanner(path)

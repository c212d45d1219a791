"""The check alone, on a scanner made by hand: probability = sigmoid(scale * mean HU of the patch)."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from lungnet.export import ParityError, check_scanner, make_slices, patches_of, sample_patches


def graph(
    scale: float = 1e-3, *, stride: int = 8, name: str = "slices_hu", output: str = "probability"
) -> bytes:
    kernel = np.full((1, 1, 40, 40), scale / 1600, np.float32)
    nodes = [
        helper.make_node("Cast", [name], ["hu"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["hu", "axis"], ["maps"]),
        helper.make_node("Conv", ["maps", "kernel"], ["logit"], strides=[stride, stride]),
        helper.make_node("Sigmoid", ["logit"], ["map"]),
        helper.make_node("Squeeze", ["map", "axis"], [output]),
    ]
    model = helper.make_model(
        helper.make_graph(
            nodes,
            "by_hand",
            [helper.make_tensor_value_info(name, TensorProto.INT16, ["slices", "height", "width"])],
            [helper.make_tensor_value_info(output, TensorProto.FLOAT, ["slices", "rows", "columns"])],
            [numpy_helper.from_array(kernel, "kernel"), numpy_helper.from_array(np.array([1]), "axis")],
        ),
        opset_imports=[helper.make_opsetid("", 17)],
        ir_version=8,
    )
    onnx.checker.check_model(model)
    return model.SerializeToString()


def reference(patches_hu, margin: float = 1.0, other_scale: float = 1e-3):
    mean = patches_hu.mean(axis=(1, 2), dtype=np.float64)
    return {
        "probability": 1 / (1 + np.exp(-1e-3 * mean)),
        "cluster": np.zeros(len(mean), np.int64),
        "cluster_margin": np.full(len(mean), margin),
        "other_probability": 1 / (1 + np.exp(-other_scale * mean)),
    }


@pytest.fixture
def slices():
    return make_slices(sample_patches(24))


def test_equal_models_pass_with_what_was_compared(slices):
    report = check_scanner(reference, graph(), slices)
    assert report.batch_sizes == (1, 1 * 4, 11 * 12)
    assert report.patches == 137
    assert report.max_difference < 1e-6
    assert (report.ambiguous, report.swapped) == (0, 0)


def test_a_scanner_of_something_else_fails(slices):
    with pytest.raises(ParityError, match=r"Cell \(0, 0, 0\) of a scan of \(1, 40, 40\) has probability"):
        check_scanner(reference, graph(1.01e-3), slices)


def test_a_scanner_with_another_stride_fails(slices):
    with pytest.raises(ParityError, match=r"must return float32 \(1, 1, 4\) for slices of \(1, 47, 64\)"):
        check_scanner(reference, graph(stride=4), slices)
    four = [whole for whole in slices if whole.shape[1] == 40]
    assert check_scanner(reference, graph(stride=4), four, stride=4).patches == 1


def test_between_clusters_the_other_one_is_accepted_and_counted(slices):
    def unsure(patches_hu):
        return reference(patches_hu, margin=9e-6, other_scale=2e-3)

    def sure(patches_hu):
        return reference(patches_hu, margin=1.1e-5, other_scale=2e-3)

    report = check_scanner(unsure, graph(2e-3), slices)
    assert (report.ambiguous, report.swapped) == (137, 137)
    with pytest.raises(ParityError, match="expected a difference of at most"):
        check_scanner(sure, graph(2e-3), slices)
    with pytest.raises(ParityError, match="expected a difference of at most"):
        check_scanner(unsure, graph(3e-3), slices)


def test_nan_fails(slices):
    with pytest.raises(ParityError, match="has probability nan"):
        check_scanner(reference, graph(float("nan")), slices)


@pytest.mark.parametrize("change", [{"name": "slices"}, {"output": "heat_map"}])
def test_another_contract_fails(slices, change):
    with pytest.raises(ParityError, match="of a scanner must be"):
        check_scanner(reference, graph(**change), slices)


def test_nothing_to_compare_is_no_success():
    with pytest.raises(ValueError, match="slices must not be empty"):
        check_scanner(reference, graph(), [])


def test_patches_of_a_slice():
    slices_hu = np.arange(2 * 50 * 57, dtype=np.int16).reshape(2, 50, 57)
    patches = patches_of(slices_hu, 8)
    assert patches.shape == (2, 2, 3, 40, 40)
    np.testing.assert_array_equal(patches[1, 1, 2], slices_hu[1, 8:48, 16:56])


def test_slices_are_patches_side_by_side():
    patches_hu = np.arange(20, dtype=np.int16)[:, None, None] * np.ones((1, 40, 40), np.int16)
    single, double, large = make_slices(patches_hu)
    assert [s.shape for s in (single, double, large)] == [(1, 40, 40), (1, 47, 64), (1, 121, 134)]
    assert (single == 0).all()
    np.testing.assert_array_equal(double[0, ::40, ::40], [[1, 2], [3, 4]])
    np.testing.assert_array_equal(large[0, ::40, ::40].ravel(), np.arange(5, 21) % 20)

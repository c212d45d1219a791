"""The parity check alone, on graphs made by hand: mean HU -> probability, its sign -> cluster."""

import json

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from lungnet.errors import InputError
from lungnet.export import (
    ParityError,
    ParityReport,
    SavedModelReference,
    check_parity,
    export_onnx,
    extreme_patches,
    make_batches,
)


def graph(
    scale: float = 1e-3,
    *,
    threshold: float = 0.0,
    outputs: tuple[str, ...] = ("probability", "cluster"),
    name: str = "patches_hu",
    axis: str = "batch",
) -> bytes:
    """probability = sigmoid(scale * mean + cluster), cluster = mean > threshold."""
    constants = {"scale": np.float32(scale), "threshold": np.float32(threshold)}
    nodes = [
        helper.make_node("Cast", [name], ["hu"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["hu"], ["mean"], axes=[1, 2], keepdims=0),
        helper.make_node("Greater", ["mean", "threshold"], ["above"]),
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
            [helper.make_tensor_value_info(name, TensorProto.INT16, [axis, 40, 40])],
            [helper.make_tensor_value_info(output, types[output], [axis]) for output in outputs],
            [numpy_helper.from_array(np.array(value), key) for key, value in constants.items()],
        ),
        opset_imports=[helper.make_opsetid("", 17)],
        ir_version=8,
    )
    return model.SerializeToString()


def reference(patches_hu, margin: float = 1.0):
    mean = patches_hu.mean(axis=(1, 2), dtype=np.float64)
    cluster = (mean > 0).astype(np.int64)

    def sigmoid(logit):
        return 1 / (1 + np.exp(-logit))

    return {
        "probability": sigmoid(1e-3 * mean + cluster),
        "cluster": cluster,
        "cluster_margin": np.full(len(mean), margin),
        "other_probability": sigmoid(1e-3 * mean + 1 - cluster),
    }


@pytest.fixture
def batches():
    rng = np.random.default_rng(0)
    patches_hu = (rng.normal(0, 300, (20, 1, 1)) + rng.normal(0, 50, (20, 40, 40))).astype(np.int16)
    return make_batches(patches_hu, (1, 2, 7))


def test_equal_models_pass(batches):
    report = check_parity(reference, graph(), batches)
    assert report.batch_sizes == (1, 2, 7)
    assert report.patches == 10
    assert 0 < report.max_difference < 1e-6
    assert (report.ambiguous, report.swapped) == (0, 0)


def test_report_survives_json(batches):
    report = check_parity(reference, graph(), batches)
    values = json.loads(json.dumps(report.to_json()))
    assert ParityReport(**{**values, "batch_sizes": tuple(values["batch_sizes"])}) == report


def test_reads_a_file(tmp_path, batches):
    (tmp_path / "model.onnx").write_bytes(graph())
    assert check_parity(reference, tmp_path / "model.onnx", batches).patches == 10


def test_another_probability_fails(batches):
    with pytest.raises(ParityError, match=r"has probability 0\.\d+ in ONNX Runtime and 0\.\d+ in the model"):
        check_parity(reference, graph(scale=1.01e-3), batches)


def test_tolerance_decides():
    patches_hu = np.full((1, 40, 40), -100, np.int16)
    # sigmoid(-0.1) - sigmoid(-0.1001) = 1e-4 * 0.2494
    check_parity(reference, graph(scale=1.001e-3), [patches_hu], tolerance=2.6e-5)
    with pytest.raises(ParityError):
        check_parity(reference, graph(scale=1.001e-3), [patches_hu], tolerance=2.4e-5)


def test_nan_fails():
    patches_hu = np.zeros((1, 40, 40), np.int16)
    with pytest.raises(ParityError, match="has probability nan"):
        check_parity(reference, graph(scale=np.nan), [patches_hu])


def test_another_cluster_fails():
    patches_hu = np.full((1, 40, 40), 5, np.int16)
    with pytest.raises(ParityError, match="has cluster 0 in ONNX Runtime and 1 in the model"):
        check_parity(reference, graph(threshold=10), [patches_hu])


def test_another_cluster_passes_between_clusters_and_is_counted():
    patches_hu = np.stack([np.full((40, 40), hu, np.int16) for hu in (5, 20)])
    report = check_parity(lambda patches: reference(patches, margin=9e-6), graph(threshold=10), [patches_hu])
    assert (report.ambiguous, report.swapped) == (2, 1)


def test_between_clusters_the_probability_must_be_that_of_the_cluster_chosen():
    patches_hu = np.full((1, 40, 40), 5, np.int16)

    def wrong(patches):
        return {**reference(patches, margin=0.0), "other_probability": np.array([0.9])}

    with pytest.raises(ParityError, match=r"and 0\.9 in the model"):
        check_parity(wrong, graph(threshold=10), [patches_hu])


@pytest.mark.parametrize(
    ("onnx_model", "message"),
    [
        (graph(outputs=("cluster", "probability")), "outputs of the ONNX model must be"),
        (graph(outputs=("probability",)), "outputs of the ONNX model must be"),
        (graph(name="images"), "inputs of the ONNX model must be"),
        (graph(axis="unk__1"), "inputs of the ONNX model must be"),
        (b"no model", "ONNX Runtime cannot load the model"),
    ],
)
def test_another_contract_fails(batches, onnx_model, message):
    with pytest.raises(ParityError, match=message):
        check_parity(reference, onnx_model, batches)


def test_nothing_to_compare_is_no_success():
    with pytest.raises(ValueError, match="batches must not be empty"):
        check_parity(reference, graph(), [])


def test_missing_file_is_named(tmp_path, batches):
    with pytest.raises(InputError, match=r"Cannot read .*none\.onnx"):
        check_parity(reference, tmp_path / "none.onnx", batches)


def test_batches_are_spread_over_the_patches():
    patches_hu = np.arange(1000, dtype=np.int16)[:, None, None] * np.ones((1, 40, 40), np.int16)
    batches = make_batches(patches_hu, (1, 4))
    assert [list(batch[:, 0, 0]) for batch in batches] == [[0], [200, 400, 600, 800]]


def test_few_patches_recur():
    batches = make_batches(extreme_patches()[:3], (1, 4))
    assert [list(batch[:, 0, 0]) for batch in batches] == [[-32768], [-2000, -1000, -32768, -2000]]


def test_model_altered_after_conversion_fails(saved_model, exported):
    """The real thing: the last layer of the exported file moves by five per cent."""
    model = onnx.load(exported.path)
    tensor = next(t for t in model.graph.initializer if list(t.dims) == [38, 1])
    values = numpy_helper.to_array(tensor) * np.float32(1.05)
    tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))
    batches = make_batches(extreme_patches())
    check_parity(SavedModelReference(saved_model), exported.path, batches)
    with pytest.raises(ParityError):
        check_parity(SavedModelReference(saved_model), model.SerializeToString(), batches)


def test_clusters_at_one_place_are_counted(undecided_saved_model, tmp_path):
    report = export_onnx(undecided_saved_model, tmp_path / "c.onnx").parity
    assert report.ambiguous == report.patches

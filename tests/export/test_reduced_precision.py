import numpy as np
import onnx
import pytest

from lungnet.config import ExportConfig
from lungnet.errors import InputError
from lungnet.evaluation import roc_auc
from lungnet.export import (
    ParityError,
    SavedModelReference,
    export_onnx,
    export_scanner,
    sample_patches,
)
from lungnet.export.reduced_precision import measure_change
from lungnet.export.runtime import open_model

SAMPLE_HU, CALIBRATION_HU = sample_patches(96, seed=1), sample_patches(64, seed=2)


@pytest.fixture(scope="module")
def labels(calm_saved_model):
    """Nearly what the model itself says: its AUC is below 1, so that a change of order shows."""
    probability = SavedModelReference(calm_saved_model)(SAMPLE_HU)["probability"]
    noisy = probability + np.random.default_rng(0).normal(0, probability.std(), 96)
    return (noisy > np.median(noisy)).astype(np.int64)


def export(function, saved_model, path, labels, **config):
    return function(
        saved_model,
        path,
        config=ExportConfig(pad_channels=16, **config),
        sample_hu=SAMPLE_HU,
        labels=labels,
        calibration_hu=CALIBRATION_HU,
    )


@pytest.mark.parametrize("function", [export_onnx, export_scanner])
@pytest.mark.parametrize("precision", ["float16", "int8"])
def test_the_file_states_what_it_changes(calm_saved_model, tmp_path, labels, precision, function):
    exported = export(function, calm_saved_model, tmp_path / "m.onnx", labels, precision=precision)

    session = open_model(exported.path)
    (name,) = (value.name for value in session.get_inputs())
    found = session.run(["probability"], {name: SAMPLE_HU})[0].ravel()
    exact = SavedModelReference(calm_saved_model)(SAMPLE_HU)["probability"]
    properties = session.get_modelmeta().custom_metadata_map
    assert properties["precision"] == precision
    assert float(properties["max_probability_change"]) == pytest.approx(np.abs(found - exact).max(), abs=1e-6)
    assert float(properties["auc_change"]) == pytest.approx(
        roc_auc(labels, found) - roc_auc(labels, exact), abs=1e-9
    )
    assert 0 < exported.change.mean_difference < 0.02
    assert exported.change.patches == 96
    assert exported.change.to_json()["precision"] == precision
    assert (exported.change.clusters_changed is None) == (function is export_scanner)
    assert exported.parity.max_difference == exported.change.max_difference


def operators(path):
    return [node.op_type for node in onnx.load(path).graph.node]


def test_only_the_encoder_is_reduced(calm_saved_model, tmp_path, labels):
    half = export(export_onnx, calm_saved_model, tmp_path / "half.onnx", labels, precision="float16")
    model = onnx.load(half.path)
    kinds = {t.name: t.data_type for t in model.graph.initializer}
    assert kinds["convolution_3_kernel"] == onnx.TensorProto.FLOAT16
    assert {kinds["dense_1_kernel"], kinds["ramp_1_low"]} == {onnx.TensorProto.FLOAT}

    eighth = export(export_onnx, calm_saved_model, tmp_path / "eighth.onnx", labels, precision="int8")
    kinds = {t.name: t.data_type for t in onnx.load(eighth.path).graph.initializer}
    assert kinds["convolution_2_kernel_quantized"] == onnx.TensorProto.INT8
    assert {kinds["convolution_1_kernel"], kinds["dense_1_kernel"]} == {onnx.TensorProto.FLOAT}
    assert operators(eighth.path).count("QuantizeLinear") >= 2
    assert onnx.load(eighth.path).ir_version <= 9


def test_a_float32_file_states_no_change(calm_saved_model, tmp_path):
    exported = export_onnx(calm_saved_model, tmp_path / "m.onnx")
    assert exported.change is None
    assert exported.metadata["precision"] == "float32"
    assert {"auc_change", "max_probability_change"}.isdisjoint(exported.metadata)


def test_a_loss_of_auc_beyond_the_limit_fails_and_leaves_nothing(calm_saved_model, tmp_path):
    # Labels that agree with the model perfectly: whatever changes their order costs.
    probability = SavedModelReference(calm_saved_model)(SAMPLE_HU)["probability"]
    perfect = (probability > np.sort(probability)[60]).astype(np.int64)
    with pytest.raises(ParityError, match=r"In int8 the model loses 0\.\d+ of AUC on 96 patches"):
        config = {"precision": "int8", "max_auc_loss": 0.0}
        export(export_onnx, calm_saved_model, tmp_path / "m.onnx", perfect, **config)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"labels": None}, "needs labelled patches"),
        ({"labels": np.zeros(96, int)}, "needs patches of both classes"),
        ({"labels": np.arange(95) % 2}, r"Received: 96 patches, labels \(95,\)"),
        ({"calibration_hu": None}, "needs real patches to take the ranges"),
        ({"calibration_hu": CALIBRATION_HU[:0]}, "needs real patches to take the ranges"),
    ],
)
def test_what_int8_needs(calm_saved_model, tmp_path, labels, change, message):
    evidence = {"sample_hu": SAMPLE_HU, "labels": labels, "calibration_hu": CALIBRATION_HU, **change}
    with pytest.raises(InputError, match=message):
        export_onnx(calm_saved_model, tmp_path / "m.onnx", config=ExportConfig(precision="int8"), **evidence)


def test_classifiers_of_another_form_stay_float32(saved_model, tmp_path, labels):
    with pytest.raises(InputError, match=r"cannot be exported in float16: expected convolutions"):
        export(export_onnx, saved_model, tmp_path / "m.onnx", labels, precision="float16")


def test_changes_by_hand(calm_saved_model, tmp_path):
    """Against a reference that says the same but for one patch, whose probability it has 0.25 lower."""
    content = export_onnx(calm_saved_model, tmp_path / "m.onnx").path.read_bytes()
    saved = SavedModelReference(calm_saved_model)
    order = np.argsort(saved(SAMPLE_HU)["probability"])[[0, 40, 95]]
    patches_hu = SAMPLE_HU[order]

    def reference(batch):
        found = dict(saved(batch))
        found["probability"] = found["probability"] - np.array([0.0, 0.25, 0.0])
        found["cluster"] = found["cluster"] + np.array([0, 5, 0])
        return found

    change = measure_change(reference, content, patches_hu, np.array([0, 0, 1]), "float16", 0.0)
    assert (change.patches, change.auc, change.auc_change, change.clusters_changed) == (3, 1.0, 0.0, 1)
    assert change.max_difference == pytest.approx(0.25, abs=1e-5)
    assert change.mean_difference == pytest.approx(0.25 / 3, abs=1e-5)

import json

import numpy as np
import onnx
import pytest

from lungnet.config import ExportConfig
from lungnet.errors import InputError
from lungnet.export import (
    ParityError,
    SavedModelReference,
    conversion,
    export_onnx,
    onnx_export,
    sample_patches,
)


def test_contract_of_the_file(exported):
    import onnxruntime

    session = onnxruntime.InferenceSession(exported.path, providers=["CPUExecutionProvider"])

    (patches_hu,) = session.get_inputs()
    assert (patches_hu.name, patches_hu.type, patches_hu.shape) == (
        "patches_hu",
        "tensor(int16)",
        ["batch", 40, 40],
    )
    outputs = [(value.name, value.type, value.shape) for value in session.get_outputs()]
    assert outputs == [("probability", "tensor(float)", ["batch"]), ("cluster", "tensor(int64)", ["batch"])]


def test_file_is_checked_self_contained_and_not_newer_than_asked_for(exported):
    model = onnx.load(exported.path, load_external_data=False)

    onnx.checker.check_model(model, full_check=True)
    assert not any(tensor.external_data for tensor in model.graph.initializer)
    assert {entry.domain: entry.version for entry in model.opset_import} == {"": 17}
    assert model.ir_version <= 9  # what ONNX Runtime 1.17 reads
    assert model.producer_name == "lungnet"
    assert exported.size_bytes == exported.path.stat().st_size
    assert not any("PartitionedCall" in node.name for node in model.graph.node)
    assert {"Identity"}.isdisjoint(node.op_type for node in model.graph.node)


def test_metadata_travels_with_the_file(exported):
    model = onnx.load(exported.path)
    properties = {entry.key: entry.value for entry in model.metadata_props}

    assert properties == exported.metadata
    assert properties["intended_use"] == "research, not for diagnosis"
    assert properties["task"] == "nodule"
    assert float(properties["threshold"]) == 0.4375
    assert json.loads(properties["window_hu"]) == [-1000.0, 400.0]
    assert json.loads(properties["calibrator"])["scale"] == 1.7
    assert set(properties) >= {"lungnet_version", "training_prevalence", "fingerprint", "row"}


def test_parity_was_measured_on_batches_of_different_sizes(exported):
    assert exported.parity.batch_sizes == (1, 2, 7, 64, 100, 8)
    assert exported.parity.patches == 182
    assert exported.parity.max_difference <= 1e-5
    assert exported.parity.swapped == 0


def test_probabilities_of_the_sample_differ_so_that_parity_means_something(saved_model):
    probability = SavedModelReference(saved_model)(sample_patches())["probability"]
    assert np.ptp(probability) > 0.05


def test_captured_constants_do_not_become_inputs(exported):
    model = onnx.load(exported.path)
    used = {name for node in model.graph.node for name in node.input}
    assert [value.name for value in model.graph.input] == ["patches_hu"]
    assert {tensor.name for tensor in model.graph.initializer} <= used


@pytest.mark.parametrize("opset", [13, 18])
def test_every_opset_of_the_configuration_can_be_written(saved_model, tmp_path, opset):
    export = export_onnx(saved_model, tmp_path / "c.onnx", config=ExportConfig(opset=opset))
    assert onnx.load(export.path).opset_import[0].version == opset
    with pytest.raises(ValueError, match="opset"):
        ExportConfig(opset=12 if opset == 13 else 19)


def test_metadata_can_be_added_and_replaced(saved_model, tmp_path):
    export = export_onnx(saved_model, tmp_path / "c.onnx", metadata={"fingerprint": "run", "site": "x"})
    assert export.metadata["fingerprint"] == "run"
    assert export.metadata["site"] == "x"


def test_altered_model_fails_and_leaves_nothing(saved_model, tmp_path, monkeypatch):
    def altered(signature, opset):
        model = conversion.convert_saved_model(signature, opset)
        for tensor in model.graph.initializer:
            values = onnx.numpy_helper.to_array(tensor)
            if values.ndim == 4 and values.dtype == np.float32:
                tensor.CopyFrom(onnx.numpy_helper.from_array(values * np.float32(1.01), tensor.name))
        return model

    monkeypatch.setattr(onnx_export, "convert_saved_model", altered)
    with pytest.raises(ParityError, match=r"expected a difference of at most 0\.0001"):
        export_onnx(saved_model, tmp_path / "classifier.onnx")
    assert list(tmp_path.iterdir()) == []


def test_an_older_file_survives_a_failed_export(saved_model, tmp_path):
    path = tmp_path / "classifier.onnx"
    path.write_text("older")
    with pytest.raises(ParityError):
        export_onnx(saved_model, path, config=ExportConfig(tolerance=1e-300))
    assert path.read_text() == "older"


def test_folder_without_classifier_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"is not a lungnet classifier; expected classifier\.json in it"):
        export_onnx(tmp_path, tmp_path / "c.onnx")


def test_damaged_saved_model_is_refused(saved_model, tmp_path):
    (tmp_path / "classifier.json").write_bytes((saved_model / "classifier.json").read_bytes())
    (tmp_path / "Format-Serving").mkdir()
    (tmp_path / "Format-Serving" / "saved_model.pb").write_text("no protobuf")
    with pytest.raises(InputError, match="TensorFlow cannot load the SavedModel"):
        export_onnx(tmp_path, tmp_path / "c.onnx")


@pytest.mark.parametrize(
    "sample_hu",
    [np.zeros((3, 40, 40), np.float32), np.zeros((3, 41, 40), np.int16), np.zeros((0, 40, 40), np.int16)],
)
def test_sample_of_another_form_is_refused(saved_model, tmp_path, sample_hu):
    with pytest.raises(InputError, match=r"must be int16 \(n, 40, 40\) with n >= 1"):
        export_onnx(saved_model, tmp_path / "c.onnx", sample_hu=sample_hu)


def test_saved_model_with_other_signatures_is_refused(saved_model, tmp_path):
    import tensorflow as tf

    class Other(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec((None, 50, 50), tf.float32, name="images")])
        def serve(self, images):
            return {"probability": tf.reduce_mean(images, (1, 2))}

    module = Other()
    (tmp_path / "classifier.json").write_bytes((saved_model / "classifier.json").read_bytes())
    signatures = {"serving_default": module.serve, "explain": module.serve}
    tf.saved_model.save(module, str(tmp_path / "Format-Serving"), signatures=signatures)
    with pytest.raises(InputError, match=r"not a lungnet classifier; expected patches_hu int16"):
        SavedModelReference(tmp_path)


def test_real_patches_are_compared(saved_model, tmp_path, lungnet_data):
    with np.load(lungnet_data / "luna16" / "patches.npz") as arrays:
        patches_hu = arrays["patches_hu"][:400, 5:45, 5:45]
    export = export_onnx(saved_model, tmp_path / "c.onnx", sample_hu=patches_hu)
    assert export.parity.patches == 182
    assert export.parity.max_difference <= 1e-5

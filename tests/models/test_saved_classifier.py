import json
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

import lungnet
from lungnet.config import CalmConfig
from lungnet.errors import InputError
from lungnet.models.calibration import Calibration
from lungnet.models.calm import CALM
from lungnet.models.classifier import PatchClassifier, assemble_classifier
from lungnet.models.saved_classifier import (
    ClassifierMetadata,
    classifier_fingerprint,
    load_classifier,
    save_classifier,
)


def classifier(clusters: int = 3, seed: int = 0) -> PatchClassifier:
    patches = keras.Input((40, 40, 1))
    maps = keras.layers.Conv2D(
        2, 5, strides=5, activation="relu", kernel_initializer=keras.initializers.RandomUniform(seed=seed)
    )(patches)
    features = keras.layers.Flatten()(keras.layers.MaxPooling2D(2)(maps))
    head = CALM(CalmConfig(clusters=clusters, hidden=(8, 4)), 32, seed)
    rng = np.random.default_rng(seed)
    head.set_clusters(rng.uniform(0, 0.1, (clusters, 32)), rng.random(32))
    return assemble_classifier(
        keras.Model(patches, features), head, calibration=Calibration("platt", 1.7, 0.1)
    )


def metadata(model: PatchClassifier) -> ClassifierMetadata:
    return ClassifierMetadata(
        row="gan_cae_calm",
        task="nodule",
        window_hu=(-1000.0, 400.0),
        calibrator=model.calibration,
        threshold=0.1 + 0.2,  # a number that needs all its digits
        training_prevalence=0.5,
        fingerprint=classifier_fingerprint(model, {"seed": 0}),
        features=32,
    )


@pytest.fixture(scope="module")
def saved(tmp_path_factory) -> tuple[Path, PatchClassifier]:
    model = classifier()
    path = tmp_path_factory.mktemp("saved") / "classifier"
    save_classifier(model, path, metadata(model))
    return path, model


@pytest.fixture(scope="module")
def patches_hu() -> np.ndarray:
    return np.random.default_rng(1).integers(-1100, 500, (23, 40, 40)).astype(np.int16)


def test_what_comes_back_is_what_was_saved(saved, patches_hu):
    path, model = saved
    loaded = load_classifier(path)
    assert loaded.metadata == metadata(model)
    assert loaded.metadata.lungnet_version == lungnet.__version__
    probability, cluster = loaded.predict(patches_hu, batch_size=10)
    assert (probability.dtype, cluster.dtype) == (np.float32, np.int64)
    assert len(set(cluster.tolist())) > 1
    expected = model(patches_hu)
    np.testing.assert_allclose(probability, expected["probability"], atol=1e-6)
    np.testing.assert_array_equal(cluster, expected["cluster"])
    assert [len(found) for found in loaded.predict(patches_hu[:0])] == [0, 0]
    explained = loaded.explain(patches_hu, batch_size=10)
    np.testing.assert_allclose(explained["logit"], model.logit(patches_hu), atol=1e-5)
    np.testing.assert_array_equal(explained["cluster"], cluster)


def test_endpoints_by_name(saved, patches_hu):
    path, model = saved
    loaded = tf.saved_model.load(str(path / "Format-Serving"))
    found = loaded.signatures["explain"](patches_hu=tf.constant(patches_hu))
    expected = model.explain(patches_hu)
    assert set(found) == {"probability", "cluster", "logit", "cluster_margin", "other_probability"}
    for name, value in found.items():
        np.testing.assert_allclose(value, expected[name], atol=1e-5)
    served = loaded.signatures["serving_default"]
    assert set(served.structured_outputs) == {"probability", "cluster"}
    assert served.structured_input_signature[1]["patches_hu"].dtype == tf.int16


def test_it_converts_to_onnx(saved, patches_hu):
    """Comparisons instead of an argmin: no operator that opset 17 does not have."""
    import onnxruntime
    import tf2onnx

    path, _ = saved
    loaded = load_classifier(path)
    signature = loaded.signature("serving_default")
    spec = tf.TensorSpec((None, 40, 40), tf.int16, name="patches_hu")
    serve = tf.function(lambda patches_hu: signature(patches_hu=patches_hu), input_signature=[spec])
    model, _ = tf2onnx.convert.from_function(serve, [spec], opset=17)
    assert {node.op_type for node in model.graph.node}.isdisjoint({"ArgMin", "ArgMax", "Loop", "If", "Scan"})
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    for count in (1, 23):
        probability, cluster = session.run(["probability", "cluster"], {"patches_hu": patches_hu[:count]})
        expected = loaded.predict(patches_hu[:count])
        np.testing.assert_allclose(probability, expected[0], atol=1e-5)
        np.testing.assert_array_equal(cluster, expected[1])


def test_fingerprint_follows_weights_and_configuration_alone():
    model = classifier()
    fingerprint = classifier_fingerprint(model, {"a": 1, "b": 2})
    assert len(fingerprint) == 64
    assert classifier_fingerprint(classifier(), {"b": 2, "a": 1}) == fingerprint
    assert classifier_fingerprint(model, {"a": 1, "b": 3}) != fingerprint
    importance = np.asarray(model.head.importance.value)
    importance[5] = np.nextafter(importance[5], 1)
    model.head.importance.assign(importance)
    assert classifier_fingerprint(model, {"a": 1, "b": 2}) != fingerprint


def test_an_existing_classifier_is_not_overwritten(saved):
    path, model = saved
    with pytest.raises(InputError, match="exists already"):
        save_classifier(model, path, metadata(model))


def test_patches_of_another_kind_are_refused(saved, patches_hu):
    loaded = load_classifier(saved[0])
    for wrong in (patches_hu.astype(np.float32), patches_hu[:, :39], patches_hu[0]):
        with pytest.raises(InputError, match=r"must be int16 \(n, 40, 40\). Received: "):
            loaded.predict(wrong)


@pytest.fixture
def folder(saved, tmp_path) -> Path:
    """A folder that looks like the saved classifier, to be spoilt."""
    (tmp_path / "Format-Serving").symlink_to(saved[0] / "Format-Serving")
    (tmp_path / "classifier.json").write_text((saved[0] / "classifier.json").read_text())
    assert load_classifier(tmp_path).metadata.row == "gan_cae_calm"
    return tmp_path


def test_no_metadata(folder):
    (folder / "classifier.json").unlink()
    with pytest.raises(InputError, match=r"not a lungnet classifier; expected classifier.json in it"):
        load_classifier(folder)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ("{", "is not JSON"),
        ("[]", "must be a JSON object with calibrator, .* Received: list"),
        ({"threshold": None}, "must be a JSON object"),
        ({"calibrator": {"scale": 1.0, "slope": 2.0}}, "window_hu or calibrator"),
        ({"window_hu": [1.0]}, "window_hu or calibrator"),
    ],
)
def test_metadata_of_another_form(folder, change, match):
    file = folder / "classifier.json"
    if isinstance(change, dict):
        values = json.loads(file.read_text()) | change
        change = json.dumps({key: value for key, value in values.items() if value is not None})
    file.write_text(change)
    with pytest.raises(InputError, match=match):
        load_classifier(folder)


def test_no_saved_model(folder):
    (folder / "Format-Serving").unlink()
    with pytest.raises(InputError, match="holds no classifier"):
        load_classifier(folder)


def test_a_damaged_saved_model(folder):
    (folder / "Format-Serving").unlink()
    (folder / "Format-Serving").mkdir()
    (folder / "Format-Serving" / "saved_model.pb").write_text("no protobuf")
    with pytest.raises(InputError, match="TensorFlow cannot load"):
        load_classifier(folder)


def test_a_saved_model_of_something_else(folder):
    (folder / "Format-Serving").unlink()
    tf.saved_model.save(tf.Module(), str(folder / "Format-Serving"))
    with pytest.raises(InputError, match=r"expected the endpoints .* Missing: explain, serving_default"):
        load_classifier(folder)

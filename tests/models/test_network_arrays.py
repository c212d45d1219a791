import keras
import numpy as np
import pytest

from lungnet.config import CaeConfig, CalmConfig
from lungnet.errors import InputError
from lungnet.models import (
    CALM,
    Calibration,
    ConvolutionalAutoencoder,
    HounsfieldWindow,
    PatchClassifier,
    assemble_classifier,
    build_cnn,
    build_dense_autoencoder,
    fit_decision_tree,
    network_arrays,
)
from lungnet.models.feature_heads import train_logistic_regression
from lungnet.models.feature_network import FeatureNetwork
from lungnet.models.network_arrays import NETWORK_FILE, NetworkArrays, read_network, write_network

PATCHES_HU = np.random.default_rng(1).integers(-1100, 500, (9, 40, 40)).astype(np.int16)


def encoder(padding: str = "valid") -> keras.Model:
    return ConvolutionalAutoencoder(CaeConfig(filters=(4, 5, 6), padding=padding), seed=1).encoder


def calm_head(features: int, clusters: int = 2) -> CALM:
    head = CALM(CalmConfig(clusters=clusters, hidden=(8, 4)), features, seed=2)
    rng = np.random.default_rng(3)
    head.network.adapt(rng.uniform(0, 0.3, (50, features)).astype(np.float32))
    head.set_clusters(rng.uniform(0, 0.3, (clusters, features)), rng.random(features))
    return head


def logistic_head(features: int) -> keras.Model:
    rng = np.random.default_rng(4)
    return train_logistic_regression(rng.normal(size=(40, features)), np.arange(40) % 2)


def classifiers() -> dict[str, PatchClassifier]:
    platt = Calibration("platt", 1.7, -0.3)
    isotonic = Calibration("isotonic", 1.3, -0.2, (-0.4, -0.05, 0.1, 0.6), (-0.9, 2.5, -1.5, 3.0))
    return {
        "calm": assemble_classifier(encoder(), calm_head(54), calibration=platt),
        "calm of three clusters, same padding": assemble_classifier(encoder("same"), calm_head(150, 3)),
        "network": assemble_classifier(encoder(), FeatureNetwork(CalmConfig(hidden=(8, 4)), 54)),
        "logistic regression": assemble_classifier(encoder(), logistic_head(54), calibration=platt),
        "calm, isotonic": assemble_classifier(encoder(), calm_head(54), calibration=isotonic),
        "cnn": assemble_classifier(
            None, build_cnn(filters=(4, 5, 6), hidden=8, dropout=0.5), (-800.0, 200.0), platt
        ),
    }


def probability(arrays: NetworkArrays, patches_hu: np.ndarray) -> np.ndarray:
    """The definition of `NetworkArrays`, in float64 and loops."""
    low, high = arrays.window_hu
    maps = np.clip((patches_hu.astype(np.float64) - low) / (high - low), 0, 1)[..., None]
    for convolution in arrays.convolutions:
        size = convolution.kernel.shape[0]
        if arrays.padding == "same":
            reach = size // 2
            maps = np.pad(maps, ((0, 0), (reach, reach), (reach, reach), (0, 0)))
        windows = np.lib.stride_tricks.sliding_window_view(maps, (size, size), axis=(1, 2))
        maps = np.einsum("bijcrs,rscf->bijf", windows, convolution.kernel) + convolution.bias
        b, rows, columns, filters = np.maximum(maps, 0).shape
        maps = np.maximum(maps, 0).reshape(b, rows // 2, 2, columns // 2, 2, filters).max(axis=(2, 4))
    features = maps.reshape(len(maps), -1)
    hidden = features
    for number, dense in enumerate(arrays.dense):
        hidden = hidden @ dense.kernel + dense.bias
        if number == 0 and arrays.clusters is not None:
            centers, importance = arrays.clusters.centers, arrays.clusters.importance
            distance = (np.abs(features[:, None] - centers) * importance).sum(axis=-1)
            hidden = hidden + arrays.clusters.bias[distance.argmin(axis=1)]
        hidden = np.where(hidden < 0, hidden * dense.slope, hidden)
    return 1 / (1 + np.exp(-hidden[:, 0]))


@pytest.mark.parametrize("kind", classifiers())
def test_arrays_say_what_the_model_says(kind):
    model = classifiers()[kind]
    arrays = network_arrays(model)
    assert arrays is not None
    expected = model(PATCHES_HU)
    np.testing.assert_allclose(probability(arrays, PATCHES_HU), expected["probability"], atol=1e-5)
    assert np.ptp(expected["probability"]) > 1e-3
    calibrated = model.calibration(np.asarray(model.explain(PATCHES_HU)["logit"]))
    np.testing.assert_allclose(expected["probability"], calibrated, atol=1e-6)
    if "calm" in kind:
        assert len(set(np.asarray(expected["cluster"]).tolist())) > 1


def test_form_of_the_arrays():
    arrays = network_arrays(classifiers()["calm"])
    assert arrays is not None and arrays.clusters is not None
    assert arrays.window_hu == (-1000.0, 400.0)
    assert arrays.padding == "valid"
    assert [c.kernel.shape for c in arrays.convolutions] == [(5, 5, 1, 4), (3, 3, 4, 5), (3, 3, 5, 6)]
    assert [d.kernel.shape for d in arrays.dense] == [(54, 8), (8, 4), (4, 1)]
    assert [d.slope for d in arrays.dense] == [0.01, 0.01, 1.0]
    assert arrays.clusters.bias.shape == (2, 8)


@pytest.mark.parametrize("kind", ["calm", "cnn"])
def test_they_come_back_from_a_file(kind, tmp_path):
    arrays = network_arrays(classifiers()[kind])
    assert arrays is not None
    write_network(tmp_path, arrays)
    found = read_network(tmp_path)
    assert found is not None
    assert (found.clusters is None) == (arrays.clusters is None)
    np.testing.assert_array_equal(probability(found, PATCHES_HU), probability(arrays, PATCHES_HU))


def test_other_forms_have_no_arrays():
    autoencoder = build_dense_autoencoder(8, seed=0)
    code = keras.Model(autoencoder.input, autoencoder.get_layer("code").output)
    features = np.asarray(code(HounsfieldWindow()(PATCHES_HU)))
    tree = fit_decision_tree(features, np.arange(len(features)) % 2, 3, 0)
    head = keras.Model(code.input, tree(code.output))
    assert network_arrays(assemble_classifier(None, head)) is None


@pytest.mark.parametrize("change", ["stride", "activation", "no pooling", "pooling of 3", "two paddings"])
def test_convolutions_of_another_kind_have_no_arrays(change):
    patches = keras.Input((40, 40, 1))
    maps = keras.layers.Conv2D(
        2,
        5,
        strides=5 if change == "stride" else 1,
        activation="tanh" if change == "activation" else "relu",
    )(patches)
    if change != "no pooling":
        maps = keras.layers.MaxPooling2D(3 if change == "pooling of 3" else 2)(maps)
    if change == "two paddings":
        maps = keras.layers.MaxPooling2D(2)(
            keras.layers.Conv2D(2, 3, padding="same", activation="relu")(maps)
        )
    logit = keras.layers.Dense(1)(keras.layers.Flatten()(maps))
    assert network_arrays(assemble_classifier(None, keras.Model(patches, logit))) is None


def test_a_folder_without_arrays(tmp_path):
    assert read_network(tmp_path) is None


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x03\x04"])
def test_a_damaged_file_is_refused(tmp_path, content):
    (tmp_path / NETWORK_FILE).parent.mkdir()
    (tmp_path / NETWORK_FILE).write_bytes(content)
    with pytest.raises(InputError, match=r"network\.npz is not a network that lungnet wrote"):
        read_network(tmp_path)


def test_an_archive_of_something_else_is_refused(tmp_path):
    (tmp_path / NETWORK_FILE).parent.mkdir()
    np.savez(tmp_path / NETWORK_FILE, centers=np.zeros(3))
    with pytest.raises(InputError, match="is not a network that lungnet wrote"):
        read_network(tmp_path)

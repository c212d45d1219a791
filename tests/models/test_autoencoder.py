import keras
import numpy as np
import pytest
import tensorflow as tf

from lungnet.config import CaeConfig
from lungnet.models import ConvolutionalAutoencoder

SMALL = CaeConfig(filters=(3, 4), kernels=(5, 3))


def _patches(n=3):
    return np.random.default_rng(0).random((n, 40, 40, 1), np.float32)


@pytest.mark.parametrize("padding, features", [("valid", 450), ("same", 1250)])
def test_features_of_the_paper(padding, features):
    cae = ConvolutionalAutoencoder(CaeConfig(padding=padding))
    assert cae.encoder.output_shape == (None, features)
    assert cae(_patches()).shape == (3, 40, 40, 1)


def test_encoder_is_the_stages_one_after_the_other():
    cae = ConvolutionalAutoencoder(SMALL)
    maps = _patches()
    for stage in cae.stages:
        maps = stage.encode(maps)
    np.testing.assert_array_equal(cae.encoder(_patches()), np.reshape(maps, (3, -1)))
    assert [layer.name for layer in cae.encoder.layers[1:]] == [
        "convolution_1",
        "pooling_1",
        "convolution_2",
        "pooling_2",
        "features",
    ]


def test_valid_padding_slides_with_the_patch():
    """Eight pixels further is one feature further: what scanning a slice in one pass rests on."""
    cae = ConvolutionalAutoencoder(CaeConfig())
    slice_unit = np.random.default_rng(1).random((48, 40), np.float32)
    windows = np.stack([slice_unit[:40], slice_unit[8:48]])[..., None]
    upper, lower = np.asarray(cae.encoder(windows)).reshape(2, 3, 3, 50)
    np.testing.assert_allclose(upper[1:], lower[:-1], atol=1e-6)


@pytest.mark.parametrize("decoder", ["after_pool", "before_pool"])
@pytest.mark.parametrize("depth", [1, 2, None])
def test_reconstruction_through_any_depth(decoder, depth):
    cae = ConvolutionalAutoencoder(SMALL.model_copy(update={"decoder": decoder}))
    assert cae.reconstruct(_patches(), depth).shape == (3, 40, 40, 1)


def test_depth_must_be_a_layer():
    with pytest.raises(ValueError, match=r"within 1 to 2\. Received: depth=3"):
        ConvolutionalAutoencoder(SMALL).reconstruct(_patches(), 3)


def test_depth_one_is_the_first_layer_alone():
    cae = ConvolutionalAutoencoder(SMALL)
    np.testing.assert_array_equal(cae.reconstruct(_patches(), 1), cae.stages[0](_patches()))


@pytest.mark.parametrize("tied", [False, True])
def test_keras_file_round_trip(tmp_path, tied):
    cae = ConvolutionalAutoencoder(SMALL.model_copy(update={"tied": tied, "denoising": 0.1}), seed=4)
    for variable in cae.trainable_variables:
        variable.assign(variable + 0.01)
    cae.save(tmp_path / "cae.keras")
    cae.encoder.save(tmp_path / "encoder.keras")
    loaded = keras.models.load_model(tmp_path / "cae.keras")
    assert loaded.config == cae.config
    np.testing.assert_array_equal(loaded(_patches()), cae(_patches()))
    for encoder in (loaded.encoder, keras.models.load_model(tmp_path / "encoder.keras")):
        np.testing.assert_array_equal(encoder(_patches()), cae.encoder(_patches()))


def test_saved_model_round_trip(tmp_path):
    encoder = ConvolutionalAutoencoder(SMALL).encoder
    encoder.export(tmp_path / "encoder", verbose=False)
    loaded = tf.saved_model.load(tmp_path / "encoder")
    np.testing.assert_allclose(loaded.serve(_patches()), encoder(_patches()), atol=1e-6)

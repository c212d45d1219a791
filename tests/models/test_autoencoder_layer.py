import keras
import numpy as np
import pytest
from keras import layers, ops

from lungnet.models import ConvolutionalDecoder, LayerAutoencoder, MaskingNoise


def test_doubling_and_inverse_convolution_by_hand():
    decoder = ConvolutionalDecoder(channels=1, kernel_size=1)
    decoder.build((None, 1, 2, 1))
    decoder.kernel.assign(np.full((1, 1, 1, 1), 3.0))
    decoder.bias.assign([0.5])
    code = np.array([1.0, 2.0], np.float32).reshape(1, 1, 2, 1)
    assert np.asarray(decoder(code))[0, :, :, 0].tolist() == [[3.5, 3.5, 6.5, 6.5]] * 2
    assert np.asarray(decoder(code, upsample=False))[0, :, :, 0].tolist() == [[3.5, 6.5]]


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize("kernel_size", [1, 3, 4, 5])
@pytest.mark.parametrize("upsample", [True, False])
def test_it_is_the_transposed_convolution_of_the_doubled_map(padding, kernel_size, upsample):
    code = np.random.default_rng(0).random((2, 5, 5, 4), np.float32)
    decoder = ConvolutionalDecoder(3, kernel_size, padding, seed=1)
    plain = layers.Conv2DTranspose(3, kernel_size, padding=padding)
    decoder.build(code.shape)
    plain.build(code.shape)
    plain.set_weights([decoder.kernel, decoder.bias])
    doubled = layers.UpSampling2D(2)(code) if upsample else code
    np.testing.assert_allclose(decoder(code, upsample=upsample), plain(doubled), atol=1e-5)


def test_masking_noise_zeroes_its_share_and_keeps_the_rest():
    ones = np.ones((100, 10, 10, 1), np.float32)
    noisy = np.asarray(MaskingNoise(0.3, seed=2)(ones, training=True))
    assert set(np.unique(noisy)) == {0.0, 1.0}
    assert np.mean(noisy == 0) == pytest.approx(0.3, abs=0.02)
    np.testing.assert_array_equal(MaskingNoise(0.3, seed=2)(ones), ones)


@pytest.mark.parametrize("size, channels, kernel, pooled", [(40, 1, 5, 18), (18, 50, 3, 8), (8, 50, 3, 3)])
def test_sizes_of_the_paper(size, channels, kernel, pooled):
    stage = LayerAutoencoder(size, channels, 50, kernel)
    patches = np.zeros((2, size, size, channels), np.float32)
    assert stage.encode(patches).shape == (2, pooled, pooled, 50)
    assert stage(patches).shape == patches.shape
    assert stage.decode(stage.encode(patches)).shape == patches.shape


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize("decoder", ["after_pool", "before_pool"])
def test_reconstruction_has_the_input_shape(padding, decoder):
    patches = np.random.default_rng(0).random((2, 12, 12, 3), np.float32)
    assert LayerAutoencoder(12, 3, 4, 3, padding, decoder)(patches).shape == patches.shape


def test_before_pool_can_be_the_identity():
    stage = LayerAutoencoder(6, 1, 1, 1, decoder="before_pool")
    stage.convolution.kernel.assign(np.ones((1, 1, 1, 1)))
    stage.decoder.kernel.assign(np.ones((1, 1, 1, 1)))
    patches = np.random.default_rng(0).random((2, 6, 6, 1), np.float32)
    np.testing.assert_array_equal(stage(patches), patches)
    pooled = LayerAutoencoder(6, 1, 1, 1, decoder="after_pool")
    pooled.set_weights(stage.get_weights())
    np.testing.assert_array_equal(
        pooled(patches), np.repeat(np.repeat(stage.encode(patches), 2, axis=1), 2, axis=2)
    )


def test_tied_weights_are_one_kernel_that_both_sides_train():
    tied = LayerAutoencoder(8, 1, 4, 3, tied=True)
    assert tied.decoder.kernel is tied.convolution.kernel
    assert len(tied.trainable_variables) == 3  # kernel, and a bias on each side
    own = LayerAutoencoder(8, 1, 4, 3)
    assert len(own.trainable_variables) == 4


def test_noise_is_drawn_in_training_only():
    patches = np.random.default_rng(0).random((2, 8, 8, 1), np.float32)
    stage = LayerAutoencoder(8, 1, 4, 3, denoising=0.5, seed=1)
    assert not np.array_equal(stage(patches, training=True), stage(patches))
    clean = LayerAutoencoder(8, 1, 4, 3, denoising=0.0, seed=1)
    np.testing.assert_array_equal(stage(patches), clean(patches))


def test_layers_start_apart():
    first, second = LayerAutoencoder(8, 1, 4, 3, index=1), LayerAutoencoder(8, 1, 4, 3, index=2)
    assert not np.array_equal(first.get_weights()[0], second.get_weights()[0])
    other = LayerAutoencoder(8, 1, 4, 3, index=1, seed=1)
    assert not np.array_equal(first.get_weights()[0], other.get_weights()[0])


def test_an_odd_size_cannot_be_pooled():
    with pytest.raises(ValueError, match=r"Layer 2 must leave an even size.*kernel_size=2.*leaving 7"):
        LayerAutoencoder(8, 1, 4, 2, index=2)


def test_symbolic_shapes_are_known():
    maps = keras.Input((18, 18, 50))
    assert ConvolutionalDecoder(1, 5)(maps).shape == (None, 40, 40, 1)
    assert ops.shape(MaskingNoise(0.1)(maps))[1:] == (18, 18, 50)

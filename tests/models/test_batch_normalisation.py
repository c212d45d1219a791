import numpy as np
import pytest

from lungnet.models import build_cnn
from lungnet.models.batch_normalisation import fold_batch_normalisation, with_batch_normalisation
from lungnet.models.cnn import compile_for_training

rng = np.random.default_rng(0)
PATCHES = rng.random((64, 40, 40, 1), np.float32)


def network():
    return build_cnn(seed=1, filters=(3, 4), kernels=(5, 3), hidden=5)


def test_maps_of_a_training_batch_are_normalised_before_their_activation():
    plain = network()
    learner = with_batch_normalisation(plain)
    kernel, _ = plain.get_layer("convolution_1").get_weights()
    windows = np.lib.stride_tricks.sliding_window_view(PATCHES[..., 0], (5, 5), axis=(1, 2))
    maps = np.einsum("nhwij,ijf->nhwf", windows, kernel[:, :, 0])
    mean, variance = maps.mean((0, 1, 2)), maps.var((0, 1, 2))
    learner(PATCHES, training=True)
    running = learner.get_layer("convolution_1_normalisation").get_weights()[2:]
    np.testing.assert_allclose(running[0], 0.05 * mean, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(running[1], 0.95 + 0.05 * variance, rtol=1e-4)


def test_convolutions_take_the_normalisation_on():
    plain = network()
    learner = with_batch_normalisation(plain)
    trainer = compile_for_training(learner, True, 1e-2, 20, seed=0, shift=2)
    labels = (PATCHES.mean((1, 2, 3)) > np.median(PATCHES.mean((1, 2, 3)))).astype(np.float32)
    for _ in range(20):
        trainer.train_on_batch(PATCHES, labels)
    before = np.asarray(plain(PATCHES))
    fold_batch_normalisation(learner, plain)
    wanted = np.asarray(learner(PATCHES, training=False))
    np.testing.assert_allclose(plain(PATCHES), wanted, rtol=1e-4, atol=1e-4)
    assert np.abs(wanted - before).max() > 0.1
    assert [layer.name for layer in plain.layers] == [layer.name for layer in network().layers]


def test_without_convolutions_it_is_a_copy():
    plain = build_cnn(seed=1, filters=(), kernels=(), hidden=5)
    np.testing.assert_allclose(with_batch_normalisation(plain)(PATCHES), plain(PATCHES), rtol=1e-5)


@pytest.mark.parametrize("synchronized", [False, True])
def test_statistics_of_one_device_are_those_of_the_batch(synchronized: bool):
    learner = with_batch_normalisation(network(), synchronized)
    other = with_batch_normalisation(network())
    np.testing.assert_allclose(
        learner(PATCHES, training=True), other(PATCHES, training=True), rtol=1e-3, atol=1e-4
    )

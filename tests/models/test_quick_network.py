import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from lungnet.models import build_critic, build_generator
from lungnet.models.gan import gradient_norms
from lungnet.models.quick_network import QuickNetwork


def _with_biases(network, seed=0):
    """Biases begin at zero; here they do not, so that one that is left out is found."""
    rng = np.random.default_rng(seed)
    network.set_weights([w + 0.1 * rng.standard_normal(w.shape) for w in network.get_weights()])
    return network


def _operations(call, *shape):
    traced = tf.function(call).get_concrete_function(tf.TensorSpec(shape))
    return [operation.type for operation in traced.graph.get_operations()]


def test_generator_and_its_gradients():
    generator = _with_biases(build_generator(6, 2, seed=0))
    latent = np.random.default_rng(0).standard_normal((3, 6)).astype(np.float32)
    found = []
    for network in (QuickNetwork(generator), generator):
        with tf.GradientTape() as tape:
            patches = network(latent)
            loss = tf.reduce_sum(patches * tf.cos(tf.range(1600.0))[None, :, None][:, :1] + patches**2)
        found.append([patches, *tape.gradient(loss, generator.trainable_variables)])
    for one, two in zip(*found, strict=True):
        np.testing.assert_allclose(one, two, rtol=2e-4, atol=2e-5)
    assert "ResizeBilinear" not in _operations(QuickNetwork(generator), 3, 6)
    assert "ResizeBilinear" in _operations(generator, 3, 6)


def test_critic_and_the_gradient_of_its_penalty():
    critic = _with_biases(build_critic(2, seed=0))
    points = tf.constant(np.random.default_rng(0).random((3, 40, 40, 1)), tf.float32)
    found = []
    for network in (QuickNetwork(critic), critic):
        with tf.GradientTape() as tape:
            scores, norms = network(points), gradient_norms(network, points)
            loss = tf.reduce_mean((norms - 1.0) ** 2) - tf.reduce_mean(scores)
        found.append([scores, norms, *tape.gradient(loss, critic.trainable_variables)])
    for one, two in zip(*found, strict=True):
        np.testing.assert_allclose(one, two, rtol=2e-4, atol=2e-5)


def test_the_penalty_makes_no_backward_pass_of_zeros():
    critic = build_critic(2, seed=0)

    def gradient(network):
        def call(points):
            with tf.GradientTape() as tape:
                loss = tf.reduce_sum(gradient_norms(network, points))
            return [g for g in tape.gradient(loss, critic.trainable_variables) if g is not None]

        return _operations(call, 3, 40, 40, 1)

    quick, plain = gradient(QuickNetwork(critic)), gradient(critic)
    # Each of three layers: forward, backward (a plain convolution), and forward again behind the norm.
    assert quick.count("LeakyReluGrad") == 6
    assert plain.count("LeakyReluGrad") > 6


def _odd_network(kind):
    patches = keras.Input((6, 6, 1))
    if kind == "unknown layer":
        return keras.Model(patches, layers.Dropout(0.5)(layers.Flatten()(patches)))
    once = layers.Conv2D(1, 3, padding="same")(patches)
    if kind == "branches":
        return keras.Model(patches, layers.Add()([patches, once]))
    if kind == "even kernel":
        return keras.Model(patches, layers.Conv2D(2, 4, strides=2, padding="same")(once))
    if kind == "odd size":
        inside = layers.Conv2D(2, 2)(patches)
        return keras.Model(patches, layers.Conv2D(2, 3, strides=2, padding="same")(inside))
    doubled = layers.UpSampling2D(2, interpolation="nearest")(once)
    return keras.Model(patches, layers.Conv2D(1, 3, padding="same", activation="relu")(doubled))


@pytest.mark.parametrize("kind", ["branches", "even kernel", "odd size", "nearest"])
def test_other_networks_give_what_they_give(kind):
    network = _with_biases(_odd_network(kind))
    x = np.random.default_rng(1).random((2, 6, 6, 1), np.float32)
    np.testing.assert_allclose(QuickNetwork(network)(x), network(x), rtol=1e-5, atol=1e-6)


def test_a_layer_that_depends_on_training_is_left_to_keras():
    x = np.ones((4, 6, 6, 1), np.float32)
    dropped = np.asarray(QuickNetwork(_odd_network("unknown layer"))(x))
    assert set(np.unique(dropped)) == {0.0, 2.0}  # the networks of a GAN are called while they train

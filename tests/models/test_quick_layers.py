import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from lungnet.models.quick_layers import (
    doubling_convolution,
    doubling_matrix,
    halving_convolution,
    phase_kernel,
    piecewise_linear,
    spreading_convolution,
)


def _normal(*shape, seed=0):
    return tf.constant(np.random.default_rng(seed).standard_normal(shape), tf.float32)


def _derivatives(function, x, kernel):
    """A function's value, its gradients, and that of its gradient's norm by the kernel, as in WGAN-GP."""
    weights = tf.cos(tf.range(tf.size(function(x, kernel)), dtype=tf.float32))
    with tf.GradientTape() as outer:
        outer.watch([x, kernel])
        with tf.GradientTape() as inner:
            inner.watch([x, kernel])
            value = function(x, kernel)
            total = tf.reduce_sum(tf.reshape(value, [-1]) * weights)
        gradients = inner.gradient(total, [x, kernel])
        norm = tf.sqrt(tf.reduce_sum(gradients[0] ** 2))
    return [value, *gradients, outer.gradient(norm, kernel)]


def _assert_alike(found, expected):
    assert len(found) == len(expected)
    for one, two in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-5, atol=1e-5 * float(tf.reduce_max(tf.abs(two))))


def test_leaky_relu_by_hand():
    x = tf.constant([-2.0, 0.0, 3.0])
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = piecewise_linear(x, 0.2)
    np.testing.assert_allclose(y, [-0.4, 0.0, 3.0], rtol=1e-6)
    np.testing.assert_allclose(tape.gradient(y, x), [0.2, 0.2, 1.0], rtol=1e-6)


def test_second_derivative_of_leaky_relu_is_nothing_but_that_by_what_comes_from_above_is_there():
    x, factor = tf.constant([-2.0, 3.0]), tf.constant([5.0, 7.0])
    with tf.GradientTape(persistent=True) as outer:
        outer.watch([x, factor])
        with tf.GradientTape() as inner:
            inner.watch(x)
            total = tf.reduce_sum(factor * piecewise_linear(x, 0.2))
        gradient = inner.gradient(total, x)
    np.testing.assert_allclose(gradient, [1.0, 7.0], rtol=1e-6)
    assert outer.gradient(gradient, x) is None
    np.testing.assert_allclose(outer.gradient(gradient, factor), [0.2, 1.0], rtol=1e-6)


def test_phases_by_hand():
    # A row of a kernel, no padding before: x[2 i] meets 1, x[2 i + 1] meets 2, x[2 i + 2] meets 3.
    kernel = tf.reshape(tf.constant([1.0, 2.0, 3.0]), (1, 3, 1, 1))
    # So pixel 2 j gets 1 from output j and 3 from output j - 1, pixel 2 j + 1 gets 2 from output j.
    found = phase_kernel(kernel)[0, :, 0]
    np.testing.assert_array_equal(found[:, :2], [[3, 0], [1, 2], [0, 0]])


@pytest.mark.parametrize("size", [(1, 1), (3, 3), (5, 5), (7, 3)])
def test_halving_is_the_strided_convolution_and_so_are_its_derivatives(size):
    x, kernel = _normal(2, 8, 12, 3), _normal(*size, 3, 4, seed=1)

    def plain(x, kernel):
        return tf.nn.conv2d(x, kernel, strides=2, padding="SAME")

    _assert_alike(_derivatives(halving_convolution, x, kernel), _derivatives(plain, x, kernel))


@pytest.mark.parametrize("size", [(2, 2), (6, 4)])
def test_spreading_is_the_transposed_convolution_and_so_are_its_derivatives(size):
    maps, kernel = _normal(2, 4, 5, 3), _normal(*size, 2, 3, seed=1)
    shape = (2, 8 + size[0] - 2, 10 + size[1] - 2, 2)

    def plain(maps, kernel):
        return tf.nn.conv2d_transpose(maps, kernel, shape, strides=2, padding="VALID")

    assert spreading_convolution(maps, kernel).shape == shape
    _assert_alike(_derivatives(spreading_convolution, maps, kernel), _derivatives(plain, maps, kernel))


def test_doubling_by_hand():
    # Pixels a, b double to a, (3 a + b) / 4, (a + 3 b) / 4, b; a kernel of 1 leaves them.
    np.testing.assert_array_equal(doubling_matrix(2, 1), [[1, 0.75, 0.25, 0], [0, 0.25, 0.75, 1]])
    # The kernel's first weight shifts to the right, its last one to the left, and nothing comes in.
    one = [[0, 1, 0.75, 0.25], [1, 0.75, 0.25, 0], [0.75, 0.25, 0, 0]]
    two = [[0, 0, 0.25, 0.75], [0, 0.25, 0.75, 1], [0.25, 0.75, 1, 0]]
    np.testing.assert_array_equal(doubling_matrix(2, 3), one + two)


@pytest.mark.parametrize("size, filters", [((3, 3), 1), ((5, 3), 2)])
def test_doubling_is_upsampling_and_convolution_and_so_are_its_derivatives(size, filters):
    x, kernel = _normal(2, 5, 6, 3), _normal(*size, 3, filters, seed=1)
    upsampling = layers.UpSampling2D(2, interpolation="bilinear")

    def plain(x, kernel):
        return tf.nn.conv2d(upsampling(x), kernel, strides=1, padding="SAME")

    # TensorFlow has no second derivative of the doubling; a generator needs none.
    _assert_alike(*(_derivatives(function, x, kernel)[:3] for function in (doubling_convolution, plain)))

"""What some layers compute, in less time than Keras' layers take for it.

A step of WGAN-GP differentiates the critic's gradient by its weights. Much of its time is not arithmetic:
TensorFlow carries a gradient of zeros through the critic, and convolutions to a single channel (of which the
autoencoder has one as well) leave a processor's vectors empty. The results are those of the Keras layers that
each function names, but for the order of sums.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

#: Channels up to which phases gain: they may cost several times the multiplications, of which a processor
#: then makes many more at a time.
FEW_CHANNELS = 3


def piecewise_linear(x: Any, slope: float) -> Any:
    """Returns what `LeakyReLU` returns, with a second derivative of nothing instead of zeros.

    A gradient of nothing ends where it arises; TensorFlow's zeros are carried back through all layers below.
    Gradients ask the result, whose signs are those of `x`, so that TensorFlow can make one operation of
    convolution, bias and this.

    Args:
        x: float32 tensor.
        slope: below 0; at least 0.
    """

    @tf.custom_gradient
    def leaky(x: Any) -> Any:
        y = tf.nn.leaky_relu(x, slope)
        return y, lambda upstream: _times_slope(upstream, y, slope)

    return leaky(x)


def _times_slope(values: Any, y: Any, slope: float) -> Any:
    """Returns values where y is above 0, and the others times the slope; y counts as a constant."""

    @tf.custom_gradient
    def times(values: Any, y: Any) -> Any:
        def gradient(upstream: Any) -> tuple[Any, None]:
            return _times_slope(upstream, y, slope), None

        return tf.raw_ops.LeakyReluGrad(gradients=values, features=y, alpha=slope), gradient

    return times(values, y)


def halving_convolution(x: Any, kernel: Any) -> Any:
    """Returns what `Conv2D` with strides of 2 and same padding returns before the bias.

    Of each 2 x 2 pixels of the input, one meets a quarter of the kernel's weights. So the gradient by the
    input is a plain convolution with one channel for each of the four, which are put side by side afterwards:
    several times faster for an input of one channel.

    Args:
        x: float32 tensor `(batch, rows, columns, channels)`, rows and columns even.
        kernel: float32 tensor `(down, along, channels, filters)`, down and along odd.

    Returns:
        float32 `(batch, rows / 2, columns / 2, filters)`.
    """

    @tf.custom_gradient
    def convolve(x: Any, kernel: Any) -> Any:
        def gradient(upstream: Any) -> tuple[Any, Any]:
            return spread(upstream, kernel), _kernel_gradient(x, upstream, kernel)

        return _strided(x, kernel), gradient

    @tf.custom_gradient
    def spread(maps: Any, kernel: Any) -> Any:
        def gradient(upstream: Any) -> tuple[Any, Any]:
            return _strided(upstream, kernel), _kernel_gradient(upstream, maps, kernel)

        phases = tf.nn.conv2d(maps, phase_kernel(kernel), strides=1, padding="SAME")
        return tf.nn.depth_to_space(phases, 2), gradient

    return convolve(x, kernel)


def _strided(x: Any, kernel: Any) -> Any:
    return tf.nn.conv2d(x, kernel, strides=2, padding="SAME")


def _kernel_gradient(x: Any, upstream: Any, kernel: Any) -> Any:
    sizes, strides = kernel.shape, [1, 2, 2, 1]
    return tf.raw_ops.Conv2DBackpropFilter(
        input=x, filter_sizes=sizes, out_backprop=upstream, strides=strides, padding="SAME"
    )


def phase_kernel(kernel: Any) -> Any:
    """Returns the kernel of the plain convolution that gives a halving one's gradient by its input.

    Args:
        kernel: float32 tensor `(down, along, channels, filters)`, down and along odd.

    Returns:
        float32 `(down', along', filters, 4 * channels)`, the last as `tf.nn.depth_to_space` takes it; down'
        is odd and about half of down.
    """
    padding = []
    for size in kernel.shape[:2]:
        # Weight number r joins row i of the output to row 2 i + r - before of the input. Seen from row
        # 2 j + p of the input that is r = p + before + 2 (j - i): every other weight, in reverse order.
        before = max(size - 2, 0) // 2
        reach = max((before + 1) // 2, (size - 1 - before) // 2)
        ahead = 2 * reach - before
        padding.append((ahead, 2 * (2 * reach + 1) - size - ahead))
    return _phases(tf.pad(kernel, [*padding, (0, 0), (0, 0)]))


def _phases(kernel: Any) -> Any:
    """Returns `(down / 2, along / 2, filters, 4 * channels)`: the weights that each of 2 x 2 pixels meets."""
    down, along, channels, filters = kernel.shape
    apart = tf.reshape(kernel, (down // 2, 2, along // 2, 2, channels, filters))
    turned = tf.transpose(apart[::-1, :, ::-1], (0, 2, 5, 1, 3, 4))
    return tf.reshape(turned, (down // 2, along // 2, filters, 4 * channels))


def spreading_convolution(maps: Any, kernel: Any) -> Any:
    """Returns what `Conv2DTranspose` with strides of 2 and valid padding returns before the bias.

    As a plain convolution for each of 2 x 2 pixels, which is several times faster for few channels.

    Args:
        maps: float32 tensor `(batch, rows, columns, filters)`.
        kernel: float32 tensor `(down, along, channels, filters)`, down and along even.

    Returns:
        float32 `(batch, 2 * rows + down - 2, 2 * columns + along - 2, channels)`.
    """
    around = [(size // 2 - 1,) * 2 for size in kernel.shape[:2]]
    padded = tf.pad(maps, [(0, 0), *around, (0, 0)])
    return tf.nn.depth_to_space(tf.nn.conv2d(padded, _phases(kernel), strides=1, padding="VALID"), 2)


def doubling_convolution(x: Any, kernel: Any) -> Any:
    """Returns what `UpSampling2D(2, interpolation="bilinear")` and then `Conv2D` with same padding return.

    Channels are summed first, on the small map, for each weight of the kernel apart; doubling and shifting
    are then two products with one matrix, over rows and over columns. For few filters that is many times
    faster than to double all channels and to convolve them.

    Args:
        x: float32 tensor `(batch, rows, columns, channels)`.
        kernel: float32 tensor `(down, along, channels, filters)`, down and along odd.

    Returns:
        float32 `(batch, 2 * rows, 2 * columns, filters)`, before the bias.
    """
    rows, columns = x.shape[1:3]
    down, along, channels, filters = kernel.shape
    weights = tf.reshape(tf.transpose(kernel, (2, 0, 1, 3)), (channels, down * along * filters))
    sums = tf.reshape(tf.tensordot(x, weights, 1), (-1, rows, columns, down, along, filters))
    sums = tf.reshape(tf.transpose(sums, (0, 5, 2, 4, 1, 3)), (-1, filters, columns * along, rows * down))
    tall = tf.tensordot(sums, doubling_matrix(rows, down), 1)
    doubled = tf.tensordot(tf.transpose(tall, (0, 1, 3, 2)), doubling_matrix(columns, along), 1)
    return tf.transpose(doubled, (0, 2, 3, 1))


def doubling_matrix(size: int, kernel_size: int) -> npt.NDArray[np.float32]:
    """Returns what doubling and one row of a kernel do to one line of pixels.

    Args:
        size: pixels of the line.
        kernel_size: odd.

    Returns:
        float32 `(size * kernel_size, 2 * size)`: row `i * kernel_size + k` holds what pixel i gives, through
        the weight number k, to each pixel of the doubled line. Doubling is bilinear, with the outermost
        pixels going on beyond the edge; outside the doubled line is nothing (same padding).
    """
    places = np.arange(2 * size)
    source = (places + 0.5) / 2 - 0.5
    lower = np.floor(source).astype(np.int64)
    doubling = np.zeros((2 * size, size), np.float32)
    for neighbour, share in ((lower, lower + 1 - source), (lower + 1, source - lower)):
        np.add.at(doubling, (places, np.clip(neighbour, 0, size - 1)), share)
    around = np.pad(doubling, ((kernel_size // 2,) * 2, (0, 0)))
    taps = np.stack([around[k : k + 2 * size] for k in range(kernel_size)])
    return taps.transpose(2, 0, 1).reshape(size * kernel_size, 2 * size)

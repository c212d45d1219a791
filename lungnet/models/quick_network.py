"""A Keras network computed by quicker layers with the same weights, for training alone."""

from itertools import pairwise
from typing import Any

import keras
import tensorflow as tf
from keras import layers

from lungnet.models.quick_layers import (
    FEW_CHANNELS,
    doubling_convolution,
    halving_convolution,
    piecewise_linear,
)

#: None of them depends on whether the network trains.
_KNOWN = (
    layers.InputLayer,
    layers.Conv2D,
    layers.Conv2DTranspose,
    layers.Dense,
    layers.Flatten,
    layers.LeakyReLU,
    layers.Reshape,
    layers.UpSampling2D,
)


class QuickNetwork:
    """Computes what a network computes, with its weights, in less time (see `quick_layers`).

    The network itself stays one of plain Keras layers, which files and other programs know. It is no layer,
    so that a model that has one as an attribute does not count the weights twice. A network that is no chain
    of layers of the usual kinds is called as it is.

    Args:
        network: built.

    Call arguments:
        inputs: as for the network.
    """

    def __init__(self, network: keras.Model) -> None:
        self._network = network
        self._is_chain = _is_chain(network)

    def __call__(self, inputs: Any) -> Any:
        """Returns the network's output."""
        if not self._is_chain:
            return self._network(inputs, training=True)
        x, doubled = inputs, False
        for layer, following in pairwise([*self._network.layers, None]):
            if isinstance(layer, layers.InputLayer):
                continue
            if _doubles(layer) and _is_plain_convolution(following):
                doubled = True  # by the convolution, at once
            elif isinstance(layer, layers.LeakyReLU) and layer.negative_slope >= 0:
                x = piecewise_linear(x, layer.negative_slope)
            elif doubled:
                x = _finish(layer, doubling_convolution(x, tf.convert_to_tensor(layer.kernel)))
                doubled = False
            elif _halves(layer, x):
                x = _finish(layer, halving_convolution(x, tf.convert_to_tensor(layer.kernel)))
            else:
                x = layer(x)
        return x


def _is_chain(network: keras.Model) -> bool:
    """Whether a network takes each layer once, one after the other, and knows all of them."""
    found = network.layers
    return (
        len(found) > 1
        and all(type(layer) in _KNOWN for layer in found)
        and all(len(layer._inbound_nodes) == 1 for layer in found)
        and network.input is found[0].output
        and all(after.input is before.output for before, after in pairwise(found))
        and network.output is found[-1].output
    )


def _doubles(layer: Any) -> bool:
    """Whether a layer doubles maps bilinearly."""
    return (
        isinstance(layer, layers.UpSampling2D)
        and layer.size == (2, 2)
        and layer.interpolation == "bilinear"
        and layer.data_format == "channels_last"
    )


def _is_plain_convolution(layer: Any) -> bool:
    """Whether a layer is a convolution with same padding, an odd kernel and no strides."""
    return _is_same_convolution(layer) and layer.strides == (1, 1)


def _halves(layer: Any, x: Any) -> bool:
    """Whether a layer is a convolution with same padding and an odd kernel that halves few channels."""
    *sizes, channels = x.shape[1:]
    return (
        _is_same_convolution(layer)
        and layer.strides == (2, 2)
        and channels <= FEW_CHANNELS
        and not any(size % 2 for size in sizes)
    )


def _is_same_convolution(layer: Any) -> bool:
    return (
        type(layer) is layers.Conv2D
        and layer.padding == "same"
        and layer.groups == 1
        and layer.dilation_rate == (1, 1)
        and all(size % 2 for size in layer.kernel_size)
        and layer.data_format == "channels_last"
    )


def _finish(layer: layers.Conv2D, maps: Any) -> Any:
    """Adds a convolution's bias and applies its activation."""
    if layer.use_bias:
        maps = tf.nn.bias_add(maps, tf.convert_to_tensor(layer.bias))
    return layer.activation(maps) if layer.activation is not None else maps

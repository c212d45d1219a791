"""Batch normalisation while a network trains, and none of it afterwards.

Convolutions learn faster, and the patches of a batch that each one meets disturb it a little, which keeps it
from learning by heart. In inference a normalisation is a scale and a shift for each channel: convolutions
take them on, so that the network that is kept has the layers of the paper and costs what they cost.
"""

from typing import Any

import keras
import numpy as np
from keras import layers

#: Share of the running means and variances that stays at each update.
MOMENTUM = 0.95


def with_batch_normalisation(network: keras.Model, synchronized: bool = False) -> keras.Model:
    """Builds a chain's copy that normalises what each convolution gives before its activation.

    Args:
        network: a functional model whose layers follow one another, `Conv2D` among them; it is not changed.
        synchronized: whether the devices of a strategy normalise by the statistics of the whole batch (a
            row counts twice where they cannot share it evenly).

    Returns:
        A model with the network's weights, normalisations that begin with scale 1 and shift 0, and the same
        input and output shapes. Its convolutions have no bias: a normalisation takes any off again.
    """
    first, *rest = network.layers
    values = inputs = keras.Input(first.batch_shape[1:], name=first.name)
    for layer in rest:
        config, weights = layer.get_config(), layer.get_weights()
        if not isinstance(layer, layers.Conv2D):
            copy = type(layer).from_config(config)
            values = copy(values)
        else:
            copy = layers.Conv2D.from_config(config | {"activation": None, "use_bias": False})
            normalisation = layers.BatchNormalization(
                momentum=MOMENTUM, synchronized=synchronized, name=f"{layer.name}_normalisation"
            )
            activation = layers.Activation(config["activation"], name=f"{layer.name}_activation")
            values = activation(normalisation(copy(values)))
            weights = weights[:1]
        copy.set_weights(weights)
    return keras.Model(inputs, values, name=network.name)


def fold_batch_normalisation(normalised: keras.Model, network: keras.Model) -> None:
    """Gives a network the weights with which it computes what its normalised copy does in inference.

    Args:
        normalised: from `with_batch_normalisation(network)`, trained.
        network: whose weights are replaced.
    """
    for layer in network.layers[1:]:
        weights = normalised.get_layer(layer.name).get_weights()
        if isinstance(layer, layers.Conv2D):
            normalisation = normalised.get_layer(f"{layer.name}_normalisation")
            weights = _folded(weights[0], normalisation)
        layer.set_weights(weights)


def _folded(kernel: Any, normalisation: layers.BatchNormalization) -> list[Any]:
    """Returns the kernel and the bias that do what the normalisation does."""
    gamma, beta, mean, variance = (np.asarray(weight, np.float64) for weight in normalisation.get_weights())
    scale = gamma / np.sqrt(variance + normalisation.epsilon)
    return [kernel * scale, beta - mean * scale]

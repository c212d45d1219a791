"""How well an autoencoder gives back what it has not learned from."""

import keras
import numpy as np
import numpy.typing as npt

#: Inputs at a time.
CHUNK = 256


def reconstruction_error(autoencoder: keras.Model, inputs: npt.NDArray[np.float32]) -> float:
    """Returns the mean squared error per value over all inputs.

    Args:
        autoencoder: compiled with the loss "mean_squared_error"; its weights and seeds stay as they are.
        inputs: float32 `(n, ...)`, at least one.

    Raises:
        ValueError: there are no inputs.
    """
    if len(inputs) == 0:
        raise ValueError("inputs must hold at least one. Received: none")
    total = 0.0
    for start in range(0, len(inputs), CHUNK):
        chunk = inputs[start : start + CHUNK]
        total += autoencoder.test_on_batch(chunk, chunk, return_dict=True)["loss"] * len(chunk)
    return total / len(inputs)

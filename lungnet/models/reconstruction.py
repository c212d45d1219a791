"""How well an autoencoder gives back what it has not learned from."""

import numpy as np
import numpy.typing as npt

from lungnet.models.distribution import Update

#: Inputs at a time.
CHUNK = 256


def reconstruction_error(look: Update, inputs: npt.NDArray[np.float32]) -> float:
    """Returns the mean squared error per value over all inputs.

    Args:
        look: from `Distribution.looks`, of an autoencoder whose loss is "mean_squared_error".
        inputs: float32 `(n, ...)`, at least one.

    Raises:
        ValueError: there are no inputs.
    """
    if len(inputs) == 0:
        raise ValueError("inputs must hold at least one. Received: none")
    total = 0.0
    for start in range(0, len(inputs), CHUNK):
        chunk = inputs[start : start + CHUNK]
        total += look(chunk, chunk)["loss"] * len(chunk)
    return total / len(inputs)

"""What of a Keras training goes into a checkpoint besides its curves."""

from collections.abc import Iterable
from typing import Any

import keras
import numpy as np

from lungnet.models.checkpoints import Checkpoints, checkpoint_due
from lungnet.models.packed_states import State


class Variables:
    """Weights, seed generators and optimizer variables, known by their order.

    Their names say nothing: Keras numbers layers through all models of a process.

    Args:
        holders: models and optimizers, built; a learning-rate schedule follows `iterations`, which is
            a variable of the optimizer.
    """

    def __init__(self, *holders: keras.Model | keras.optimizers.Optimizer) -> None:
        self._variables = [
            variable
            for holder in holders
            for variable in holder.variables
            # Those of metrics begin anew at every report; on several devices to read one is to sum it up.
            if variable.synchronization != "on_read"
        ]

    def state(self) -> State:
        """Returns the value of each variable by its number."""
        return numbered(keras.ops.convert_to_numpy(variable) for variable in self._variables)

    def restore(self, state: State) -> None:
        """Assigns all values, or none.

        Raises:
            ValueError: another number of variables, or one of another shape or dtype.
        """
        values = listed(state) or []
        here, there = ([(v.shape, v.dtype) for v in vs] for vs in (self.state().values(), values))
        if here != there:
            raise ValueError("it has other variables, or variables of other shapes")
        for variable, value in zip(self._variables, values, strict=True):
            variable.assign(value)


class BestWeights:
    """The weights that a model had when it did best.

    Args:
        model: whose weights are watched.
    """

    def __init__(self, model: keras.Model) -> None:
        self._model = model
        self._quality: tuple[float, ...] = (-np.inf,)
        self._weights: list[Any] | None = None

    def offer(self, *quality: float) -> None:
        """Keeps the present weights if `quality` is above all before, compared as tuples are."""
        if quality > self._quality:
            self._quality, self._weights = quality, self._model.get_weights()

    def put_back(self) -> None:
        """Gives the model the weights that were kept, if any were."""
        if self._weights is not None:
            self._model.set_weights(self._weights)

    def state(self) -> State:
        """Returns the quality and the weights kept so far."""
        return {"quality": list(self._quality), **numbered(self._weights)}

    def restore(self, state: State) -> None:
        """Takes on what `state` gave."""
        self._quality = tuple(state["quality"])
        self._weights = listed(state)


def numbered(weights: Iterable[Any] | None) -> State:
    """Returns weights by their number; None gives no entry."""
    return {} if weights is None else {str(i): np.asarray(value) for i, value in enumerate(weights)}


def listed(state: State) -> list[Any] | None:
    """Returns the weights that `numbered` put into a state, None where there are none."""
    weights = [state[str(i)] for i in range(sum(name.isdigit() for name in state))]
    return weights or None


class SaveCheckpoint(keras.callbacks.Callback):
    """Saves checkpoints at ends of epochs of `fit`; belongs behind callbacks that change the state.

    Args:
        checkpoints: whose unit of work is an epoch.
        interval: epochs from one checkpoint to the next; there is one at the last epoch as well.
    """

    def __init__(self, checkpoints: Checkpoints, interval: int = 1) -> None:
        super().__init__()
        self._checkpoints, self._interval = checkpoints, interval

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Saves, if it is time."""
        if checkpoint_due(epoch + 1, self._interval) or epoch + 1 == self.params["epochs"]:
            self._checkpoints.save(epoch + 1)

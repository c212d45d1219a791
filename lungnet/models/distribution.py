"""Training on one device, on the GPUs of a machine, or on several machines (`tf.distribute`).

A training builds its models and optimizers within `Distribution.scope` and makes its updates by
`Distribution.updates`; everything else it does as on one device. Several machines run the same training on
the same data, each in a process of its own; what one of them decides alone (where a checkpoint goes on, how
samples are clustered) it has from the chief.
"""

import contextlib
import functools
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import keras

from lungnet.errors import InputError
from lungnet.models.checkpoints import Checkpoints
from lungnet.models.packed_states import State
from lungnet.models.replica_steps import ReplicaStep, supervised_step

#: `(arrays of a batch) -> means over the batch, by name`.
Update = Callable[..., dict[str, float]]
Model = TypeVar("Model", bound=keras.Model)

#: Samples that are looked at at a time after an epoch.
VALIDATION_BATCH = 1024


class Distribution:
    """One device, and what the trainings ask of several.

    Attributes:
        is_chief: whether this process keeps logs, checkpoints and the result.
        replicas: devices that share a batch.
        takes_xla: whether XLA may compile an update.
    """

    is_chief = True
    replicas = 1
    takes_xla = True

    def scope(self) -> contextlib.AbstractContextManager[Any]:
        """Returns the context in which models and optimizers are built."""
        return contextlib.nullcontext()

    def updates(self, model: keras.Model, step: ReplicaStep = supervised_step) -> Update:
        """Returns the function that makes one update of a compiled model.

        Args:
            model: built within `scope`; its optimizers too.
            step: what a replica does where there are several.
        """
        return functools.partial(model.train_on_batch, return_dict=True)

    def looks(self, model: keras.Model) -> Update:
        """Returns the function that says a compiled model's loss on a batch, and changes nothing."""
        return functools.partial(model.test_on_batch, return_dict=True)

    def fit(
        self,
        model: keras.Model,
        batches: Any,
        *,
        initial_epoch: int,
        epochs: int,
        validation_data: tuple[Any, Any] | None,
        callbacks: Sequence[keras.callbacks.Callback],
    ) -> None:
        """Trains a classifier of class probabilities, as `keras.Model.fit` does.

        Args:
            model: compiled by `compile_classifier` within `scope`.
            batches: a `tf.data.Dataset` of (features, labels), gone through once an epoch.
            initial_epoch: epochs that are done.
            epochs: at which training ends, unless a callback stops it.
            validation_data: features and labels that are looked at after each epoch.
            callbacks: told of the beginning and the end of the training and of each epoch.
        """
        model.fit(
            batches,
            initial_epoch=initial_epoch,
            epochs=epochs,
            shuffle=False,  # the dataset is in its order already
            validation_data=validation_data,
            validation_batch_size=VALIDATION_BATCH,
            callbacks=list(callbacks),
            verbose=0,
        )

    def kept(self, folder: str | os.PathLike[str] | None) -> str | os.PathLike[str] | None:
        """Returns the folder where this process may leave something: none, unless it is the chief."""
        return folder if self.is_chief else None

    def from_chief(self, states: Callable[[], Mapping[str, State]]) -> dict[str, dict[str, Any]] | None:
        """Gives all other processes what the chief has; all of them must call this.

        Args:
            states: called on the chief alone.

        Returns:
            What `states` gave on the chief, or None on the chief itself.
        """
        return None

    def resume(self, checkpoints: Checkpoints) -> int:
        """Goes on from the chief's newest checkpoint, wherever the other processes are.

        Returns:
            The work done by then.

        Raises:
            InputError: this process trains on other data or with other settings than the chief.
        """
        done = checkpoints.resume() if self.is_chief else 0
        states = self.from_chief(
            lambda: {**checkpoints.states(), "_training": {"id": checkpoints.training, "done": done}}
        )
        if states is None:
            return done
        training = states.pop("_training")
        if training["id"] != checkpoints.training:
            raise InputError(
                "This worker trains on other data, with other settings or by another version of lungnet than "
                "the chief; expected the same on every machine."
            )
        checkpoints.restore(states)
        return int(training["done"])

    def chiefs(self, values: dict[str, float]) -> dict[str, float]:
        """Returns the chief's values, so that all processes decide alike by them."""
        states = self.from_chief(lambda: {"values": values})
        return values if states is None else states["values"]

    def released(self, model: Model, build: Callable[[], Model]) -> Model:
        """Returns the trained model as one that knows of no other device.

        Args:
            model: of this distribution.
            build: makes such a model anew.
        """
        return model

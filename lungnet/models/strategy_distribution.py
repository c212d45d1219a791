"""Training under a strategy of TensorFlow, in one process or in several."""

import contextlib
import functools
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from lungnet.config import Cluster
from lungnet.errors import InputError
from lungnet.models.distribution import VALIDATION_BATCH, Distribution, Model, Update
from lungnet.models.packed_states import State, pack_states, unpack_states
from lungnet.models.replica_steps import CLASSIFIER_MEASURES, ReplicaStep, supervised_step

#: What TensorFlow raises where another process ended, is cut off, or began anew.
_LOST = (
    tf.errors.UnavailableError,
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.DeadlineExceededError,
    tf.errors.FailedPreconditionError,
    tf.errors.InternalError,
)
_ABORTED = re.compile(r"(?<=Collective ops is aborted by: ).+")


class StrategyDistribution(Distribution):
    """Several devices under a strategy of TensorFlow that mirrors variables.

    Args:
        strategy: `MirroredStrategy` or `MultiWorkerMirroredStrategy`.
        cluster: of the latter.
    """

    takes_xla = False

    def __init__(self, strategy: tf.distribute.Strategy, cluster: Cluster | None = None) -> None:
        self.strategy = strategy
        self.replicas = strategy.num_replicas_in_sync
        self.is_chief = cluster is None or cluster.is_chief
        self._workers = 1 if cluster is None else len(cluster.workers)
        self._sum = tf.function(self._sum_of_first, reduce_retracing=True)

    def scope(self) -> contextlib.AbstractContextManager[Any]:
        """Returns the strategy's scope."""
        return self.strategy.scope()

    def updates(self, model: keras.Model, step: ReplicaStep = supervised_step) -> Update:
        """Returns a function that runs a step on all replicas and adds up their parts."""
        replicate, add = self.strategy.run, self.strategy.reduce

        @tf.function(reduce_retracing=True)
        def run(*whole: Any) -> dict[str, Any]:
            parts = replicate(functools.partial(step, model), args=whole)
            return {name: add(tf.distribute.ReduceOp.SUM, part, axis=None) for name, part in parts.items()}

        def update(*arrays: Any) -> dict[str, float]:
            with self._together():
                sums = run(*(tf.convert_to_tensor(array) for array in arrays))
                return {name: float(value) for name, value in sums.items()}

        return update

    def looks(self, model: keras.Model) -> Update:
        """Returns a function that shares the batch like an update."""
        return self.updates(model, functools.partial(supervised_step, learn=False))

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
        """Trains as `Distribution.fit` does; Keras's own `fit` fails where there are several workers."""
        step = functools.partial(supervised_step, measures=CLASSIFIER_MEASURES)
        learn = self.updates(model, step)
        look = self.updates(model, functools.partial(step, learn=False))
        told = keras.callbacks.CallbackList(callbacks, add_history=False, model=model, epochs=epochs)
        model.stop_training = False
        told.on_train_begin()
        for epoch in range(initial_epoch, epochs):
            told.on_epoch_begin(epoch)
            logs = _means(learn, batches)
            if validation_data is not None:
                seen = _means(look, _chunks(*validation_data))
                logs |= {f"val_{name}": value for name, value in seen.items()}
            told.on_epoch_end(epoch, logs)
            if model.stop_training:
                break
        told.on_train_end()

    def from_chief(self, states: Callable[[], Mapping[str, State]]) -> dict[str, dict[str, Any]] | None:
        """Sends bytes by a sum in which all but the chief add zeros."""
        if self._workers == 1:
            return None
        content = bytes(pack_states(states())) if self.is_chief else b""
        with self._together():
            length = int(self._sum(tf.constant(len(content), tf.int64)))
            words = np.frombuffer(content.ljust(-(-length // 4) * 4, b"\0"), np.int32)
            received = self._sum(tf.constant(words)).numpy().tobytes()[:length]
        return None if self.is_chief else unpack_states(received)

    @contextlib.contextmanager
    def _together(self) -> Iterator[None]:
        """Says in one sentence that another worker is gone; TensorFlow notices that within a minute."""
        try:
            yield
        except _LOST as error:
            if self._workers == 1:
                raise
            raise InputError(
                f"Another worker was lost ({_first_line(error)}); the same command on every machine goes on "
                "from the last checkpoint."
            ) from error

    def _sum_of_first(self, value: Any) -> Any:
        """Sums a value over workers, each of which may have several replicas: the first one counts."""

        def one(value: Any) -> Any:
            replica = tf.distribute.get_replica_context()
            counts = tf.cast(tf.equal(replica.replica_id_in_sync_group, 0), value.dtype)
            return replica.all_reduce(tf.distribute.ReduceOp.SUM, value * counts)

        return self.strategy.experimental_local_results(self.strategy.run(one, args=(value,)))[0]

    def released(self, model: Model, build: Callable[[], Model]) -> Model:
        """Builds the model outside the strategy and gives it the trained weights."""
        copy = build()
        copy.set_weights(model.get_weights())
        return copy


def _first_line(error: tf.errors.OpError) -> str:
    """What is wrong, without the operation that noticed it."""
    text = str(error.message)
    return next(line for line in (*_ABORTED.findall(text), text.strip().partition("\n")[0]))


def _means(update: Update, batches: Iterable[tuple[Any, Any]]) -> dict[str, float]:
    """Averages over all samples what `update` says of each batch."""
    sums: dict[str, float] = {}
    count = 0
    for inputs, targets in batches:
        count += len(inputs)
        for name, value in update(inputs, targets).items():
            sums[name] = sums.get(name, 0.0) + value * len(inputs)
    return {name: value / count for name, value in sums.items()}


def _chunks(inputs: Any, targets: Any) -> Iterator[tuple[Any, Any]]:
    for start in range(0, len(inputs), VALIDATION_BATCH):
        yield inputs[start : start + VALIDATION_BATCH], targets[start : start + VALIDATION_BATCH]

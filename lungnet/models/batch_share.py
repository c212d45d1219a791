"""Which rows of a batch a replica works on, so that all replicas together do what one device would.

Under `tf.distribute` gradients are summed over replicas. Every replica is given the whole batch; it works on
its share of the rows, and its losses are its part of the batch's means, so that the parts add up to them.
What is random for each sample is drawn for the whole batch, from the same state on every replica, and then
shared like the batch. A replica's share has the same number of rows throughout: rows that are one too many
count for nothing.
"""

import contextlib
import threading
from collections.abc import Callable, Iterator
from typing import Any

import tensorflow as tf
from keras import ops

_present = threading.local()  # a mirrored strategy runs each replica in a thread of its own


class WholeBatch:
    """The share of the only replica: everything.

    Args:
        total: samples of the batch.
    """

    def __init__(self, total: Any) -> None:
        self.total = total

    def rows(self, whole: Any, axis: int = 0) -> Any:
        """Returns what belongs to this replica of something that has an entry for each sample."""
        return whole

    def mean(self, values: Any) -> Any:
        """Returns this replica's part of the batch's mean.

        Args:
            values: `(rows, ...)`, those of this replica.
        """
        return ops.mean(values)

    def part(self, value: Any) -> Any:
        """Returns this replica's part of a value that is of no sample, such as a penalty on weights."""
        return value


class ReplicaShare(WholeBatch):
    """Rows `number * size` to `(number + 1) * size` of the batch, where size is `ceil(total / replicas)`.

    Args:
        total: samples of the batch, at least 1.
        number: of this replica, from 0.
        replicas: how many there are.
    """

    def __init__(self, total: Any, number: Any, replicas: int) -> None:
        super().__init__(total)
        self._replicas = replicas
        size = (total + replicas - 1) // replicas
        own = number * size + tf.range(size)
        self._rows = tf.minimum(own, total - 1)
        self._weights = tf.cast(own < total, tf.float32) / tf.cast(total, tf.float32)

    def rows(self, whole: Any, axis: int = 0) -> Any:
        """Gathers this replica's rows; one too many is the batch's last, and has no weight."""
        return tf.gather(whole, self._rows, axis=axis)

    def mean(self, values: Any) -> Any:
        """Returns the sum of this replica's values, divided by the number of all replicas' values."""
        per_sample = tf.reduce_mean(tf.reshape(values, (tf.shape(values)[0], -1)), axis=1)
        return tf.reduce_sum(per_sample * self._weights)

    def part(self, value: Any) -> Any:
        """Returns an equal part."""
        return value / self._replicas


@contextlib.contextmanager
def batch_share(total: Any) -> Iterator[WholeBatch]:
    """Gives this replica's share of a batch, which `draw_for_samples` then goes by.

    Args:
        total: samples of the batch.
    """
    replica = tf.distribute.get_replica_context()
    replicas = 1 if replica is None else replica.num_replicas_in_sync
    share = WholeBatch(total)
    if replicas > 1:
        share = ReplicaShare(total, replica.replica_id_in_sync_group, replicas)
    before, _present.share = getattr(_present, "share", None), share
    try:
        yield share
    finally:
        _present.share = before


def draw_for_samples(draw: Callable[[Any], Any], count: Any, axis: int = 0) -> Any:
    """Draws something random for each sample: on several replicas what one device draws for the whole batch.

    Args:
        draw: called with a number of samples.
        count: samples at hand.
        axis: of the samples in what `draw` returns.
    """
    share = getattr(_present, "share", None)
    if share is None:
        return draw(count)
    return share.rows(draw(share.total), axis)

"""Training batches of features whose order is decided anew at each epoch."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf


def gathered_batches(
    features: npt.NDArray[np.float32],
    labels: npt.NDArray[np.int64],
    rows: Callable[[], Iterator[npt.NDArray[np.int64]]],
    steps: int,
) -> Any:
    """Returns a dataset of (features, labels) whose every pass takes the batches that `rows` then gives.

    Args:
        features: `(n, d)`, held once as a tensor.
        labels: `(n,)`.
        rows: called at the beginning of each pass; yields the row numbers of each batch.
        steps: batches of a pass. Keras warns, and stops a pass short, where passes differ in length.

    Returns:
        A `tf.data.Dataset` of known cardinality.
    """
    held_features, held_labels = tf.constant(features), tf.constant(labels)
    batches = tf.data.Dataset.from_generator(rows, output_signature=tf.TensorSpec((None,), tf.int64))
    batches = batches.map(lambda row: (tf.gather(held_features, row), tf.gather(held_labels, row)))
    return batches.apply(tf.data.experimental.assert_cardinality(steps))

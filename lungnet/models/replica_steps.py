"""What one replica does of an update: its gradients and its parts of means are summed over replicas."""

from collections.abc import Callable, Mapping
from typing import Any

import keras
import tensorflow as tf

from lungnet.models.batch_share import batch_share

#: `(model, tensors of the whole batch) -> this replica's parts of the batch's means, by name`.
ReplicaStep = Callable[..., dict[str, Any]]
#: `(targets, predicted) -> a value for each sample`.
Measure = Callable[[Any, Any], Any]


def supervised_step(
    model: keras.Model,
    inputs: Any,
    targets: Any,
    measures: Mapping[str, Measure] | None = None,
    learn: bool = True,
) -> dict[str, Any]:
    """Makes a replica's part of an update of a compiled model of one loss, as Keras makes it on one device.

    Args:
        model: compiled.
        inputs, targets: tensors `(batch, ...)`, of the whole batch.
        measures: what else is averaged over the samples.
        learn: whether there is an update; without, the model is only looked at.

    Returns:
        "loss", penalties on weights included, and the measures.
    """
    with batch_share(tf.shape(inputs)[0]) as share:
        own_targets = share.rows(targets)
        with tf.GradientTape() as tape:
            predicted = model(share.rows(inputs), training=learn)
            data_loss = share.mean(sample_losses(model, own_targets, predicted))
            loss = data_loss + share.part(sum(model.losses))
        if learn:
            variables = model.trainable_variables
            model.optimizer.apply(tape.gradient(loss, variables), variables)
        values = {name: share.mean(of(own_targets, predicted)) for name, of in (measures or {}).items()}
    return {"loss": loss, **values}


def own_step(model: keras.Model, *whole: Any) -> dict[str, Any]:
    """Makes a replica's part of an update of a model whose `train_step` keeps to its share of a batch."""
    for metric in model.metrics:
        metric.reset_state()
    return dict(model.train_step(whole))


def sample_losses(model: keras.Model, targets: Any, predicted: Any) -> Any:
    """Returns a compiled model's loss of each sample, `(rows, ...)`."""
    if len(predicted.shape) == 1:  # Keras's losses take the mean over the last axis
        targets, predicted = targets[:, None], predicted[:, None]
    loss = keras.losses.get(model.loss)
    return loss.call(targets, predicted) if isinstance(loss, keras.losses.Loss) else loss(targets, predicted)


def _accuracy(targets: Any, predicted: Any) -> Any:
    return tf.cast(tf.equal(tf.argmax(predicted, axis=-1), tf.cast(targets, tf.int64)), tf.float32)


#: Of a classifier that gives class probabilities, under the names of its compiled metrics.
CLASSIFIER_MEASURES: Mapping[str, Measure] = {
    "accuracy": _accuracy,
    "cross_entropy": keras.losses.sparse_categorical_crossentropy,
}

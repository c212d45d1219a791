"""Fine-tuning of a trained encoder with labels (section 4: "some data is used for fine-tuning")."""

import os

import keras
import numpy as np
import numpy.typing as npt
from keras import layers

from lungnet.config import CaeConfig
from lungnet.models.batch_normalisation import fold_batch_normalisation, with_batch_normalisation
from lungnet.models.batches import check_labels, check_patches, layer_seed, shuffled_batches
from lungnet.models.checkpoints import Checkpoints, checkpoint_due, training_id
from lungnet.models.cnn import compile_for_training
from lungnet.models.distribution import Distribution
from lungnet.models.hounsfield import to_unit
from lungnet.models.training_log import Means, Progress, Trained, TrainingLog
from lungnet.models.training_state import BestWeights, Variables
from lungnet.models.validation import Validation

#: Updates from one checkpoint to the next.
CHECKPOINT_UPDATES = 100


def fine_tune(
    encoder: keras.Model,
    patches_hu: npt.NDArray[np.int16],
    labels: npt.ArrayLike,
    validation_hu: npt.NDArray[np.int16] | None,
    validation_labels: npt.ArrayLike | None,
    config: CaeConfig,
    window_hu: tuple[float, float],
    seed: int,
    tensorboard_dir: str | os.PathLike[str] | None = None,
    progress: Progress | None = None,
    checkpoint_dir: str | os.PathLike[str] | None = None,
    distribution: Distribution | None = None,
) -> Trained:
    """Trains an encoder on with labels, after the greedy phase and before CALM sees its features.

    A linear head is put on the features for the time of the training and dropped afterwards: what it
    asks of the encoder is that the classes come apart along weighted sums of features, which is also
    what CALM's dissimilarity, logistic regression and the linear SVM work with. With
    `config.fine_tune_batch_norm` the convolutions are normalised meanwhile and take the normalisation on at
    the end, so that the encoder keeps its layers. Adam's rate falls along a cosine. With validation patches
    the weights of the best epoch are kept, unless `config.fine_tune_keep` is "last": the largest AUC, and
    among equals the smallest loss; without, those of the last.

    Args:
        encoder: functional model from `(batch, 40, 40, 1)` to `(batch, features)`; it is not changed.
        patches_hu: int16 `(n, 40, 40)` of the training split, classes balanced.
        labels: 0 or 1 for each.
        validation_hu, validation_labels: of the inner validation, or None.
        config: `fine_tune_*` and `batch_size`. An epoch is `n // batch_size` updates.
        window_hu: clipped and scaled to [0, 1] before the encoder.
        seed: of head, symmetries and the order of patches.
        tensorboard_dir: for the curves; None writes none.
        progress: called as `progress(epochs done, of how many, text)`.
        checkpoint_dir: where a training that was killed is taken up again; None begins anew.
        distribution: from `make_distribution`; one device by default.

    Returns:
        A fine-tuned copy of the encoder and the curves "loss" and, with validation patches,
        "validation_loss" and "validation_auc". With `fine_tune_epochs` of 0 the copy is as it was.

    Raises:
        InputError: patches of another shape, fewer than a batch, or labels of one class.
    """
    check_patches(patches_hu, config.batch_size, "Fine-tuning")
    targets = check_labels(labels, len(patches_hu), "Fine-tuning")
    validation = Validation.of(validation_hu, validation_labels, window_hu)
    updates, total = len(patches_hu) // config.batch_size, config.fine_tune_epochs
    distribution = distribution or Distribution()
    with distribution.scope():
        tuned = keras.models.clone_model(encoder)
        tuned.set_weights(encoder.get_weights())
        head = keras.Sequential(
            [
                layers.Dense(
                    1, kernel_initializer=keras.initializers.GlorotUniform(seed=layer_seed(seed, "head"))
                ),
                layers.Reshape(()),
            ]
        )
        learner = tuned
        if config.fine_tune_batch_norm:
            learner = with_batch_normalisation(tuned, synchronized=distribution.replicas > 1)
        network = keras.Model(learner.input, head(learner.output))
        trainer = compile_for_training(
            network,
            config.fine_tune_flips,
            config.fine_tune_learning_rate,
            max(1, updates * total),
            layer_seed(seed, "fine-tuning"),
            config.fine_tune_weight_decay,
            shift=config.fine_tune_shift,
        )
    update = distribution.updates(trainer)
    unit = to_unit(patches_hu, window_hu)[..., None]
    best = BestWeights(learner)
    with TrainingLog(distribution.kept(tensorboard_dir), progress, "fine_tuning") as log:
        held = [] if validation is None else [validation.unit, validation.labels]
        data = [patches_hu, targets, *encoder.get_weights(), *held]
        checkpoints = Checkpoints(
            distribution.kept(checkpoint_dir),
            training_id("fine-tuning", data, config=config, window_hu=window_hu, seed=seed),
            {"variables": Variables(trainer, trainer.optimizer), "best": best, "log": log},
        )
        done = distribution.resume(checkpoints)
        batches = shuffled_batches(
            (unit, targets), config.batch_size, layer_seed(seed, "fine-tuning"), start=done * updates
        )
        for epoch in range(done + 1, total + 1):
            means = Means()
            for _ in range(updates):
                means.add(update(*next(batches)))
            values = means.take()
            if validation is None:
                best.offer(epoch)
            else:
                values |= distribution.chiefs(validation.judge(network))
                order = (values["validation_auc"], -values["validation_loss"])
                best.offer(*(order if config.fine_tune_keep == "best" else (epoch,)))
            log.scalars(epoch, values)
            if checkpoint_due(epoch, CHECKPOINT_UPDATES, updates) or epoch == total:
                checkpoints.save(epoch)
            log.progress(epoch, total, f"loss {values['loss']:.3f}")
    best.put_back()
    if config.fine_tune_batch_norm:
        fold_batch_normalisation(learner, tuned)
    return Trained(distribution.released(tuned, lambda: keras.models.clone_model(encoder)), log.history)

"""Training of CALM: learning and clustering in turns (section 5.3, Algorithm 2)."""

import os

import keras
import numpy.typing as npt

from lungnet.config import CalmConfig
from lungnet.models.calm import CALM
from lungnet.models.calm_history import CalmHistory
from lungnet.models.checkpoints import Checkpoints, training_id
from lungnet.models.clustering_callback import ClusteringCallback
from lungnet.models.distribution import Distribution
from lungnet.models.feature_checks import check_feature_splits
from lungnet.models.head_seed import head_seed
from lungnet.models.training_log import Progress, TrainingLog
from lungnet.models.training_state import SaveCheckpoint, Variables


def compile_classifier(model: keras.Model, config: CalmConfig, steps_per_epoch: int) -> None:
    """Prepares a built model of class probabilities for `fit` with the paper's optimiser (section 5.3).

    The rate falls by `config.learning_rate_decay` from epoch to epoch. The metric `cross_entropy` is the
    loss without the L2 term.
    """
    rate = config.learning_rate
    if config.learning_rate_decay < 1.0:
        rate = keras.optimizers.schedules.ExponentialDecay(
            config.learning_rate, steps_per_epoch, config.learning_rate_decay, staircase=True
        )
    model.compile(
        optimizer=keras.optimizers.Adam(rate, beta_1=config.beta_1, weight_decay=config.weight_decay or None),
        loss=keras.losses.SparseCategoricalCrossentropy(),
        metrics=["accuracy", keras.metrics.SparseCategoricalCrossentropy(name="cross_entropy")],
        jit_compile=False,
    )
    model.optimizer.build(model.trainable_variables)


def train_calm(
    features: npt.ArrayLike,
    labels: npt.ArrayLike,
    validation_features: npt.ArrayLike | None = None,
    validation_labels: npt.ArrayLike | None = None,
    config: CalmConfig | None = None,
    seed: int = 0,
    tensorboard_dir: str | os.PathLike[str] | None = None,
    progress: Progress | None = None,
    checkpoint_dir: str | os.PathLike[str] | None = None,
    distribution: Distribution | None = None,
) -> tuple[CALM, CalmHistory]:
    """Trains CALM on an encoder's features (section 5.3).

    Args:
        features: `(n, d)` of training.
        labels: `(n,)` of 0 and 1.
        validation_features, validation_labels: inner validation, by whose loss the kept iteration is
            chosen; without them the last one is kept.
        config: defaults to the paper's.
        seed: of every random choice, together with `config.head_seed`.
        tensorboard_dir: folder for scalars, or `None`.
        progress: called as `progress(iterations_done, max_iterations, text)`.
        checkpoint_dir: where a training that was killed is taken up again; None begins anew.
        distribution: from `make_distribution`; one device by default.

    Returns:
        The trained model and its history.

    Raises:
        InputError: fewer samples than a batch, one class only, values that are not finite, validation
            features of another width, fewer different samples than clusters, or a loss that diverges.
    """
    config = config or CalmConfig()
    seed = head_seed(config, seed)
    (x, y), validation = check_feature_splits(
        features, labels, validation_features, validation_labels, config.batch_size
    )
    distribution = distribution or Distribution()
    with distribution.scope():
        model = CALM(config, x.shape[1], seed)
    if config.standardise:
        model.network.adapt(x)
    with TrainingLog(distribution.kept(tensorboard_dir), progress, "calm") as log:
        callback = ClusteringCallback(x, config, seed, log, distribution)
        with distribution.scope():
            compile_classifier(model, config, callback.steps_per_epoch)
        checkpoints = Checkpoints(
            distribution.kept(checkpoint_dir),
            training_id("calm", [x, y, *(validation or ())], config=config, seed=seed),
            {"variables": Variables(model, model.optimizer), "clustering": callback, "log": log},
        )
        done = distribution.resume(checkpoints)
        distribution.fit(
            model,
            callback.dataset(y),
            initial_epoch=config.max_iterations if callback.has_ended else done,
            epochs=config.max_iterations,
            validation_data=validation,
            callbacks=[callback, SaveCheckpoint(checkpoints)],
        )
    return distribution.released(model, lambda: CALM(config, x.shape[1], seed)), callback.history

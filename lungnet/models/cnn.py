"""The plain convolutional network of Table 1, trained from labels alone."""

import os
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
from keras import layers

from lungnet.config import BaselineConfig
from lungnet.models.augmentation import RandomDihedral, RandomShift
from lungnet.models.batch_normalisation import fold_batch_normalisation, with_batch_normalisation
from lungnet.models.batches import check_labels, check_patches, layer_seed, shuffled_batches
from lungnet.models.checkpoints import Checkpoints, checkpoint_due, training_id
from lungnet.models.early_stopping import no_longer_improves
from lungnet.models.hounsfield import to_unit
from lungnet.models.patch_mixing import cut_mix
from lungnet.models.training_log import Means, Progress, Trained, TrainingLog, is_due
from lungnet.models.training_state import BestWeights, Variables
from lungnet.models.validation import Validation
from lungnet.patches.example import PATCH_SIZE

#: Reports and validations over a training.
REPORTS = 20
#: Updates from one checkpoint to the next.
CHECKPOINT_UPDATES = 50


def build_cnn(
    seed: int = 0,
    filters: tuple[int, ...] = (50, 50, 50),
    kernels: tuple[int, ...] = (5, 3, 3),
    hidden: int = 128,
    dropout: float = 0.0,
) -> keras.Model:
    """Builds a network with the autoencoder's convolutions and a dense head.

    The paper compares with "a CNN" and says no more. Convolutions with valid padding, ReLU and 2 x 2 max
    pooling, as in section 4, then a hidden layer and one logit.

    Args:
        seed: of the initial weights.
        filters, kernels: of the convolutions, equally long.
        hidden: neurons of the dense layer.
        dropout: share of them that is left out of each sample while training; 0 for no such layer.

    Returns:
        A model from patches, float32 `(batch, 40, 40, 1)` in [0, 1], to the log-odds of the positive
        class, float32 `(batch,)`.
    """

    def initializer(name: str) -> keras.initializers.Initializer:
        return keras.initializers.HeNormal(seed=layer_seed(seed, "cnn", name))

    patches = keras.Input((PATCH_SIZE, PATCH_SIZE, 1), name="patches")
    maps = patches
    for index, (count, kernel) in enumerate(zip(filters, kernels, strict=True), 1):
        maps = layers.Conv2D(
            count,
            kernel,
            activation="relu",
            kernel_initializer=initializer(f"convolution_{index}"),
            name=f"convolution_{index}",
        )(maps)
        maps = layers.MaxPooling2D(2, name=f"pooling_{index}")(maps)
    x = layers.Flatten(name="features")(maps)
    x = layers.Dense(hidden, activation="relu", kernel_initializer=initializer("hidden"), name="hidden")(x)
    if dropout:
        x = layers.Dropout(dropout, seed=layer_seed(seed, "cnn", "dropout"), name="dropout")(x)
    x = layers.Dense(1, kernel_initializer=initializer("logit"), name="dense_logit")(x)
    return keras.Model(patches, layers.Reshape((), name="logit")(x), name="cnn")


def compile_for_training(
    network: keras.Model,
    flips: bool,
    learning_rate: float,
    steps: int,
    seed: int,
    weight_decay: float = 0.0,
    schedule: str = "cosine",
    shift: int = 0,
) -> keras.Model:
    """Puts random symmetries and shifts in front of a network that gives logits, and compiles it.

    Args:
        network: from `(batch, size, size, 1)` to logits `(batch,)`.
        flips: whether patches are turned and mirrored at random.
        learning_rate: of Adam at the first step.
        steps: updates of the whole training.
        seed: of symmetries and shifts.
        weight_decay: decoupled from the gradient (AdamW), as a share of a weight per step and unit of the
            rate; 0 for none.
        schedule: "cosine" lets the rate fall along half a cosine to 0 at the last step, "constant" leaves it.
        shift: pixels by which patches are shifted at most, along rows and columns; 0 for none.

    Returns:
        A model that shares the network's weights and minimises the binary cross-entropy.
    """
    patches = keras.Input(network.input_shape[1:], name="training_patches")
    moved: Any = RandomDihedral(layer_seed(seed, "dihedral"))(patches) if flips else patches
    if shift:
        moved = RandomShift(shift, layer_seed(seed, "shift"))(moved)
    trainer = keras.Model(patches, network(moved), name="trainer")
    rate: Any = learning_rate
    if schedule == "cosine":
        rate = keras.optimizers.schedules.CosineDecay(learning_rate, steps)
    trainer.compile(
        optimizer=keras.optimizers.Adam(rate, weight_decay=weight_decay or None),
        loss=keras.losses.BinaryCrossentropy(from_logits=True),
        jit_compile=False,
    )
    trainer.optimizer.build(trainer.trainable_variables)
    return trainer


def train_cnn(
    patches_hu: npt.NDArray[np.int16],
    labels: npt.ArrayLike,
    validation_hu: npt.NDArray[np.int16] | None,
    validation_labels: npt.ArrayLike | None,
    config: BaselineConfig,
    window_hu: tuple[float, float],
    seed: int,
    tensorboard_dir: str | os.PathLike[str] | None = None,
    progress: Progress | None = None,
    checkpoint_dir: str | os.PathLike[str] | None = None,
) -> Trained:
    """Trains the network of `build_cnn` for `config.cnn_steps` updates.

    Adam, patches mixed by `cut_mix` as `config.cnn_cut_mix` says, and then random right-angle turns and
    mirrorings if `config.cnn_flips` and shifts by `config.cnn_shift`. With `config.cnn_batch_norm` the
    convolutions are normalised while it trains, and take the normalisation on at the end. Without validation
    patches the last weights are kept, whatever `config.cnn_keep` says, and no training ends early.

    Args:
        patches_hu: int16 `(n, 40, 40)` of the training split, classes balanced.
        labels: 0 or 1 for each.
        validation_hu, validation_labels: of the inner validation, or None.
        config: its `cnn_*` settings.
        window_hu: clipped and scaled to [0, 1] before the network.
        seed: of weights, symmetries, mixtures and the order of patches.
        tensorboard_dir: for the curves; None writes none.
        progress: called as `progress(steps done, of how many, text)`.
        checkpoint_dir: where a training that was killed is taken up again; None begins anew.

    Returns:
        The network, `(batch, 40, 40, 1)` in [0, 1] to logits `(batch,)`, and the curves "loss" and,
        with validation patches, "validation_loss" and "validation_auc" (0.5 with one class only).

    Raises:
        InputError: patches of another shape, fewer than a batch, or labels of one class.
    """
    check_patches(patches_hu, config.cnn_batch_size, "The convolutional network")
    targets = check_labels(labels, len(patches_hu), "The convolutional network")
    validation = Validation.of(validation_hu, validation_labels, window_hu)
    network = build_cnn(seed, dropout=config.cnn_dropout)
    learner = with_batch_normalisation(network) if config.cnn_batch_norm else network
    total, means, best = config.cnn_steps, Means(), BestWeights(learner)
    trainer = compile_for_training(
        learner,
        config.cnn_flips,
        config.cnn_learning_rate,
        total,
        seed,
        config.cnn_weight_decay,
        config.cnn_schedule,
        config.cnn_shift,
    )
    unit = to_unit(patches_hu, window_hu)[..., None]
    with TrainingLog(tensorboard_dir, progress, "cnn") as log:
        held = [] if validation is None else [validation.unit, validation.labels]
        checkpoints = Checkpoints(
            checkpoint_dir,
            training_id("cnn", [patches_hu, targets, *held], config=config, window_hu=window_hu, seed=seed),
            {
                "variables": Variables(trainer, trainer.optimizer),
                "means": means,
                "best": best,
                "log": log,
            },
        )
        done = checkpoints.resume()
        batches = shuffled_batches(
            (unit, targets), config.cnn_batch_size, layer_seed(seed, "cnn"), start=done
        )
        for step in range(done + 1, total + 1):
            missed = [-auc for auc in log.history.get("validation_auc", ())]
            if no_longer_improves(missed, config.cnn_early_stopping):
                break
            batch, wanted = next(batches)
            if config.cnn_cut_mix:
                rng = np.random.default_rng([layer_seed(seed, "cnn mixtures"), step])
                batch, wanted = cut_mix(batch, wanted, config.cnn_cut_mix, config.cnn_cut_mix_alpha, rng)
            means.add(trainer.train_on_batch(batch, wanted, return_dict=True))
            if is_due(step, total, REPORTS):
                values = means.take()
                if validation is not None:
                    values |= validation.judge(learner)
                    if config.cnn_keep == "best":
                        best.offer(values["validation_auc"], -values["validation_loss"])
                log.scalars(step, values)
                log.progress(step, total, f"loss {values['loss']:.3f}")
            if checkpoint_due(step, CHECKPOINT_UPDATES) or step == total:
                checkpoints.save(step)
    best.put_back()
    if config.cnn_batch_norm:
        fold_batch_normalisation(learner, network)
    return Trained(network, log.history)

"""Greedy training of the convolutional autoencoder, layer by layer (section 4, Algorithm 1)."""

import os
from collections.abc import Iterator

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from lungnet.config import CaeConfig
from lungnet.models.autoencoder import ConvolutionalAutoencoder
from lungnet.models.autoencoder_layer import LayerAutoencoder
from lungnet.models.batches import check_patches, layer_seed, shuffled_batches
from lungnet.models.checkpoints import Checkpoints, checkpoint_due, training_id
from lungnet.models.distribution import Distribution, Update
from lungnet.models.hounsfield import to_unit
from lungnet.models.image_grids import evenly_chosen
from lungnet.models.reconstruction import reconstruction_error
from lungnet.models.training_log import Means, Progress, Trained, TrainingLog, is_due
from lungnet.models.training_state import Variables

#: Patches of a grid in TensorBoard.
SHOWN = 16
#: Grids over the training of a layer.
GRIDS = 5
#: Patches encoded at a time when a layer's output is stored.
CHUNK = 256
#: Updates from one checkpoint to the next.
CHECKPOINT_UPDATES = 100


def train_autoencoder(
    patches_hu: npt.NDArray[np.int16],
    config: CaeConfig,
    window_hu: tuple[float, float],
    seed: int,
    tensorboard_dir: str | os.PathLike[str] | None = None,
    progress: Progress | None = None,
    validation_hu: npt.NDArray[np.int16] | None = None,
    checkpoint_dir: str | os.PathLike[str] | None = None,
    distribution: Distribution | None = None,
) -> Trained:
    """Trains a `ConvolutionalAutoencoder` without labels (section 4, Algorithm 1).

    Each layer learns, by stochastic gradient descent on the mean squared error, to reconstruct its
    input; then its pooled output is computed once for all patches, and that is what the next layer
    learns from.

    Args:
        patches_hu: int16 `(n, 40, 40)`, real and synthetic patches of the training split.
        config: layers and training. An epoch is `n // batch_size` updates.
        window_hu: clipped and scaled to [0, 1] before the network.
        seed: of weights, noise and the order of patches.
        tensorboard_dir: for losses and reconstructions; None writes none.
        progress: called as `progress(epochs done, of how many over all layers, text)`.
        validation_hu: int16 `(m, 40, 40)`, only looked at; None or empty for none.
        checkpoint_dir: where a training that was killed is taken up again, in whatever layer it was; None
            begins anew.
        distribution: from `make_distribution`; one device by default.

    Returns:
        The `ConvolutionalAutoencoder` and the curve "layer_i/reconstruction_error" of each layer i:
        the mean squared error per value, averaged over an epoch. With validation patches also
        "layer_i/validation_reconstruction_error", after the epoch.

    Raises:
        InputError: patches of another shape, or fewer than a batch.
    """
    check_patches(patches_hu, config.batch_size, "The autoencoder")
    distribution = distribution or Distribution()
    with distribution.scope():
        cae = _build(config, seed)
        for stage in cae.stages:
            compile_stage(stage, config)
    inputs = to_unit(patches_hu, window_hu)[..., None]
    shown = evenly_chosen(inputs, SHOWN)
    validation = None
    if validation_hu is not None and len(validation_hu):
        validation = to_unit(validation_hu, window_hu)[..., None]
    with TrainingLog(distribution.kept(tensorboard_dir), progress, "cae") as log:
        data, optimizers = [patches_hu, validation], [stage.optimizer for stage in cae.stages]
        checkpoints = Checkpoints(
            distribution.kept(checkpoint_dir),
            training_id("autoencoder", data, config=config, window_hu=window_hu, seed=seed),
            {"variables": Variables(cae, *optimizers), "log": log},
        )
        done, total = distribution.resume(checkpoints), config.epochs * len(cae.stages)
        updates = len(inputs) // config.batch_size
        for index, stage in enumerate(cae.stages, 1):
            before, stage_seed = (index - 1) * config.epochs, layer_seed(seed, "stage", index)
            update, look = distribution.updates(stage), distribution.looks(stage)
            for epoch, error in train_stage(update, inputs, config, stage_seed, done - before):
                errors = {"reconstruction_error": error}
                if validation is not None:
                    errors["validation_reconstruction_error"] = reconstruction_error(look, validation)
                log.scalars(epoch, errors, prefix=f"layer_{index}")
                if is_due(epoch, config.epochs, GRIDS):
                    log.images(
                        epoch,
                        f"layer_{index}/reconstruction",
                        shown,
                        cae.reconstruct(shown, depth=index),
                        columns=4,
                        description=f"Left training patches, right what layers 1 to {index} keep of them.",
                    )
                if checkpoint_due(before + epoch, CHECKPOINT_UPDATES, updates) or before + epoch == total:
                    checkpoints.save(before + epoch)
                text = f"layer {index} of {len(cae.stages)}, reconstruction error {error:.2e}"
                log.progress(before + epoch, total, text)
            if index < len(cae.stages) and done < total:
                inputs = stored_output(stage, inputs)
                validation = None if validation is None else stored_output(stage, validation)
    return Trained(distribution.released(cae, lambda: _build(config, seed)), log.history)


def _build(config: CaeConfig, seed: int) -> ConvolutionalAutoencoder:
    return ConvolutionalAutoencoder(config, seed, name="convolutional_autoencoder")


def compile_stage(stage: LayerAutoencoder, config: CaeConfig) -> None:
    """Prepares a layer for training by stochastic gradient descent on the mean squared error."""
    stage.compile(
        optimizer=keras.optimizers.SGD(config.learning_rate, momentum=config.momentum),
        loss="mean_squared_error",
        jit_compile=False,
    )
    stage.optimizer.build(stage.trainable_variables)


def train_stage(
    update: Update, inputs: npt.NDArray[np.float32], config: CaeConfig, seed: int, done: int = 0
) -> Iterator[tuple[int, float]]:
    """Trains a layer from epoch `done` on; yields each epoch, from 1, and its mean error."""
    updates = len(inputs) // config.batch_size
    begin = min(max(done, 0), config.epochs)
    batches = shuffled_batches((inputs,), config.batch_size, seed, start=begin * updates)
    for epoch in range(begin + 1, config.epochs + 1):
        means = Means()
        for _ in range(updates):
            (batch,) = map(tf.convert_to_tensor, next(batches))  # once, for it is input and target
            means.add(update(batch, batch))
        yield epoch, means.take()["loss"]


def stored_output(stage: LayerAutoencoder, inputs: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Encodes everything once; float32 `(n, pooled, pooled, filters)`."""
    size, filters = stage.pooled_size, stage.convolution.filters
    output = np.empty((len(inputs), size, size, filters), np.float32)
    for start in range(0, len(inputs), CHUNK):
        output[start : start + CHUNK] = stage.encode(inputs[start : start + CHUNK])
    return output

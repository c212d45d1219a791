"""Greedy training of the convolutional autoencoder, layer by layer (section 4, Algorithm 1)."""

import os

import keras
import numpy as np
import numpy.typing as npt

from lungnet.config import CaeConfig
from lungnet.models.autoencoder import ConvolutionalAutoencoder
from lungnet.models.autoencoder_layer import LayerAutoencoder
from lungnet.models.batches import check_patches, layer_seed, shuffled_batches
from lungnet.models.hounsfield import to_unit
from lungnet.models.training_log import Means, Progress, Trained, TrainingLog

#: Patches of a grid in TensorBoard.
SHOWN = 16
#: Patches encoded at a time when a layer's output is stored.
CHUNK = 256


def train_autoencoder(
    patches_hu: npt.NDArray[np.int16],
    config: CaeConfig,
    window_hu: tuple[float, float],
    seed: int,
    tensorboard_dir: str | os.PathLike[str] | None = None,
    progress: Progress | None = None,
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

    Returns:
        The `ConvolutionalAutoencoder` and the curve "layer_i/reconstruction_error" of each layer i:
        the mean squared error per value, averaged over an epoch.

    Raises:
        InputError: patches of another shape, or fewer than a batch.
    """
    check_patches(patches_hu, config.batch_size, "The autoencoder")
    cae = ConvolutionalAutoencoder(config, seed, name="convolutional_autoencoder")
    inputs = to_unit(patches_hu, window_hu)[..., None]
    shown = inputs[:SHOWN]
    with TrainingLog(tensorboard_dir, progress) as log:
        log.images(0, "patches", shown)
        for index, stage in enumerate(cae.stages, 1):
            _train_stage(stage, inputs, config, layer_seed(seed, "stage", index), log, index)
            log.images(index, "reconstruction", cae.reconstruct(shown, depth=index))
            if index < len(cae.stages):
                inputs = _stored_output(stage, inputs)
    return Trained(cae, log.history)


def _train_stage(
    stage: LayerAutoencoder,
    inputs: npt.NDArray[np.float32],
    config: CaeConfig,
    seed: int,
    log: TrainingLog,
    index: int,
) -> None:
    stage.compile(
        optimizer=keras.optimizers.SGD(config.learning_rate, momentum=config.momentum),
        loss="mean_squared_error",
        jit_compile=False,
    )
    batches = shuffled_batches((inputs,), config.batch_size, seed)
    updates = len(inputs) // config.batch_size
    total = config.epochs * len(config.filters)
    for epoch in range(1, config.epochs + 1):
        means = Means()
        for _ in range(updates):
            (batch,) = next(batches)
            means.add(stage.train_on_batch(batch, batch, return_dict=True))
        error = means.take()["loss"]
        log.scalars(epoch, {"reconstruction_error": error}, prefix=f"layer_{index}")
        log.progress(
            (index - 1) * config.epochs + epoch,
            total,
            f"layer {index} of {len(config.filters)}, reconstruction error {error:.2e}",
        )


def _stored_output(stage: LayerAutoencoder, inputs: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Encodes everything once; float32 `(n, pooled, pooled, filters)`."""
    size, filters = stage.pooled_size, stage.convolution.filters
    output = np.empty((len(inputs), size, size, filters), np.float32)
    for start in range(0, len(inputs), CHUNK):
        output[start : start + CHUNK] = stage.encode(inputs[start : start + CHUNK])
    return output

"""The autoencoder of the paper's reference [9]: one fully connected layer, a decision tree on top."""

import os

import keras
import numpy as np
import numpy.typing as npt
from keras import layers

from lungnet.config import BaselineConfig
from lungnet.models.batches import check_labels, check_patches, layer_seed, shuffled_batches
from lungnet.models.checkpoints import Checkpoints, checkpoint_due, training_id
from lungnet.models.decision_tree import fit_decision_tree
from lungnet.models.distribution import Distribution
from lungnet.models.encoding import encode
from lungnet.models.hounsfield import to_unit
from lungnet.models.image_grids import evenly_chosen
from lungnet.models.reconstruction import reconstruction_error
from lungnet.models.training_log import Means, Progress, Trained, TrainingLog, is_due
from lungnet.models.training_state import Variables
from lungnet.patches.example import PATCH_SIZE

#: Patches of a grid in TensorBoard.
SHOWN = 16
#: Grids over a training.
GRIDS = 5
#: Updates from one checkpoint to the next; with Adam's moments it has 40 MB, and updates are quick.
CHECKPOINT_UPDATES = 1500


def build_dense_autoencoder(units: int, seed: int) -> keras.Model:
    """Builds patch - `units` sigmoid neurons - patch.

    The sigma of section 3.2. Rectified neurons would die: Adam moves all 1,600 weights of one by its
    rate at once, and as pixels are positive the steps add up (84 % were dead after eight epochs on
    LUNA16 patches).

    Args:
        units: of the fully connected layer (section 7: 1,024).
        seed: of the initial weights.

    Returns:
        A model from patches, float32 `(batch, 40, 40, 1)` in [0, 1], to reconstructions of that shape. Its
        layer "code" gives the features.
    """

    def initializer(name: str) -> keras.initializers.Initializer:
        return keras.initializers.GlorotUniform(seed=layer_seed(seed, "dense_autoencoder", name))

    patches = keras.Input((PATCH_SIZE, PATCH_SIZE, 1), name="patches")
    x = layers.Flatten(name="pixels")(patches)
    x = layers.Dense(units, activation="sigmoid", kernel_initializer=initializer("code"), name="code")(x)
    x = layers.Dense(PATCH_SIZE**2, kernel_initializer=initializer("pixels"), name="decoded")(x)
    x = layers.Reshape((PATCH_SIZE, PATCH_SIZE, 1), name="reconstruction")(x)
    return keras.Model(patches, x, name="dense_autoencoder")


def train_dense_autoencoder(
    patches_hu: npt.NDArray[np.int16],
    config: BaselineConfig,
    window_hu: tuple[float, float],
    seed: int,
    tensorboard_dir: str | os.PathLike[str] | None = None,
    progress: Progress | None = None,
    validation_hu: npt.NDArray[np.int16] | None = None,
    checkpoint_dir: str | os.PathLike[str] | None = None,
) -> Trained:
    """Trains the autoencoder of reference [9] without labels (section 7).

    Args:
        patches_hu: int16 `(n, 40, 40)` of the training split.
        config: its `ae_*` settings. An epoch is `n // ae_batch_size` updates of Adam on the mean
            squared error; the reconstruction starts from the mean patch.
        window_hu: clipped and scaled to [0, 1] before the network.
        seed: of weights and the order of patches.
        tensorboard_dir: for the loss and reconstructions; None writes none.
        progress: called as `progress(epochs done, of how many, text)`.
        validation_hu: int16 `(m, 40, 40)`, only looked at; None or empty for none.
        checkpoint_dir: where a training that was killed is taken up again; None begins anew.

    Returns:
        The encoder, `(batch, 40, 40, 1)` to `(batch, ae_units)`, and the curve "reconstruction_error";
        with validation patches also "validation_reconstruction_error".

    Raises:
        InputError: patches of another shape, or fewer than a batch.
    """
    check_patches(patches_hu, config.ae_batch_size, "The autoencoder of reference [9]")
    model = build_dense_autoencoder(config.ae_units, seed)
    model.compile(
        optimizer=keras.optimizers.Adam(config.ae_learning_rate), loss="mean_squared_error", jit_compile=False
    )
    unit = to_unit(patches_hu, window_hu)[..., None]
    model.get_layer("decoded").bias.assign(unit.mean(axis=0).ravel())
    model.optimizer.build(model.trainable_variables)
    updates, total = len(unit) // config.ae_batch_size, config.ae_epochs
    validation = None
    if validation_hu is not None and len(validation_hu):
        validation = to_unit(validation_hu, window_hu)[..., None]
    shown = evenly_chosen(unit, SHOWN)
    with TrainingLog(tensorboard_dir, progress, "ae") as log:
        data = [patches_hu, validation]
        checkpoints = Checkpoints(
            checkpoint_dir,
            training_id("dense autoencoder", data, config=config, window_hu=window_hu, seed=seed),
            {"variables": Variables(model, model.optimizer), "log": log},
        )
        done = checkpoints.resume()
        batches = shuffled_batches(
            (unit,), config.ae_batch_size, layer_seed(seed, "dense_autoencoder"), start=done * updates
        )
        for epoch in range(done + 1, total + 1):
            means = Means()
            for _ in range(updates):
                (batch,) = next(batches)
                means.add(model.train_on_batch(batch, batch, return_dict=True))
            error = means.take()["loss"]
            errors = {"reconstruction_error": error}
            if validation is not None:
                errors["validation_reconstruction_error"] = reconstruction_error(
                    Distribution().looks(model), validation
                )
            log.scalars(epoch, errors)
            if is_due(epoch, total, GRIDS):
                log.images(
                    epoch,
                    "reconstruction",
                    shown,
                    model(shown),
                    columns=4,
                    description="Left training patches, right what the fully connected layer keeps of them.",
                )
            if checkpoint_due(epoch, CHECKPOINT_UPDATES, updates):
                checkpoints.save(epoch)
            log.progress(epoch, total, f"reconstruction error {error:.2e}")
    return Trained(keras.Model(model.input, model.get_layer("code").output, name="encoder"), log.history)


def train_ae_baseline(
    patches_hu: npt.NDArray[np.int16],
    labels: npt.ArrayLike,
    config: BaselineConfig,
    window_hu: tuple[float, float],
    seed: int,
    tensorboard_dir: str | os.PathLike[str] | None = None,
    progress: Progress | None = None,
    validation_hu: npt.NDArray[np.int16] | None = None,
    checkpoint_dir: str | os.PathLike[str] | None = None,
) -> Trained:
    """Trains row "AE [9]" of Table 1: the autoencoder, then a decision tree on its features.

    Args:
        patches_hu, config, window_hu, seed, tensorboard_dir, progress, validation_hu, checkpoint_dir: as in
            `train_dense_autoencoder`.
        labels: 0 or 1 for each patch, for the tree alone.

    Returns:
        A model from patches, float32 `(batch, 40, 40, 1)` in [0, 1], to the log-odds of the positive
        class, float32 `(batch,)`, and the curves of `train_dense_autoencoder`.

    Raises:
        InputError: patches of another shape, fewer than a batch, or labels of one class.
    """
    targets = check_labels(labels, len(patches_hu), "The autoencoder of reference [9]")
    encoder, history = train_dense_autoencoder(
        patches_hu, config, window_hu, seed, tensorboard_dir, progress, validation_hu, checkpoint_dir
    )
    features = encode(encoder, patches_hu, window_hu)
    head = fit_decision_tree(features, targets, config.ae_tree_depth, seed)
    return Trained(keras.Model(encoder.input, head(encoder.output), name="ae"), history)

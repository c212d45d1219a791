"""Training the WGAN-GP on positive patches, and drawing synthetic ones from it (sections 4 and 6)."""

import os

import keras
import numpy as np
import numpy.typing as npt

from lungnet.config import GanConfig
from lungnet.errors import InputError
from lungnet.hashing import stable_id
from lungnet.models.batches import check_patches, layer_seed, shuffled_batches
from lungnet.models.checkpoints import Checkpoints, checkpoint_due, training_id
from lungnet.models.distribution import Distribution
from lungnet.models.gan import WGANGP
from lungnet.models.hounsfield import to_hounsfield, to_unit
from lungnet.models.image_grids import evenly_chosen
from lungnet.models.replica_steps import own_step
from lungnet.models.training_log import Means, Progress, Trained, TrainingLog, is_due
from lungnet.models.training_state import Variables

#: Patches of each kind in TensorBoard.
SHOWN = 24
#: Reports over a training.
REPORTS = 50
#: Grids over a training.
GRIDS = 10
#: Patches drawn at a time. Not a setting: rounding may differ between batch sizes.
CHUNK = 64
#: Updates of the generator from one checkpoint to the next.
CHECKPOINT_UPDATES = 50


def train_gan(
    patches_hu: npt.NDArray[np.int16],
    config: GanConfig,
    window_hu: tuple[float, float],
    seed: int,
    tensorboard_dir: str | os.PathLike[str] | None = None,
    progress: Progress | None = None,
    checkpoint_dir: str | os.PathLike[str] | None = None,
    distribution: Distribution | None = None,
) -> Trained:
    """Trains a WGAN-GP (section 4) on the positive patches of the training split.

    Args:
        patches_hu: int16 `(n, 40, 40)`.
        config: networks and training.
        window_hu: clipped and scaled to [0, 1] before the critic sees a patch.
        seed: of weights, noise and the order of patches.
        tensorboard_dir: for losses and grids of patches; None writes none.
        progress: called as `progress(generator steps done, of how many, text)`.
        checkpoint_dir: where a training that was killed is taken up again; None begins anew.
        distribution: from `make_distribution`; one device by default.

    Returns:
        The `WGANGP` and the curves "critic_loss", "generator_loss", "wasserstein_distance",
        "gradient_norm" and "gradient_penalty", each the mean since the value before.

    Raises:
        InputError: patches of another shape, or fewer than a batch; or `config.xla` on several devices.
    """
    check_patches(patches_hu, config.batch_size, "The GAN")
    distribution = distribution or Distribution()
    if config.xla and not distribution.takes_xla:
        raise InputError(
            "gan.xla is true, and XLA compiles no step that several devices share; expected gan.xla=false or "
            "distribution.strategy=none."
        )
    with distribution.scope():
        gan = WGANGP.from_settings(config, seed)
    update = distribution.updates(gan, own_step)
    unit = to_unit(patches_hu, window_hu)[..., None]
    total, means = config.generator_steps, Means()
    with TrainingLog(distribution.kept(tensorboard_dir), progress, "gan") as log:
        checkpoints = Checkpoints(
            distribution.kept(checkpoint_dir),
            training_id("gan", [patches_hu], config=config, window_hu=window_hu, seed=seed),
            {
                "variables": Variables(gan, gan.generator_optimizer, gan.critic_optimizer),
                "means": means,
                "log": log,
            },
        )
        done = distribution.resume(checkpoints)
        batches = shuffled_batches(
            (unit,), config.critic_steps * config.batch_size, layer_seed(seed, "gan"), start=done
        )
        for step in range(done + 1, total + 1):
            (real,) = next(batches)
            real = real.reshape(config.critic_steps, config.batch_size, *unit.shape[1:])
            means.add(update(real))
            if is_due(step, total, REPORTS):
                values = means.take()
                log.scalars(step, values)
                log.progress(step, total, f"Wasserstein distance {values['wasserstein_distance']:.3f}")
            if is_due(step, total, GRIDS):
                synthetic = generate_patches(gan.sampler, SHOWN, window_hu, seed)
                log.images(
                    step,
                    "real_and_synthetic",
                    evenly_chosen(unit, SHOWN),
                    to_unit(synthetic, window_hu),
                    columns=4,
                    description=f"Left real patches, right synthetic ones, both from {window_hu[0]:g} HU "
                    f"(black) to {window_hu[1]:g} HU (white).",
                )
            if checkpoint_due(step, CHECKPOINT_UPDATES) or step == total:
                checkpoints.save(step)
    return Trained(distribution.released(gan, lambda: WGANGP.from_settings(config, seed)), log.history)


def generate_patches(
    generator: keras.Model, count: int, window_hu: tuple[float, float], seed: int
) -> npt.NDArray[np.int16]:
    """Draws synthetic patches.

    Patch number i depends on the generator, the seed and i alone, not on how many are drawn.

    Args:
        generator: from `(batch, latent_dim)` to `(batch, rows, columns, 1)` in [0, 1].
        count: patches to draw, 0 or more.
        window_hu: the window of the patches that the generator was trained on.
        seed: of the noise.

    Returns:
        int16 `(count, rows, columns)` in HU, within the window.
    """
    latent_dim = generator.input_shape[-1]
    chunks = -(-count // CHUNK)
    noise = np.random.default_rng([seed, stable_id("synthetic patches")])
    latent = noise.standard_normal((chunks * CHUNK, latent_dim), np.float32)
    patches = np.empty((chunks * CHUNK, *generator.output_shape[1:3]), np.int16)
    for start in range(0, len(latent), CHUNK):
        drawn = generator(latent[start : start + CHUNK], training=False)
        patches[start : start + CHUNK] = to_hounsfield(np.asarray(drawn)[..., 0], window_hu)
    return patches[:count]

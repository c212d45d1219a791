"""A program that trains all there is to distribute on tiny data: `FOLDER STRATEGY`.

With "mirrored" it makes two devices of the CPU and trains on one of them and on both; with "multi_worker" it
is one of the workers of TF_CONFIG. Weights and curves go to `FOLDER/<one device, mirrored or worker number>`.
"""

import contextlib
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from lungnet.config import CaeConfig, CalmConfig, Cluster, DistributionConfig, GanConfig
from lungnet.errors import InputError
from lungnet.models import (
    Distribution,
    fine_tune,
    gan_training,
    make_distribution,
    train_autoencoder,
    train_calm,
    train_gan,
)

#: Of the norm of each array of weights, after these few updates.
TOLERANCE = 1e-4

WINDOW = (-1000.0, 400.0)
# No batch size is even: the second device has a row that counts for nothing.
GAN = GanConfig(latent_dim=6, width=2, batch_size=5, critic_steps=2, generator_steps=4, ema_decay=0.9)
CAE = CaeConfig(
    filters=(3, 2),
    kernels=(5, 3),
    epochs=2,
    batch_size=7,
    denoising=0.2,
    fine_tune_epochs=2,
    fine_tune_flips=True,
    fine_tune_weight_decay=0.01,
)
# The statistics of a batch are exact where devices share it evenly.
NORMALISED = CAE.model_copy(update={"batch_size": 8, "fine_tune_shift": 2, "fine_tune_batch_norm": True})
# It ends after three iterations, on all workers at once.
CALM = CalmConfig(
    hidden=(8, 4),
    learning_rate=1e-2,
    weight_decay=0.01,
    dropout=0.2,
    early_stopping=1,
    batch_size=15,
    max_iterations=6,
    trees=5,
    standardise=True,
)

#: Weights in their order, and curves by name.
Result = tuple[list[np.ndarray], Mapping[str, Any]]

rng = np.random.default_rng(0)
patches_hu = rng.integers(-1000, 400, (16, 40, 40)).astype(np.int16)
labels = np.arange(16) % 2
features = rng.normal(size=(80, 5)).astype(np.float32)
feature_labels = (features[:, 0] * features[:, 1] > 0).astype(np.int64)


class Stopped(Exception):
    """Ends a training where a signal would."""


def train_all(distribution: Distribution) -> dict[str, Result]:
    """Trains everything."""
    gan = train_gan(patches_hu, GAN, WINDOW, 3, distribution=distribution)
    cae = train_autoencoder(
        patches_hu, CAE, WINDOW, 3, validation_hu=patches_hu[:3], distribution=distribution
    )
    encoder: keras.Model = cae.model.encoder
    held = (patches_hu[:6], labels[:6])
    tuned = fine_tune(encoder, patches_hu, labels, *held, CAE, WINDOW, 3, distribution=distribution)
    normalised = fine_tune(
        encoder, patches_hu, labels, *held, NORMALISED, WINDOW, 3, distribution=distribution
    )
    train, validation = slice(0, 60), slice(60, 80)
    calm, history = train_calm(
        features[train],
        feature_labels[train],
        features[validation],
        feature_labels[validation],
        CALM,
        1,
        distribution=distribution,
    )
    return {
        "gan": (gan.model.get_weights(), gan.history),
        "cae": (cae.model.get_weights(), cae.history),
        "fine_tuning": (tuned.model.get_weights(), tuned.history),
        "normalised": (normalised.model.get_weights(), normalised.history),
        "calm": (calm.get_weights(), history.to_dict()),
    }


def interrupted_gan(distribution: Distribution, folder: Path) -> Result:
    """The same GAN, ended after three updates and gone on with from the checkpoint at two."""
    gan_training.CHECKPOINT_UPDATES = 2

    def stop(done: int, total: int, text: str) -> None:
        if done == 3:
            raise Stopped

    arguments = (patches_hu, GAN, WINDOW, 3)
    with contextlib.suppress(Stopped):
        train_gan(*arguments, progress=stop, checkpoint_dir=folder, distribution=distribution)
    seen: list[int] = []
    gan = train_gan(
        *arguments,
        progress=lambda *report: seen.append(report[0]),
        checkpoint_dir=folder,
        distribution=distribution,
    )
    assert seen == [3, 4], seen
    return gan.model.get_weights(), gan.history


def write(folder: Path, results: Mapping[str, Result]) -> None:
    """Writes weights as `<training>.npz` and curves as `<training>.json`."""
    folder.mkdir(parents=True)
    for name, (weights, history) in results.items():
        np.savez(folder / f"{name}.npz", *weights)
        (folder / f"{name}.json").write_text(json.dumps(history))


def lose_the_worker(distribution: Distribution) -> str:
    """The worker has other data than the chief, and leaves; returns what each of them says."""
    data = patches_hu if distribution.is_chief else patches_hu + np.int16(1)
    try:
        train_gan(data, GAN, WINDOW, 3, distribution=distribution)
    except InputError as error:
        return str(error)
    raise AssertionError("trained on different data")


def main(folder: Path, strategy: Any) -> None:
    """Trains and writes."""
    if strategy == "mirrored":
        (cpu,) = tf.config.list_physical_devices("CPU")
        two = [tf.config.LogicalDeviceConfiguration()] * 2
        tf.config.set_logical_device_configuration(cpu, two)
        for name in ("none", "mirrored"):
            distribution = make_distribution(DistributionConfig(strategy=name, replicas=2))
            write(folder / name, train_all(distribution))
        return
    distribution = make_distribution(DistributionConfig(strategy=strategy, replicas=2, timeout_s=600))
    number = Cluster.from_environment().index
    results = train_all(distribution)
    results["resumed"] = interrupted_gan(distribution, folder / f"checkpoints-{number}")
    write(folder / f"worker-{number}", results)
    (folder / f"worker-{number}" / "lost.txt").write_text(lose_the_worker(distribution))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])

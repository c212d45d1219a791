"""Generator steps per second of the WGAN-GP, against the Keras class that one would write first.

    python benchmarks/gan_speed.py [--preset standard] [--steps 10] [--turns 7] [--cpu-time --threads 1]

The rival is in the form of Keras' example: `fit` on the patches, a `train_step` that `fit` compiles, the
critic's steps unrolled in it, and passes of their own for real, generated and interpolated patches. Networks,
initial weights, batches, losses and optimizers are lungnet's; the interpolation is uniform for both. Turns
alternate and the first one, in which graphs are built, does not count. Prints JSON. `loss_difference` is that
of the critic's loss, relative, where both see the same patches; `gradient_difference` that of its gradient.
"""

import argparse
import json
import os
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf
from turns import faster, machine, median, take_turns

from lungnet.config import GanConfig
from lungnet.export import sample_patches
from lungnet.files import write_json
from lungnet.models import WGANGP, build_critic, build_generator, to_unit
from lungnet.models.batches import shuffled_batches
from lungnet.models.gan import gradient_norms
from lungnet.models.quick_network import QuickNetwork
from lungnet.models.training_log import Means
from lungnet.presets import load_config

_PATCHES = 512


class KerasWGANGP(keras.Model):
    """WGAN-GP as Keras' example has it."""

    def __init__(self, discriminator: keras.Model, generator: keras.Model, config: GanConfig) -> None:
        super().__init__()
        self.discriminator, self.generator, self.config = discriminator, generator, config

    def compile(self, d_optimizer, g_optimizer):
        """Sets the optimizers."""
        super().compile()
        self.d_optimizer, self.g_optimizer = d_optimizer, g_optimizer

    def gradient_penalty(self, batch_size, real_images, fake_images):
        """Returns the penalty at points between real and fake."""
        alpha = tf.random.uniform([batch_size, 1, 1, 1])
        interpolated = real_images + alpha * (fake_images - real_images)
        with tf.GradientTape() as tape:
            tape.watch(interpolated)
            prediction = self.discriminator(interpolated, training=True)
        gradients = tape.gradient(prediction, [interpolated])[0]
        norm = tf.sqrt(tf.reduce_sum(tf.square(gradients), axis=[1, 2, 3]) + 1e-12)
        return tf.reduce_mean((norm - 1.0) ** 2)

    def train_step(self, data):
        """Updates the critic several times and the generator once."""
        batch_size = tf.shape(data)[0] // self.config.critic_steps
        for step in range(self.config.critic_steps):
            real_images = data[step * batch_size : (step + 1) * batch_size]
            latent = tf.random.normal((batch_size, self.config.latent_dim))
            with tf.GradientTape() as tape:
                fake_images = self.generator(latent, training=True)
                fake_logits = self.discriminator(fake_images, training=True)
                real_logits = self.discriminator(real_images, training=True)
                cost = tf.reduce_mean(fake_logits) - tf.reduce_mean(real_logits)
                penalty = self.gradient_penalty(batch_size, real_images, fake_images)
                d_loss = cost + self.config.gradient_penalty_weight * penalty
            gradients = tape.gradient(d_loss, self.discriminator.trainable_variables)
            self.d_optimizer.apply_gradients(
                zip(gradients, self.discriminator.trainable_variables, strict=True)
            )
        latent = tf.random.normal((batch_size, self.config.latent_dim))
        with tf.GradientTape() as tape:
            g_loss = -tf.reduce_mean(self.discriminator(self.generator(latent, training=True), training=True))
        gradients = tape.gradient(g_loss, self.generator.trainable_variables)
        self.g_optimizer.apply_gradients(zip(gradients, self.generator.trainable_variables, strict=True))
        return {"critic_loss": d_loss, "generator_loss": g_loss, "wasserstein_distance": -cost}


def build_rival(config: GanConfig) -> KerasWGANGP:
    """Builds the rival with the initial weights of `WGANGP.from_settings(config, 0)`."""
    rival = KerasWGANGP(
        build_critic(config.width, 0), build_generator(config.latent_dim, config.width, 0), config
    )
    rival.compile(
        *(keras.optimizers.Adam(config.learning_rate, config.beta_1, config.beta_2) for _ in range(2))
    )
    return rival


def differences(config: GanConfig, real: np.ndarray, fake: np.ndarray) -> tuple[float, float]:
    """Returns how far a quick critic's loss and gradient lie from Keras', relative, on the same patches."""
    critic = build_critic(config.width, 0)
    found = []
    for score in (QuickNetwork(critic), critic):
        with tf.GradientTape() as tape:
            norms = gradient_norms(score, tf.constant((real + fake) / 2))
            penalty = tf.reduce_mean((norms - 1.0) ** 2)
            wasserstein = tf.reduce_mean(score(real)) - tf.reduce_mean(score(fake))
            loss = config.gradient_penalty_weight * penalty - wasserstein
        gradient = [g for g in tape.gradient(loss, critic.trainable_variables) if g is not None]
        found.append((float(loss), np.concatenate([np.ravel(g) for g in gradient])))
    (loss, gradient), (expected, expected_gradient) = found
    distance = np.linalg.norm(gradient - expected_gradient) / np.linalg.norm(expected_gradient)
    return abs(loss - expected) / abs(expected), float(distance)


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--preset", default="standard", help="whose networks, batch and optimizers")
    parser.add_argument("--steps", type=int, default=10, help="generator steps of a turn")
    parser.add_argument("--turns", type=int, default=7)
    parser.add_argument("--xla", action="store_true", help="lungnet's side with gan.xla")
    parser.add_argument("--threads", type=int, help="of TensorFlow; all cores by default")
    parser.add_argument("--cpu-time", action="store_true", help="seconds of processors, not of the clock")
    parser.add_argument("--output", type=Path, help="JSON file to write")
    options = parser.parse_args()
    if options.threads:
        tf.config.threading.set_intra_op_parallelism_threads(options.threads)
        tf.config.threading.set_inter_op_parallelism_threads(options.threads)
    chosen = load_config(options.preset)
    config = chosen.gan.model_copy(update={"xla": options.xla})
    unit = to_unit(sample_patches(_PATCHES), chosen.window_hu)[..., None]
    sizes = config.critic_steps * config.batch_size

    gan, rival = WGANGP.from_settings(config, seed=0), build_rival(config)
    batches = shuffled_batches((unit,), sizes, seed=0)
    rows = np.random.default_rng(0).integers(0, len(unit), options.steps * sizes)
    losses: dict[str, list[dict[str, float]]] = {"lungnet": [], "keras": []}

    def lungnet() -> None:
        means = Means()
        for _ in range(options.steps):
            (real,) = next(batches)
            real = real.reshape(config.critic_steps, config.batch_size, *unit.shape[1:])
            means.add(gan.train_on_batch(real, return_dict=True))
        losses["lungnet"].append(means.take())

    def plain() -> None:
        history = rival.fit(unit[rows], batch_size=sizes, verbose=0).history
        losses["keras"].append({name: values[-1] for name, values in history.items()})

    seconds = take_turns({"lungnet": lungnet, "keras": plain}, options.turns, options.cpu_time)
    fake = np.asarray(gan.sampler(np.random.default_rng(1).standard_normal((64, config.latent_dim))))
    loss_difference, gradient_difference = differences(config, unit[:64], fake)
    result = {
        **machine(options.threads, options.cpu_time),
        "tensorflow": tf.__version__,
        "preset": options.preset,
        "width": config.width,
        "batch_size": config.batch_size,
        "xla": config.xla,
        "steps_per_second": {
            name: round(options.steps / median(seconds, name), 2) for name in ("lungnet", "keras")
        },
        "times_as_fast_as_keras": round(faster(seconds, "lungnet", "keras"), 2),
        "ratios": [round(b / a, 2) for a, b in zip(seconds["lungnet"], seconds["keras"], strict=True)],
        "losses": {
            side: {name: round(turns[-1][name], 3) for name in ("critic_loss", "wasserstein_distance")}
            for side, turns in losses.items()
        },
        "loss_difference": loss_difference,
        "gradient_difference": gradient_difference,
    }
    print(json.dumps(result, indent=2))
    if options.output:
        write_json(options.output, result)


if __name__ == "__main__":
    main()

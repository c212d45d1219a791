"""Wasserstein GAN with gradient penalty (section 4).

The paper's formulas carry a logarithm that WGANs do not have, and a wrong sign. Implemented is the
published WGAN-GP: the critic minimises `E[D(fake)] - E[D(real)] + lambda * penalty`, the generator
`-E[D(fake)]`.
"""

from collections.abc import Callable
from typing import Any, Self

import keras
import tensorflow as tf
from keras import ops

from lungnet.config import GanConfig
from lungnet.models.batch_share import WholeBatch, batch_share, draw_for_samples
from lungnet.models.batches import layer_seed
from lungnet.models.gan_networks import build_critic, build_generator
from lungnet.models.quick_network import QuickNetwork

#: Keeps the square root differentiable where a gradient vanishes.
TINY = 1e-12


def gradient_norms(critic: Callable[[Any], Any], points: Any) -> Any:
    """Returns the Euclidean norm of the critic's gradient at each point.

    Args:
        critic: maps `(batch, ...)` to one score per sample.
        points: float32 `(batch, ...)`.

    Returns:
        float32 `(batch,)`, `sqrt(sum of squares + 1e-12)`.
    """
    with tf.GradientTape() as tape:
        tape.watch(points)
        scores = critic(points)
    gradients = tape.gradient(scores, points)
    axes = tuple(range(1, len(points.shape)))
    return ops.sqrt(ops.sum(ops.square(gradients), axis=axes) + TINY)


def interpolate(real: Any, fake: Any, alpha: Any = None, seed: Any = None) -> Any:
    """Returns one point on the straight line between each pair of real and fake.

    Args:
        real, fake: float32 `(batch, ...)`.
        alpha: `(batch,)` or broadcastable to `real`, 0 at `real` and 1 at `fake`; drawn uniformly
            from [0, 1), one per sample, if not given.
        seed: an int or a `keras.random.SeedGenerator` for that draw.

    Returns:
        float32 `(batch, ...)`.
    """
    count, ones = ops.shape(real)[0], (1,) * (len(real.shape) - 1)
    if alpha is None:
        alpha = draw_for_samples(lambda n: keras.random.uniform((n, *ones), seed=seed), count)
    else:
        alpha = ops.convert_to_tensor(alpha, "float32")
        alpha = ops.reshape(alpha, (count, *ones)) if len(alpha.shape) == 1 else alpha
    return real + alpha * (fake - real)


def gradient_penalty(
    critic: Callable[[Any], Any], real: Any, fake: Any, alpha: Any = None, seed: Any = None
) -> Any:
    """Returns the penalty term of WGAN-GP, `E[(||grad D(x)|| - 1)^2]`, without lambda (section 4).

    x lies on the straight line between each real and fake sample, at a place drawn uniformly for
    each sample.

    Args:
        critic: maps `(batch, ...)` to one score per sample; must not mix samples.
        real, fake: float32 `(batch, ...)` of equal shape.
        alpha: places on the lines (see `interpolate`), drawn if not given.
        seed: an int or a `keras.random.SeedGenerator` for that draw.

    Returns:
        A float32 scalar, differentiable in the critic's weights.

    Raises:
        ValueError: the shapes of `real` and `fake` differ.

    Example:
        >>> import keras
        >>> zeros = keras.ops.zeros((3, 2, 2, 1))
        >>> float(gradient_penalty(lambda x: 2 * keras.ops.sum(x, axis=(1, 2, 3)), zeros, zeros))
        9.0
    """
    real, fake = ops.convert_to_tensor(real, "float32"), ops.convert_to_tensor(fake, "float32")
    if tuple(real.shape[1:]) != tuple(fake.shape[1:]):
        raise ValueError(
            "real and fake must be of one shape. "
            f"Received: real.shape={tuple(real.shape)}, fake.shape={tuple(fake.shape)}"
        )
    norms = gradient_norms(critic, interpolate(real, fake, alpha, seed))
    return ops.mean(ops.square(norms - 1.0))


@keras.saving.register_keras_serializable("lungnet")
class WGANGP(keras.Model):
    """WGAN-GP whose training step updates the critic several times, then the generator once.

    Called on z it returns patches of `sampler`. `compile` takes the two optimizers.

    Args:
        generator: from `(batch, latent_dim)` to samples in [0, 1].
        critic: from samples to scores `(batch, 1)`; no batch normalisation.
        latent_dim: length of z.
        critic_steps: updates of the critic per training step.
        gradient_penalty_weight: lambda.
        ema_decay: decay of the averaged generator, 0 for none. Early on the decay is smaller,
            `(1 + t) / (10 + t)`, so that the average forgets the initial weights.
        seed: of z and of the interpolation.

    Input shape of a training step:
        float32 `(critic_steps, batch, rows, columns, channels)` in [0, 1]: real samples of its own for
        each update of the critic.

    Raises:
        ValueError: `critic_steps` below 1, or a training batch with another number of them.
    """

    def __init__(
        self,
        generator: keras.Model,
        critic: keras.Model,
        latent_dim: int,
        critic_steps: int = 5,
        gradient_penalty_weight: float = 10.0,
        ema_decay: float = 0.0,
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if critic_steps < 1:
            raise ValueError(f"critic_steps must be at least 1. Received: critic_steps={critic_steps}")
        self.generator = generator
        self.critic = critic
        self._generate, self._score = QuickNetwork(generator), QuickNetwork(critic)
        self.latent_dim = latent_dim
        self.critic_steps = critic_steps
        self.gradient_penalty_weight = gradient_penalty_weight
        self.ema_decay = ema_decay
        self.seed = seed
        self.average_generator = None
        if ema_decay > 0:
            self.average_generator = keras.models.clone_model(generator)
            self.average_generator.set_weights(generator.get_weights())
            self.average_generator.trainable = False
        self.seed_generator = keras.random.SeedGenerator(layer_seed(seed, "wgan_gp"))
        self._critic_loss = keras.metrics.Mean(name="critic_loss")
        self._generator_loss = keras.metrics.Mean(name="generator_loss")
        self._wasserstein = keras.metrics.Mean(name="wasserstein_distance")
        self._gradient_norm = keras.metrics.Mean(name="gradient_norm")
        self._penalty = keras.metrics.Mean(name="gradient_penalty")
        self.build((None, latent_dim))

    @classmethod
    def from_settings(cls, config: GanConfig, seed: int) -> Self:
        """Builds both networks and compiles the model, as the configuration says."""
        gan = cls(
            build_generator(config.latent_dim, config.width, seed),
            build_critic(config.width, seed),
            config.latent_dim,
            critic_steps=config.critic_steps,
            gradient_penalty_weight=config.gradient_penalty_weight,
            ema_decay=config.ema_decay,
            seed=seed,
            name="wgan_gp",
        )
        generator_adam, critic_adam = (
            keras.optimizers.Adam(config.learning_rate, config.beta_1, config.beta_2) for _ in range(2)
        )
        gan.compile(generator_adam, critic_adam, xla=config.xla)
        return gan

    @property
    def sampler(self) -> keras.Model:
        """The generator to draw from: the averaged one where there is one."""
        return self.generator if self.average_generator is None else self.average_generator

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        """Means since the last reset: losses, E[D(real)] - E[D(fake)], gradient norm, penalty."""
        return [
            self._critic_loss,
            self._generator_loss,
            self._wasserstein,
            self._gradient_norm,
            self._penalty,
        ]

    def compile(
        self,
        generator_optimizer: keras.optimizers.Optimizer,
        critic_optimizer: keras.optimizers.Optimizer,
        xla: bool = False,
    ) -> None:
        """Sets one optimizer for each network, and whether XLA compiles a training step."""
        super().compile(optimizer=None, jit_compile=xla)
        self.generator_optimizer = generator_optimizer
        self.critic_optimizer = critic_optimizer
        generator_optimizer.build(self.generator.trainable_variables)
        critic_optimizer.build(self.critic.trainable_variables)

    def get_compile_config(self) -> dict[str, Any]:
        """Returns both optimizers in serialised form, and whether XLA compiles."""
        return {
            "xla": self.jit_compile,
            "generator_optimizer": keras.saving.serialize_keras_object(self.generator_optimizer),
            "critic_optimizer": keras.saving.serialize_keras_object(self.critic_optimizer),
        }

    def compile_from_config(self, config: dict[str, Any]) -> None:
        """Compiles as `get_compile_config` wrote."""
        self.compile(**{key: keras.saving.deserialize_keras_object(value) for key, value in config.items()})

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Nothing is left to build: the networks come built."""
        self.built = True

    def call(self, latent: Any) -> Any:
        """Returns one sample in [0, 1] for each z."""
        return self.sampler(latent)

    def train_step(self, data: Any) -> dict[str, Any]:
        """Makes `critic_steps` updates of the critic and one of the generator."""
        real_batches, _, _ = keras.utils.unpack_x_y_sample_weight(data)
        if real_batches.shape[0] != self.critic_steps:
            raise ValueError(
                "A training batch must be (critic_steps, batch, rows, columns, channels) with "
                f"critic_steps={self.critic_steps}. Received: shape={tuple(real_batches.shape)}"
            )
        with batch_share(ops.shape(real_batches)[1]) as share:
            for step in range(self.critic_steps):
                fake = self._generate(self._draw_latent(share))
                self._update_critic(share.rows(real_batches[step]), fake, share)
            self._update_generator(share)
        return {metric.name: metric.result() for metric in self.metrics}

    def _draw_latent(self, share: WholeBatch) -> Any:
        shape = (share.total, self.latent_dim)
        return share.rows(keras.random.normal(shape, seed=self.seed_generator))

    def _update_critic(self, real: Any, fake: Any, share: WholeBatch) -> None:
        with tf.GradientTape() as tape:
            scores = self._score(ops.concatenate([real, fake]))
            real_scores, fake_scores = ops.split(scores, 2)
            wasserstein = share.mean(real_scores) - share.mean(fake_scores)
            norms = gradient_norms(self._score, interpolate(real, fake, seed=self.seed_generator))
            penalty = share.mean(ops.square(norms - 1.0))
            loss = self.gradient_penalty_weight * penalty - wasserstein
        variables = self.critic.trainable_variables
        self.critic_optimizer.apply(tape.gradient(loss, variables), variables)
        self._critic_loss.update_state(loss)
        self._wasserstein.update_state(wasserstein)
        self._gradient_norm.update_state(share.mean(norms))
        self._penalty.update_state(penalty)

    def _update_generator(self, share: WholeBatch) -> None:
        with tf.GradientTape() as tape:
            fake = self._generate(self._draw_latent(share))
            loss = -share.mean(self._score(fake))
        variables = self.generator.trainable_variables
        self.generator_optimizer.apply(tape.gradient(loss, variables), variables)
        self._generator_loss.update_state(loss)
        if self.average_generator is not None:
            step = ops.cast(self.generator_optimizer.iterations, "float32")
            decay = ops.minimum(self.ema_decay, (1.0 + step) / (10.0 + step))
            for average, current in zip(self.average_generator.weights, self.generator.weights, strict=True):
                average.assign(decay * average + (1.0 - decay) * current)

    def save_own_variables(self, store: Any) -> None:
        """Stores how far the noise was drawn, which Keras leaves out, so that training can go on."""
        store["noise_state"] = self.seed_generator.state

    def load_own_variables(self, store: Any) -> None:
        """Restores what `save_own_variables` stored."""
        self.seed_generator.state.assign(store["noise_state"])

    def get_config(self) -> dict[str, Any]:
        """Returns both networks in serialised form and every setting."""
        return {
            **super().get_config(),
            "generator": keras.saving.serialize_keras_object(self.generator),
            "critic": keras.saving.serialize_keras_object(self.critic),
            "latent_dim": self.latent_dim,
            "critic_steps": self.critic_steps,
            "gradient_penalty_weight": self.gradient_penalty_weight,
            "ema_decay": self.ema_decay,
            "seed": self.seed,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Self:
        """Rebuilds the model from `get_config`."""
        networks = {
            key: keras.saving.deserialize_keras_object(config[key], custom_objects=custom_objects)
            for key in ("generator", "critic")
        }
        return cls(**{**config, **networks})

"""The feed-forward network of section 5.3: FC1 - LeakyReLU - FC2 - LeakyReLU - FC3."""

from typing import Any

import keras
import numpy as np
import numpy.typing as npt
from keras import ops

from lungnet.hashing import stable_id
from lungnet.models.batch_share import draw_for_samples

#: No training sample lies farther than this from another in a standardised feature, so that a unit that
#: woke up for a handful of samples (and has a tiny standard deviation) does not drown all others.
_LARGEST_RANGE = 25.0


@keras.saving.register_keras_serializable(package="lungnet")
class FeedForward(keras.layers.Layer):
    """Features, optionally followed by a one-hot cluster, to two logits (section 5.3).

    The features are first standardised with a fixed offset and scale, which `adapt` takes from the
    training features and which are saved with the weights. Before `adapt` they are 0 and 1.

    Args:
        features: d, number of features.
        clusters: further one-hot inputs of FC1; 0 for none.
        hidden: neurons of FC1 and FC2.
        leaky_slope: negative slope of both leaky ReLUs.
        l2: Keras L2 factor of the three kernels.
        seed: of the Glorot uniform kernels and of the dropout.
        dropout: share of both hidden layers' neurons that is left out of each sample while training; the
            others make up for it.

    Call arguments:
        features: float32 `(b, d)`.
        one_hot: float32 `(b, clusters)`, or `None` without clusters.
        training: whether neurons are left out.

    Returns:
        float32 `(b, 2)` logits, before the softmax.
    """

    def __init__(
        self,
        features: int,
        clusters: int = 0,
        hidden: tuple[int, int] = (128, 32),
        leaky_slope: float = 0.01,
        l2: float = 5e-5,
        seed: int = 0,
        dropout: float = 0.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.dropout = float(dropout)
        if self.dropout:
            self.seed_generator = keras.random.SeedGenerator(stable_id(seed, "dropout") % 2**31)
        self.features, self.clusters, self.hidden = int(features), int(clusters), tuple(hidden)
        self.leaky_slope, self.l2, self.seed = float(leaky_slope), float(l2), int(seed)
        self.dense = [
            keras.layers.Dense(
                units,
                kernel_initializer=keras.initializers.GlorotUniform(seed=stable_id(seed, index) % 2**31),
                kernel_regularizer=keras.regularizers.L2(l2),
                name=f"fc{index + 1}",
            )
            for index, units in enumerate((*self.hidden, 2))
        ]
        self.activation = keras.layers.LeakyReLU(negative_slope=leaky_slope)

    def build(self, *_: Any) -> None:
        """Makes all weights; their shapes follow from the arguments alone."""
        self.offset = self.add_weight(
            shape=(self.features,), initializer="zeros", trainable=False, name="offset"
        )
        self.scale = self.add_weight(
            shape=(self.features,), initializer="ones", trainable=False, name="scale"
        )
        inputs = self.features + self.clusters
        for layer in self.dense:
            layer.build((None, inputs))
            inputs = layer.units
        self.built = True

    def adapt(self, features: npt.NDArray[np.floating[Any]]) -> None:
        """Takes offset and scale from training features `(n, d)`.

        A feature that is constant in training gets the scale 0: it teaches the network nothing, so
        whatever value it takes later must not reach the random weights behind it.
        """
        reach = np.ptp(features, axis=0).astype(np.float64)
        spread = np.maximum(np.std(features, axis=0, dtype=np.float64), reach / _LARGEST_RANGE)
        self.offset.assign(np.mean(features, axis=0, dtype=np.float64))
        self.scale.assign(np.divide(1.0, spread, out=np.zeros_like(spread), where=reach > 0))

    def call(self, features: Any, one_hot: Any = None, training: bool = False) -> Any:
        """Returns the two logits."""
        hidden = (features - self.offset) * self.scale
        if one_hot is not None:
            hidden = ops.concatenate([hidden, one_hot], axis=-1)
        for layer in self.dense[:-1]:
            hidden = self.activation(layer(hidden))
            if training and self.dropout:
                hidden = self._leave_out(hidden)
        return self.dense[-1](hidden)

    def _leave_out(self, hidden: Any) -> Any:
        drawn = draw_for_samples(
            lambda count: keras.random.uniform((count, hidden.shape[-1]), seed=self.seed_generator),
            ops.shape(hidden)[0],
        )
        return ops.where(drawn >= self.dropout, hidden / (1.0 - self.dropout), 0.0)

    def input_weights(self) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """Returns FC1 as it acts on raw features: kernel `(d + clusters, units)` and bias `(units,)`.

        The standardisation is folded in. Its feature rows are what importance averages.
        """
        kernel = ops.convert_to_numpy(self.dense[0].kernel).astype(np.float64)
        scale, offset = (ops.convert_to_numpy(v).astype(np.float64) for v in (self.scale, self.offset))
        kernel[: self.features] *= scale[:, None]
        bias = ops.convert_to_numpy(self.dense[0].bias) - offset @ kernel[: self.features]
        return kernel.astype(np.float32), bias.astype(np.float32)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of the constructor."""
        names = ("features", "clusters", "hidden", "leaky_slope", "l2", "seed", "dropout")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}

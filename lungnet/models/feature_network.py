"""CALM's network without clusters, a rival of CALM on the same features (Table 1)."""

from typing import Any

import keras

from lungnet.config import CalmConfig
from lungnet.models.feed_forward import FeedForward


@keras.saving.register_keras_serializable(package="lungnet")
class FeatureNetwork(keras.Model):
    """CALM's network without its clusters (row GAN+CAE+NN): features `(b, d)` to logits `(b,)`.

    Args:
        config: neurons, slopes and regularisation.
        features: d.
        seed: of the initial weights.
    """

    def __init__(
        self, config: CalmConfig | None = None, features: int = 450, seed: int = 0, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.config, self.features, self.seed = config or CalmConfig(), int(features), int(seed)
        c = self.config
        self.network = FeedForward(
            self.features, 0, c.hidden, c.leaky_slope, c.l2, self.seed, c.dropout, name="network"
        )
        self.network.build()
        self.build((None, self.features))

    def build(self, features_shape: tuple[int | None, ...]) -> None:
        """Nothing is left to build: the weights were made with the model."""
        self.built = True

    def call(self, features: Any) -> Any:
        """Returns the log odds of the positive class."""
        logits = self.network(features)
        return logits[:, 1] - logits[:, 0]

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of the constructor as plain data."""
        return {
            **super().get_config(),
            "config": self.config.model_dump(mode="json"),
            "features": self.features,
            "seed": self.seed,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> "FeatureNetwork":
        """Makes an untrained model from `get_config`'s result."""
        return cls(**{**config, "config": CalmConfig(**config["config"])})

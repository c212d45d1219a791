"""CALM, the clustering augmented classifier (section 5), with its cluster assignment in the graph."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import keras
import numpy as np
import numpy.typing as npt
from keras import ops

from lungnet.config import CalmConfig
from lungnet.models.dissimilarity import tensor_dissimilarity
from lungnet.models.feed_forward import FeedForward


class ClusterExplanation(NamedTuple):
    """What CALM says of each sample, and what it would have said of it in the second nearest cluster.

    Attributes:
        logit: float32 `(b,)`.
        cluster: int64 `(b,)`, the nearest cluster.
        margin: float32 `(b,)`, (d2 - d1) / (|d1| + |d2|) of the two least dissimilarities; below 1e-5
            rounding may choose either cluster.
        other_logit: float32 `(b,)`, the logit with the second nearest cluster.
    """

    logit: Any
    cluster: Any
    margin: Any
    other_logit: Any


def _nearest(distances: Sequence[Any]) -> tuple[Any, Any]:
    """Returns index (int64) and value of the least dissimilarity; the first one where several are equal.

    Comparisons instead of an argmin: they have plain ONNX operators and run on every device.
    """
    least = distances[0]
    index = ops.zeros_like(least, dtype="int64")
    for number, distance in enumerate(distances[1:], start=1):
        closer = ops.less(distance, least)
        index = ops.where(closer, ops.full_like(index, number), index)
        least = ops.where(closer, distance, least)
    return index, least


@keras.saving.register_keras_serializable(package="lungnet")
class CALM(keras.Model):
    """A feed-forward classifier whose input is augmented by the cluster of each sample (section 5).

    Cluster centres and the importance of each feature are non-trainable weights: they are saved,
    restored and exported with the network. `ClusteringCallback` moves them between epochs; until
    then all samples belong to cluster 0.

    Args:
        config: clusters, neurons, slopes and regularisation.
        features: d.
        seed: of the initial weights.

    Call arguments:
        features: float32 `(b, d)`, as the encoder gives them.
        training: whether neurons are left out (`config.dropout`).

    Returns:
        float32 `(b, 2)`: probabilities (softmax) of the negative and the positive class.

    Example:
        >>> CALM(features=3)(np.zeros((5, 3), np.float32)).shape
        TensorShape([5, 2])
    """

    def __init__(
        self, config: CalmConfig | None = None, features: int = 450, seed: int = 0, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.config = config or CalmConfig()
        self.features, self.seed = int(features), int(seed)
        self.network = FeedForward(
            self.features,
            self.config.clusters,
            self.config.hidden,
            self.config.leaky_slope,
            self.config.l2,
            self.seed,
            self.config.dropout,
            name="network",
        )
        self.network.build()
        shape = (self.config.clusters, self.features)
        self.centers = self.add_weight(shape=shape, initializer="zeros", trainable=False, name="centers")
        self.importance = self.add_weight(
            shape=shape[1:], initializer="ones", trainable=False, name="importance"
        )
        self.build((None, self.features))

    def build(self, features_shape: tuple[int | None, ...]) -> None:
        """Nothing is left to build: the weights were made with the model."""
        self.built = True

    def call(self, features: Any, training: bool = False) -> Any:
        """Returns the probabilities of both classes."""
        return ops.softmax(self.logits(features, training), axis=-1)

    def logits(self, features: Any, training: bool = False) -> Any:
        """Returns float32 `(b, 2)`, the network's output before the softmax."""
        return self._logits_in(features, self.cluster(features), training)

    def logit(self, features: Any) -> Any:
        """Returns float32 `(b,)`, the log odds of the positive class."""
        return self.logit_and_cluster(features)[0]

    def logit_and_cluster(self, features: Any) -> tuple[Any, Any]:
        """Returns both decisions from one assignment."""
        index = self.cluster(features)
        return _log_odds(self._logits_in(features, index)), index

    def distances(self, features: Any) -> list[Any]:
        """Returns the dissimilarities, one float32 tensor `(b,)` per cluster."""
        return tensor_dissimilarity(features, self.centers, self.importance)

    def cluster(self, features: Any) -> Any:
        """Returns int64 `(b,)`, the cluster of least dissimilarity (the lower number where equal)."""
        return _nearest(self.distances(features))[0]

    def cluster_margin(self, features: Any) -> Any:
        """Returns float32 `(b,)` in [0, 1]: how clearly the nearest cluster is nearer than the next."""
        return self.explain(features).margin

    def explain(self, features: Any) -> ClusterExplanation:
        """Returns decision and cluster with what the second nearest cluster would have changed."""
        distances = self.distances(features)
        index, least = _nearest(distances)
        infinite = ops.full_like(least, float("inf"))
        others = [
            ops.where(ops.equal(index, ops.full_like(index, number)), infinite, distance)
            for number, distance in enumerate(distances)
        ]
        other_index, other = _nearest(others)
        total = ops.abs(least) + ops.abs(other)
        margin = (other - least) / ops.where(ops.greater(total, 0.0), total, ops.ones_like(total))
        return ClusterExplanation(
            _log_odds(self._logits_in(features, index)),
            index,
            margin,
            _log_odds(self._logits_in(features, other_index)),
        )

    def _logits_in(self, features: Any, index: Any, training: bool = False) -> Any:
        numbers = np.arange(self.config.clusters, dtype=np.int64)
        one_hot = ops.cast(ops.equal(ops.expand_dims(index, -1), numbers), "float32")
        return self.network(features, one_hot, training=training)

    def network_importance(self) -> npt.NDArray[np.float32]:
        """Returns `(d,)`: the mean over FC1's neurons of the weights from each feature (section 5.2).

        Of their absolute values with `importance = "absolute"`, as they are with `"signed"`. The
        standardisation counts as part of the weights; the one-hot columns are left out.
        """
        kernel = self.network.input_weights()[0][: self.features]
        if self.config.importance == "absolute":
            kernel = np.abs(kernel)
        return kernel.mean(axis=1, dtype=np.float32)

    def set_clusters(self, centers: npt.ArrayLike, importance: npt.ArrayLike) -> None:
        """Replaces centres `(clusters, d)` and importance `(d,)`."""
        self.centers.assign(centers)
        self.importance.assign(importance)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of the constructor as plain data."""
        return {
            **super().get_config(),
            "config": self.config.model_dump(mode="json"),
            "features": self.features,
            "seed": self.seed,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> "CALM":
        """Makes an untrained model from `get_config`'s result."""
        return cls(**{**config, "config": CalmConfig(**config["config"])})


def _log_odds(logits: Any) -> Any:
    return logits[:, 1] - logits[:, 0]

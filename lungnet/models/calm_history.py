"""What happened while CALM learned, iteration by iteration."""

from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt


@dataclass
class CalmHistory:
    """What happened, one entry per iteration; plain data that JSON takes.

    Losses are cross entropies without the L2 term. Sizes and variance are those of the assignment that
    the iteration trained with (Figures 4 and 5).

    Attributes:
        loss, accuracy: on the training features, averaged over the epoch.
        validation_loss, validation_accuracy: empty without validation features.
        cluster_sizes: samples of each cluster.
        changed: share of samples that changed cluster after the epoch.
        objective_change: relative change of objective (3) by the new centres, old and new ones under the
            same importance and each sample in the nearest cluster.
        intra_cluster_variance: mean squared Euclidean distance of the features to their cluster's mean.
        reseeded: iterations (from 1) in which an emptied cluster was given a new centre.
        kept_iteration: iteration (from 1) whose network, centres and importance were kept.
        converged: the assignment stayed unchanged for `patience` iterations.
    """

    loss: list[float] = field(default_factory=list)
    accuracy: list[float] = field(default_factory=list)
    validation_loss: list[float] = field(default_factory=list)
    validation_accuracy: list[float] = field(default_factory=list)
    cluster_sizes: list[list[int]] = field(default_factory=list)
    changed: list[float] = field(default_factory=list)
    objective_change: list[float] = field(default_factory=list)
    intra_cluster_variance: list[float] = field(default_factory=list)
    reseeded: list[int] = field(default_factory=list)
    kept_iteration: int = 0
    converged: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Returns a copy of the fields as plain data."""
        return asdict(self)


class IntraClusterVariance:
    """Mean squared Euclidean distance of samples to the mean of their cluster (Figure 4).

    Args:
        features: `(n, d)`; their scatter is computed once, for all assignments.

    Call arguments:
        assignment: int64 `(n,)`, cluster of each sample.

    Example:
        >>> IntraClusterVariance(np.array([[0.0], [2.0], [9.0]]))(np.array([0, 0, 1]))
        0.6666666666666666
    """

    def __init__(self, features: npt.NDArray[np.floating]) -> None:
        self._features = features
        self._mean = features.mean(axis=0, dtype=np.float64)
        self._scatter = float(np.square(features - self._mean, dtype=np.float64).sum())

    def __call__(self, assignment: npt.NDArray[np.int64]) -> float:
        """Returns the variance: the scatter about the overall mean less that of the clusters' means."""
        between = 0.0
        for cluster in np.unique(assignment):
            members = self._features[assignment == cluster]
            mean = members.mean(axis=0, dtype=np.float64)
            between += len(members) * float(np.square(mean - self._mean).sum())
        return (self._scatter - between) / len(self._features)

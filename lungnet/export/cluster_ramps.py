"""Which cluster centre is nearest, in a form that is cheap on every position of a slice.

The nearest centre needs no distance, only differences of distances, and of each feature the difference of
two distances is a ramp:

    |x - a| - |x - b| = 2 min(max(x - a, 0), b - a) - (b - a)    for a <= b

So for each further cluster one clipped copy of the features and one dot product replace two subtractions,
two absolute values and two dot products; for two clusters that is half the work, and the ramp is what a
convolution with a clip as its activation computes.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class ClusterRamps:
    """d_l - d_0 = sum_n weight_ln min(max(x_n - low_ln, 0), span_ln) + constant_l, for all l from 1 on.

    Attributes:
        low: float32 `(clusters - 1, features)`, the lesser of both centres.
        span: float32 `(clusters - 1, features)`, how far they lie apart.
        weight: float32 `(clusters - 1, features)`, twice the importance, negative where cluster 0 has the
            lesser centre.
        constant: float32 `(clusters - 1,)`.
    """

    low: Array
    span: Array
    weight: Array
    constant: Array


def cluster_ramps(centers: npt.ArrayLike, importance: npt.ArrayLike) -> ClusterRamps:
    """Puts the differences of dissimilarities (section 5.2) into ramps.

    Args:
        centers: `(clusters, features)`, two clusters or more.
        importance: `(features,)`, of either sign.

    Example:
        >>> ramps = cluster_ramps([[3.0], [1.0]], [0.5])  # d_1 - d_0 = 0.5 |x - 1| - 0.5 |x - 3|
        >>> within = np.clip(2.5 - ramps.low, 0, ramps.span)
        >>> ((ramps.weight * within).sum(axis=1) + ramps.constant).tolist()
        [0.5]
    """
    centers, importance = np.asarray(centers, np.float32), np.asarray(importance, np.float64)
    low, high = np.minimum(centers[1:], centers[:1]), np.maximum(centers[1:], centers[:1])
    span = high - low
    signed = np.where(centers[1:] < centers[:1], importance, -importance)
    return ClusterRamps(
        low,
        span,
        (2 * signed).astype(np.float32),
        -(signed * span).sum(axis=1).astype(np.float32),
    )

"""The dissimilarity of section 5.2: how far samples lie from cluster centres, as the network sees it.

    d_il = sum_n importance_n |x_i^n - x_l^n|

`importance_n` is the mean, over the neurons of the first layer, of the weights from input `n`.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
from keras import ops

#: Samples whose differences are held at once: 2 MB at 450 features, which stays in cache.
_CHUNK = 1024


def _floating(*arrays: npt.ArrayLike) -> list[npt.NDArray[np.floating[Any]]]:
    """Returns the arrays in the widest floating type among them, float32 at least."""
    dtype = np.result_type(np.float32, *(np.asarray(array).dtype for array in arrays))
    return [np.asarray(array, dtype) for array in arrays]


def dissimilarity(
    x: npt.ArrayLike, centers: npt.ArrayLike, importance: npt.ArrayLike
) -> npt.NDArray[np.floating[Any]]:
    """Returns the dissimilarity of every sample to every cluster centre (section 5.2).

    Args:
        x: features `(n, d)`.
        centers: centres `(clusters, d)`.
        importance: weight `(d,)` of each feature; negative ones (the paper's signed mean) are taken
            as they are, and can make a dissimilarity negative.

    Returns:
        `(n, clusters)`, float64 if an argument is float64 or an integer of 32 bits or more, else float32.

    Raises:
        ValueError: the shapes do not fit together.

    Example:
        >>> dissimilarity([[0.0, 0.0], [1.0, 3.0]], [[1.0, 1.0]], [1.0, 0.5]).tolist()
        [[1.5], [1.0]]
    """
    x, centers, importance = _floating(x, centers, importance)
    if (
        x.ndim != 2
        or centers.ndim != 2
        or importance.shape != x.shape[1:]
        or centers.shape[1:] != x.shape[1:]
    ):
        raise ValueError(
            "x, centers and importance must have the shapes (n, d), (clusters, d) and (d,). "
            f"Received: {x.shape}, {centers.shape} and {importance.shape}"
        )
    result = np.empty((len(x), len(centers)), x.dtype)
    difference = np.empty((min(_CHUNK, len(x)), x.shape[1]), x.dtype)
    for start in range(0, len(x), _CHUNK):
        chunk = x[start : start + _CHUNK]
        held = difference[: len(chunk)]
        for index, center in enumerate(centers):
            np.subtract(chunk, center, out=held)
            np.abs(held, out=held)
            np.matmul(held, importance, out=result[start : start + _CHUNK, index])
    return result


def clustering_objective(x: npt.ArrayLike, centers: npt.ArrayLike, importance: npt.ArrayLike) -> float:
    """Returns objective (3): the dissimilarity of each sample to its nearest centre, summed.

    Args:
        x: features `(n, d)`.
        centers: centres `(clusters, d)`.
        importance: weight `(d,)` of each feature.

    Raises:
        ValueError: the shapes do not fit together.

    Example:
        >>> clustering_objective([[0.0], [1.0], [5.0]], [[0.0], [4.0]], [2.0])
        4.0
    """
    return float(dissimilarity(x, centers, importance).min(axis=1).sum(dtype=np.float64))


def tensor_dissimilarity(x: Any, centers: Any, importance: Any) -> list[Any]:
    """Returns the same inside a graph: one tensor `(b,)` of dissimilarities per centre.

    One subtraction, one absolute value and one matrix product per centre convert to plain ONNX
    operators and hold `(b, d)` numbers at a time, not `(b, clusters, d)`.

    Args:
        x: float32 tensor `(b, d)`.
        centers: tensor or variable `(clusters, d)` with a static number of clusters.
        importance: tensor or variable `(d,)`.
    """
    weight = ops.expand_dims(ops.convert_to_tensor(importance), -1)
    centers = ops.convert_to_tensor(centers)
    return [
        ops.squeeze(ops.matmul(ops.abs(x - centers[index : index + 1]), weight), -1)
        for index in range(centers.shape[0])
    ]


def total_dissimilarity(
    candidates: npt.ArrayLike, members: npt.ArrayLike, importance: npt.ArrayLike
) -> npt.NDArray[np.float64]:
    """Returns each candidate's dissimilarity to all members of a cluster, summed.

    Feature by feature: with members sorted and their prefix sums known, the sum of |x - x_j| over all
    members needs only the rank of x. So n candidates against m members cost (n + m) log m, not n m.

    Args:
        candidates: features `(k, d)` of possible centres.
        members: features `(m, d)` of the cluster.
        importance: weight `(d,)` of each feature.

    Returns:
        float64 `(k,)`.

    Example:
        >>> total_dissimilarity([[0.0], [2.0]], [[0.0], [2.0], [3.0]], [1.0]).tolist()
        [5.0, 3.0]
    """
    candidates, members, importance = (np.asarray(a) for a in (candidates, members, importance))
    total = np.zeros(len(candidates))
    for weight, position, column in zip(importance, candidates.T, np.sort(members.T, axis=1), strict=True):
        if weight == 0.0 or column[0] == column[-1] == position.min() == position.max():
            continue  # says nothing: a dead unit of the encoder, for instance
        prefix = np.concatenate(([0.0], np.cumsum(column, dtype=np.float64)))
        rank = np.searchsorted(column, position)
        below = position.astype(np.float64) * (2 * rank - len(column))
        total += weight * (below + prefix[-1] - 2.0 * prefix[rank])
    return total

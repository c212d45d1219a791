"""Kernel distance (KID) between two samples of patches, in some space of features.

Binkowski, Sutherland, Arbel and Gretton, "Demystifying MMD GANs" (ICLR 2018): the squared maximum mean
discrepancy under the kernel `(x . y / d + 1)^3`, without bias.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lungnet.evaluation.checks import Floats
from lungnet.evaluation.sample_checks import check_pair
from lungnet.hashing import stable_id


@dataclass(frozen=True)
class KernelDistance:
    """A kernel distance and how far it varies over subsets.

    Attributes:
        value: mean over the subsets. Equal distributions have 0 on average, so it may be negative.
        standard_error: of that mean over subsets. Subsets overlap: another sample of patches would move
            the value by more than this.
        subset_size: patches of each sample in a subset.
        subsets: how many.
    """

    value: float
    standard_error: float
    subset_size: int
    subsets: int


def cubic_kernel(x: Floats, y: Floats) -> Floats:
    """Returns `(x_i . y_j / d + 1)^3` as float64 `(n, m)`."""
    return (x @ y.T / x.shape[1] + 1.0) ** 3


def squared_mmd(reference: npt.ArrayLike, tested: npt.ArrayLike) -> float:
    """Returns the unbiased estimate of the squared maximum mean discrepancy under the cubic kernel.

    Args:
        reference: `(n, d)`, n at least 2.
        tested: `(m, d)`, m at least 2.

    Raises:
        InputError: another shape, too few, not finite, or different numbers of features.

    Example:
        >>> squared_mmd([[0.0], [1.0]], [[2.0], [3.0]])  # 1 + 343 - 2 * (1 + 1 + 27 + 64) / 4
        297.5
    """
    x, y = check_pair(reference, tested, at_least=2)
    return _squared_mmd(cubic_kernel(x, x), cubic_kernel(y, y), cubic_kernel(x, y))


def kernel_distance(
    reference: npt.ArrayLike,
    tested: npt.ArrayLike,
    subset_size: int = 100,
    subsets: int = 100,
    seed: int = 0,
) -> KernelDistance:
    """Returns the mean of `squared_mmd` over random subsets, and its standard error.

    A subset takes as many patches from each sample, none twice.

    Args:
        reference: `(n, d)`, n at least 4.
        tested: `(m, d)`, m at least 4.
        subset_size: patches of each sample in a subset; at most half of the smaller sample are taken, for
            subsets that hold nearly everything say nothing of the spread.
        subsets: how many, at least 2.
        seed: of the subsets.

    Raises:
        InputError: as `squared_mmd`.
        ValueError: `subset_size` or `subsets` is below 2.
    """
    if subset_size < 2 or subsets < 2:
        raise ValueError(
            f"subset_size and subsets must be at least 2. Received: subset_size={subset_size}, "
            f"subsets={subsets}"
        )
    x, y = check_pair(reference, tested, at_least=4)
    size = min(subset_size, len(x) // 2, len(y) // 2)
    within_x, within_y, between = cubic_kernel(x, x), cubic_kernel(y, y), cubic_kernel(x, y)
    rng = np.random.default_rng([seed, stable_id("kernel distance")])
    values = np.empty(subsets)
    for subset in range(subsets):
        i = rng.choice(len(x), size, replace=False)
        j = rng.choice(len(y), size, replace=False)
        values[subset] = _squared_mmd(within_x[np.ix_(i, i)], within_y[np.ix_(j, j)], between[np.ix_(i, j)])
    return KernelDistance(float(values.mean()), float(values.std(ddof=1) / np.sqrt(subsets)), size, subsets)


def _squared_mmd(within_x: Floats, within_y: Floats, between: Floats) -> float:
    def off_diagonal_mean(kernel: Floats) -> float:
        return float((kernel.sum() - np.trace(kernel)) / (len(kernel) * (len(kernel) - 1)))

    return off_diagonal_mean(within_x) + off_diagonal_mean(within_y) - 2.0 * float(between.mean())

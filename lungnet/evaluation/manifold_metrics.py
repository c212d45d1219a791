"""Precision, recall, density and coverage of a sample of patches, in some space of features.

A sample's manifold is the union of balls about its members, each reaching to the member's k-th nearest
neighbour within the sample. Precision and recall: Kynkaanniemi et al., "Improved precision and recall metric
for assessing generative models" (NeurIPS 2019). Density and coverage: Naeem et al., "Reliable fidelity and
diversity metrics for generative models" (ICML 2020).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.spatial.distance import cdist

from lungnet.errors import InputError
from lungnet.evaluation.checks import Floats
from lungnet.evaluation.sample_checks import check_pair


@dataclass(frozen=True)
class ManifoldMetrics:
    """How two samples lie in each other's manifolds.

    Attributes:
        precision: share of tested patches within the reference's manifold: are they like it?
        recall: share of reference patches within the tested manifold: is everything there?
        density: balls of the reference that a tested patch lies in, over k; 1 on average for equal
            distributions, may exceed 1. A single outlier of the reference does not raise it by much.
        coverage: share of the reference's balls that hold a tested patch.
    """

    precision: float
    recall: float
    density: float
    coverage: float


def manifold_metrics(reference: npt.ArrayLike, tested: npt.ArrayLike, neighbours: int = 5) -> ManifoldMetrics:
    """Measures one sample of patches against another.

    All four depend on the sizes of the samples: compare only between samples of equal sizes. Balls are
    closed: a patch at exactly the radius lies within.

    Args:
        reference: `(n, d)`, real.
        tested: `(m, d)`, synthetic, or other real ones for the floor.
        neighbours: k.

    Raises:
        InputError: another shape, not finite, different numbers of features, or no more than k patches.
        ValueError: `neighbours` is below 1.
    """
    if neighbours < 1:
        raise ValueError(f"neighbours must be at least 1. Received: {neighbours}")
    real, fake = check_pair(reference, tested, at_least=2)
    if min(len(real), len(fake)) <= neighbours:
        raise InputError(
            f"Each sample must hold more than neighbours={neighbours} patches. "
            f"Received: {len(real)} and {len(fake)}"
        )
    between = cdist(real, fake)
    in_real = between <= _radii(real, neighbours)[:, None]
    in_fake = between <= _radii(fake, neighbours)[None, :]
    return ManifoldMetrics(
        precision=float(in_real.any(axis=0).mean()),
        recall=float(in_fake.any(axis=1).mean()),
        density=float(in_real.sum() / (neighbours * len(fake))),
        coverage=float(in_real.any(axis=1).mean()),
    )


def _radii(sample: Floats, neighbours: int) -> Floats:
    """Distance of each member to its k-th nearest other member."""
    distances = cdist(sample, sample)
    np.fill_diagonal(distances, np.inf)
    return np.partition(distances, neighbours - 1, axis=1)[:, neighbours - 1]

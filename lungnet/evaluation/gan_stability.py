"""Whether a GAN's training came to rest: its critic's distance and gradient norm."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from lungnet.errors import InputError

#: A curve has settled if it changes by no more than this share of its mean within the last fifth, and
#: scatters by no more than this share about its trend.
TOLERANCE = 0.1
#: The critic's gradient norm, which the penalty draws to 1, must end this near to it.
NORM_TOLERANCE = 0.1
#: A fifth of fewer reports has no trend.
FEWEST_REPORTS = 15


@dataclass(frozen=True)
class Settling:
    """The last fifth of a curve against its first.

    Attributes:
        first_mean, last_mean: of the first and of the last fifth.
        drift: change over the last fifth along a least squares line, as a share of its mean.
        scatter: standard deviation about that line, as a share of the mean.
        settled: both are at most 10 % in size.
    """

    first_mean: float
    last_mean: float
    drift: float
    scatter: float
    settled: bool

    def to_json(self) -> dict[str, Any]:
        """Returns the fields as a JSON object."""
        return asdict(self)


@dataclass(frozen=True)
class Stability:
    """How a WGAN-GP's training ended.

    Attributes:
        reports: points of each curve.
        critic_distance: of E[D(real)] - E[D(fake)].
        gradient_norm: of the critic's gradient norm.
        stable: both settled, the distance lies below that of the first fifth, and the norm within 0.1 of 1.
    """

    reports: int
    critic_distance: Settling
    gradient_norm: Settling
    stable: bool

    def to_json(self) -> dict[str, Any]:
        """Returns the fields as a JSON object."""
        return asdict(self)


def settling(values: Sequence[float]) -> Settling:
    """Compares the last fifth of a curve with its first.

    Args:
        values: evenly spaced, at least 15.

    Raises:
        InputError: fewer, or a value that is not finite.
    """
    curve = np.asarray(values, np.float64)
    if curve.ndim != 1 or len(curve) < FEWEST_REPORTS or not np.isfinite(curve).all():
        raise InputError(
            f"A curve must hold at least {FEWEST_REPORTS} finite values for its last fifth to be judged. "
            f"Received: {curve.size}, {int(np.isfinite(curve).sum())} of them finite"
        )
    fifth = len(curve) // 5
    first, last = curve[:fifth], curve[-fifth:]
    at = np.arange(fifth) - (fifth - 1) / 2.0
    slope = float(at @ last / (at @ at))
    mean = float(last.mean())
    scale = max(abs(mean), np.finfo(float).tiny)
    drift = slope * (fifth - 1) / scale
    scatter = float(np.std(last - mean - slope * at)) / scale
    return Settling(
        float(first.mean()), mean, drift, scatter, bool(abs(drift) <= TOLERANCE and scatter <= TOLERANCE)
    )


def gan_stability(history: Mapping[str, Sequence[float]]) -> Stability:
    """Judges the curves that `lungnet.models.train_gan` leaves.

    Args:
        history: with "wasserstein_distance" and "gradient_norm".

    Raises:
        InputError: as `settling`.
    """
    distance = settling(history["wasserstein_distance"])
    norm = settling(history["gradient_norm"])
    return Stability(
        reports=len(history["wasserstein_distance"]),
        critic_distance=distance,
        gradient_norm=norm,
        stable=distance.settled
        and norm.settled
        and distance.last_mean < distance.first_mean
        and abs(norm.last_mean - 1.0) <= NORM_TOLERANCE,
    )

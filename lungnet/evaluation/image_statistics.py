"""What can be seen without any network: intensities and frequencies of patches."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lungnet.evaluation.checks import Floats
from lungnet.evaluation.sample_checks import check_images

#: Width of the bins under the Jensen-Shannon divergence. Patches that once had 8 bits for 1,400 HU know
#: only every 5.5th value: much narrower bins would tell them by that.
BIN_HU = 50
#: Powers below this (HU^2) count as this, so that a constant patch has a logarithm.
_LEAST_POWER = 1e-6


@dataclass(frozen=True)
class IntensityDistance:
    """How far the intensities of two samples are apart, all pixels of all patches taken together.

    Attributes:
        wasserstein_hu: mean shift in HU that turns one distribution into the other.
        jensen_shannon_bits: divergence of histograms with bins of 50 HU, 0 (equal) to 1 (disjoint).
    """

    wasserstein_hu: float
    jensen_shannon_bits: float


def intensity_histogram(patches_hu: npt.NDArray[np.int16], window_hu: tuple[float, float]) -> Floats:
    """Returns the share of pixels at each whole HU of the window, float64 `(high - low + 1,)`.

    Args:
        patches_hu: int16 `(n, size, size)`, at least one; clipped to the window.
        window_hu: whole numbers.

    Raises:
        InputError: not int16 `(n, size, size)`, or none.
    """
    low, high = (round(edge) for edge in window_hu)
    values = np.clip(check_images(patches_hu, "patches_hu"), low, high).astype(np.int64) - low
    return np.bincount(values.ravel(), minlength=high - low + 1) / values.size


def intensity_distance(
    reference_hu: npt.NDArray[np.int16], tested_hu: npt.NDArray[np.int16], window_hu: tuple[float, float]
) -> IntensityDistance:
    """Compares the intensities of two samples of patches within a window.

    Args:
        reference_hu: int16 `(n, size, size)`.
        tested_hu: int16 `(m, size, size)`.
        window_hu: both are clipped to it.

    Raises:
        InputError: not int16 `(n, size, size)`, or none.
    """
    p, q = intensity_histogram(reference_hu, window_hu), intensity_histogram(tested_hu, window_hu)
    edges = np.arange(0, len(p), BIN_HU)
    return IntensityDistance(
        # In steps of 1 HU the area between the cumulative shares is a plain sum.
        wasserstein_hu=float(np.abs(np.cumsum(p - q)).sum()),
        jensen_shannon_bits=_jensen_shannon_bits(np.add.reduceat(p, edges), np.add.reduceat(q, edges)),
    )


def radial_power_spectrum(patches_hu: npt.NDArray[np.int16]) -> Floats:
    """Returns the mean power of patches by spatial frequency, in HU^2.

    Each patch loses its mean and is tapered by a Hann window, for its edges do not meet. Powers are means
    over all patches and over frequencies whose distance from 0 rounds to the same number of cycles a patch.

    Args:
        patches_hu: int16 `(n, size, size)`, at least one.

    Returns:
        float64 `(size // 2,)`, for 1 to size // 2 cycles a patch.

    Raises:
        InputError: not int16 `(n, size, size)`, or none.
    """
    patches = check_images(patches_hu, "patches_hu").astype(np.float64)
    size = patches.shape[-1]
    taper = np.hanning(size + 2)[1:-1]
    window = np.outer(taper, taper)
    centred = (patches - patches.mean(axis=(1, 2), keepdims=True)) * window
    power = np.mean(np.abs(np.fft.fft2(centred)) ** 2, axis=0) / (size**2 * np.sum(window**2))
    cycles = np.fft.fftfreq(size, 1.0 / size)
    rings = np.rint(np.hypot(cycles[:, None], cycles[None, :])).astype(np.int64)
    sums = np.bincount(rings.ravel(), power.ravel())
    return (sums / np.bincount(rings.ravel()))[1 : size // 2 + 1]


def log_spectral_distance_db(reference_hu: npt.NDArray[np.int16], tested_hu: npt.NDArray[np.int16]) -> float:
    """Returns the root mean square difference of two radial power spectra in decibels.

    Args:
        reference_hu: int16 `(n, size, size)`.
        tested_hu: int16 `(m, size, size)`.

    Raises:
        InputError: not int16 `(n, size, size)`, or none.
    """
    reference, tested = (
        10.0 * np.log10(np.maximum(radial_power_spectrum(patches), _LEAST_POWER))
        for patches in (reference_hu, tested_hu)
    )
    return float(np.sqrt(np.mean((reference - tested) ** 2)))


def _jensen_shannon_bits(p: Floats, q: Floats) -> float:
    middle = (p + q) / 2.0

    def divergence(one: Floats) -> float:
        held = one > 0
        return float(np.sum(one[held] * np.log2(one[held] / middle[held])))

    return max(0.0, (divergence(p) + divergence(q)) / 2.0)

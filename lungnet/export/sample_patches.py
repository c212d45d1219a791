"""Patches on which a converted model is compared when no real ones are at hand."""

import numpy as np
import numpy.typing as npt

PATCH_SIZE = 40

#: Values at which clipping, padding and overflow show: int16's ends, the padding of some scanners, air,
#: the ends of the default window, water, and the end of 12-bit CT.
EXTREME_HU = (-32768, -2000, -1000, 0, 400, 3071, 32767)


def extreme_patches() -> npt.NDArray[np.int16]:
    """Returns int16 `(8, 40, 40)`: one constant patch for each `EXTREME_HU`, one checkerboard of the ends."""
    constants = [np.full((PATCH_SIZE, PATCH_SIZE), hu, np.int16) for hu in EXTREME_HU]
    checkers = np.indices((PATCH_SIZE, PATCH_SIZE)).sum(axis=0) % 2
    limits = np.array([EXTREME_HU[0], EXTREME_HU[-1]], np.int16)
    return np.stack([*constants, limits[checkers]])


def sample_patches(count: int = 174, seed: int = 0) -> npt.NDArray[np.int16]:
    """Draws patches with the intensities and the scale of structure of lung CT.

    Each is lung (-950 to -750 HU) with a smooth gradient, soft tissue beyond a straight border in some,
    one to three blurred discs of 2 to 12 pixels radius (-600 to 150 HU) and Gaussian noise of 10 to 60 HU.
    They are no data to train on: they only visit the values that a real patch visits.

    Args:
        count: how many.
        seed: patch i depends on `seed` and i alone.

    Returns:
        int16 `(count, 40, 40)` in Hounsfield units.
    """
    return np.stack([_sample_patch(np.random.default_rng([seed, index])) for index in range(count)])


def _sample_patch(rng: np.random.Generator) -> npt.NDArray[np.int16]:
    rows, columns = np.indices((PATCH_SIZE, PATCH_SIZE), np.float64) - (PATCH_SIZE - 1) / 2
    angle = rng.uniform(0, 2 * np.pi)
    along = rows * np.sin(angle) + columns * np.cos(angle)
    hu = rng.uniform(-950, -750) + rng.uniform(0, 3) * along
    if rng.random() < 0.3:
        wall = 1 / (1 + np.exp(-(along - rng.uniform(0, 20))))
        hu += wall * (rng.uniform(0, 60) - hu)
    for _ in range(rng.integers(1, 4)):
        center_row, center_column = rng.uniform(-15, 15, 2)
        distance = np.hypot(rows - center_row, columns - center_column)
        disc = 1 / (1 + np.exp(np.clip(distance - rng.uniform(2, 12), -50, 50)))
        hu += disc * (rng.uniform(-600, 150) - hu)
    hu += rng.normal(0, rng.uniform(10, 60), hu.shape)
    return np.rint(hu).astype(np.int16)

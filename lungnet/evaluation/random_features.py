"""A fixed space of features that nothing was trained for.

An encoder that was trained on the patches which are compared may overlook what sets them apart, or dwell on
it. Convolutions with random weights do neither. They are drawn once, from a seed that is part of the measure
and no setting, so that distances can be compared between runs and data sets.
"""

import numpy as np
import numpy.typing as npt

from lungnet.evaluation.sample_checks import check_images

#: Of the weights. Another seed is another measure.
SEED = 20190507
#: (channels, kernel, pooled by) of each layer: 40 - 36 - 18 - 16 - 8 - 6 - 2.
LAYERS = ((32, 5, 2), (64, 3, 2), (64, 3, 3))
#: Patches at a time.
_CHUNK = 64

Weights = list[tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]]


def random_features(
    patches_hu: npt.NDArray[np.int16], window_hu: tuple[float, float]
) -> npt.NDArray[np.float32]:
    """Passes patches through three layers of random convolutions, rectifiers and average pooling.

    Weights are normal with variance 2 / fan-in (He), biases with deviation 0.1.

    Args:
        patches_hu: int16 `(n, 40, 40)`, at least one.
        window_hu: clipped and scaled to [-1, 1] first.

    Returns:
        float32 `(n, 256)`: 2 x 2 positions with 64 channels each.

    Raises:
        InputError: not int16 `(n, size, size)`, or none.
        ValueError: the window is not increasing.
    """
    low, high = window_hu
    if not low < high:
        raise ValueError(f"window_hu must be increasing. Received: window_hu=({low}, {high})")
    patches = check_images(patches_hu, "patches_hu")
    weights = _draw_weights()
    features = []
    for start in range(0, len(patches), _CHUNK):
        clipped = np.clip(patches[start : start + _CHUNK].astype(np.float32), low, high)
        maps = (2.0 * (clipped - low) / (high - low) - 1.0)[..., None].astype(np.float32)
        for (kernel, bias), (_, _, pool) in zip(weights, LAYERS, strict=True):
            maps = _pool(np.maximum(_convolve(maps, kernel) + bias, 0.0), pool)
        features.append(maps.reshape(len(maps), -1))
    return np.concatenate(features)


def _draw_weights() -> Weights:
    rng = np.random.default_rng(SEED)
    weights: Weights = []
    fan_channels = 1
    for channels, size, _ in LAYERS:
        fan_in = size * size * fan_channels
        kernel = rng.normal(0.0, np.sqrt(2.0 / fan_in), (size, size, fan_channels, channels))
        bias = rng.normal(0.0, 0.1, channels)
        weights.append((kernel.astype(np.float32), bias.astype(np.float32)))
        fan_channels = channels
    return weights


def _convolve(maps: npt.NDArray[np.float32], kernel: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Correlation without padding: `(n, rows, columns, in)` with `(k, k, in, out)`."""
    size = kernel.shape[0]
    windows = np.lib.stride_tricks.sliding_window_view(maps, (size, size), axis=(1, 2))
    found: npt.NDArray[np.float32] = np.tensordot(windows, kernel, axes=((4, 5, 3), (0, 1, 2)))
    return found


def _pool(maps: npt.NDArray[np.float32], by: int) -> npt.NDArray[np.float32]:
    """Means of `by` x `by` values; what is left over at the end is dropped."""
    count, rows, columns, channels = maps.shape
    cut = maps[:, : rows // by * by, : columns // by * by]
    pooled: npt.NDArray[np.float32] = cut.reshape(count, rows // by, by, columns // by, by, channels).mean(
        axis=(2, 4)
    )
    return pooled

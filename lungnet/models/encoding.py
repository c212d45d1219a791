"""Features of patches in Hounsfield units."""

import keras
import numpy as np
import numpy.typing as npt

from .hounsfield import to_unit

_CHUNK = 512


def encode(
    encoder: keras.Model, patches_hu: npt.NDArray[np.int16], window_hu: tuple[float, float]
) -> npt.NDArray[np.float32]:
    """Runs an encoder over patches.

    Args:
        encoder: `(b, 40, 40, 1)` in [0, 1] to `(b, d)`.
        patches_hu: int16 `(n, 40, 40)`; n may be 0.
        window_hu: window that the encoder was trained with.

    Returns:
        float32 `(n, d)`.
    """
    features = np.empty((len(patches_hu), encoder.output_shape[-1]), np.float32)
    for start in range(0, len(patches_hu), _CHUNK):
        unit = to_unit(patches_hu[start : start + _CHUNK], window_hu)[..., None]
        features[start : start + _CHUNK] = encoder(unit, training=False)
    return features

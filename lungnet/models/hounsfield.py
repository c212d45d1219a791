"""Hounsfield units to network input and back.

The paper does not say how intensities reach its networks. Here a window is clipped and scaled to
[0, 1], and the layer that does so stays in every exported graph, so that a model takes what a CT
holds.
"""

from typing import Any

import keras
import numpy as np
import numpy.typing as npt
from keras import ops


def _check_window(low: float, high: float) -> None:
    if not low < high:
        raise ValueError(f"window_hu must be increasing. Received: window_hu=({low}, {high})")


def to_unit(patches_hu: npt.ArrayLike, window_hu: tuple[float, float]) -> npt.NDArray[np.float32]:
    """Clips Hounsfield units to a window and scales them to [0, 1].

    Args:
        patches_hu: any shape, in HU.
        window_hu: lowest and highest HU that are told apart.

    Returns:
        float32 of the same shape.

    Raises:
        ValueError: the window is not increasing.

    Example:
        >>> to_unit([-1200, -1000, -300, 400], (-1000.0, 400.0)).tolist()
        [0.0, 0.0, 0.5, 1.0]
    """
    low, high = window_hu
    _check_window(low, high)
    unit = (np.asarray(patches_hu, np.float32) - np.float32(low)) / np.float32(high - low)
    return np.clip(unit, np.float32(0), np.float32(1))


def to_hounsfield(unit: npt.ArrayLike, window_hu: tuple[float, float]) -> npt.NDArray[np.int16]:
    """Undoes `to_unit`: [0, 1] to whole Hounsfield units within the window.

    Args:
        unit: any shape; values outside [0, 1] are clipped.
        window_hu: the window that `to_unit` was given.

    Returns:
        int16 of the same shape, rounded half to even.

    Raises:
        ValueError: the window is not increasing.

    Example:
        >>> to_hounsfield([0.0, 0.5, 1.0], (-1000.0, 400.0)).tolist()
        [-1000, -300, 400]
    """
    low, high = window_hu
    _check_window(low, high)
    values = np.clip(np.asarray(unit, np.float64), 0.0, 1.0) * (high - low) + low
    return np.rint(values).astype(np.int16)


@keras.saving.register_keras_serializable("lungnet")
class HounsfieldWindow(keras.layers.Layer):
    """Clips Hounsfield units to `[low, high]` and scales them to [0, 1], as `to_unit` does.

    Args:
        low, high: the window in HU.

    Input shape:
        `(batch, rows, columns)` or `(batch, rows, columns, 1)`, any numeric dtype.

    Output shape:
        float32 `(batch, rows, columns, 1)`.

    Raises:
        ValueError: the window is not increasing.
    """

    def __init__(self, low: float = -1000.0, high: float = 400.0, **kwargs: Any) -> None:
        _check_window(low, high)
        super().__init__(**kwargs)
        self.low = float(low)
        self.high = float(high)

    def call(self, patches_hu: Any) -> Any:
        """Returns the scaled patches with a channel axis."""
        unit = (ops.cast(patches_hu, "float32") - self.low) / (self.high - self.low)
        unit = ops.minimum(ops.maximum(unit, 0.0), 1.0)
        return ops.expand_dims(unit, -1) if len(patches_hu.shape) == 3 else unit

    def compute_output_spec(self, patches_hu: Any) -> keras.KerasTensor:
        """Returns the float32 output whatever integer type goes in."""
        return keras.KerasTensor((*patches_hu.shape[:3], 1), dtype="float32")

    def get_config(self) -> dict[str, Any]:
        """Returns what `from_config` needs."""
        return {**super().get_config(), "low": self.low, "high": self.high}

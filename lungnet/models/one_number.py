"""Rows that look at one number of a patch: what brightness or size alone would do.

A classifier that is no better has learned nothing else. They stand below the paper's rows of Table 1. Each is
a Keras model from patches `(b, 40, 40, 1)` in [0, 1] to one logit `(b,)`, so that it is calibrated, saved and
exported as the others are.
"""

from typing import Any

import keras
import numpy as np
import numpy.typing as npt
from keras import layers, ops

from lungnet.errors import InputError
from lungnet.models.feature_heads import train_logistic_regression
from lungnet.models.hounsfield import to_unit
from lungnet.patches.example import PATCH_SIZE

#: Rows and columns of the square in the middle whose brightness is looked at.
BRIGHTNESS_SIZE = 10
#: The same, from which a bright component is followed.
SEED_SIZE = 4
#: Steps to a neighbouring pixel within which a component is followed from the square.
STEPS = 2 * PATCH_SIZE

_BATCH = 512


@keras.saving.register_keras_serializable(package="lungnet")
class CenterComponent(keras.layers.Layer):
    """Counts the bright pixels that hang together with bright ones in the middle of a patch.

    Bright pixels of the middle square spread to their bright neighbours, of eight, step by step
    (morphological reconstruction by dilation). A component that winds further than the steps reach is
    counted in part.

    Args:
        level: a pixel is bright above it.
        size: rows and columns of the square.
        steps: how often they spread.

    Call arguments:
        patches: float32 `(b, h, w, 1)`.

    Returns:
        float32 `(b, 1)`, pixels.
    """

    def __init__(self, level: float, size: int = SEED_SIZE, steps: int = STEPS, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.level, self.size, self.steps = level, size, steps

    def call(self, patches: Any) -> Any:
        """Returns the number of pixels."""
        bright = ops.cast(ops.greater(patches, self.level), "float32")
        height, width = patches.shape[1:3]
        square = np.zeros((1, height, width, 1), np.float32)
        top, left = (height - self.size) // 2, (width - self.size) // 2
        square[:, top : top + self.size, left : left + self.size] = 1.0
        component = bright * square
        for _ in range(self.steps):
            component = ops.minimum(ops.max_pool(component, 3, 1, "same"), bright)
        return ops.sum(component, (1, 2))

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Returns `(b, 1)`."""
        return (input_shape[0], 1)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of the constructor."""
        return {**super().get_config(), "level": self.level, "size": self.size, "steps": self.steps}


def measure_brightness(window_hu: tuple[float, float]) -> keras.Model:
    """Returns a model of the mean HU `(b, 1)`, clipped to the window, of the 10 x 10 pixels in the middle."""
    low, high = window_hu
    patches = keras.Input((PATCH_SIZE, PATCH_SIZE, 1), name="patches")
    square = layers.Cropping2D((PATCH_SIZE - BRIGHTNESS_SIZE) // 2)(patches)
    mean = layers.GlobalAveragePooling2D()(square)
    return keras.Model(patches, layers.Rescaling(high - low, low, name="mean_hu")(mean), name="brightness")


def measure_size(window_hu: tuple[float, float], level_hu: int) -> keras.Model:
    """Returns a model of the number `(b, 1)` of pixels above `level_hu` that reach into the middle 4 x 4.

    Raises:
        InputError: `level_hu` lies outside the window, where every pixel is bright or none.
    """
    low, high = window_hu
    if not low <= level_hu < high:
        raise InputError(
            f"baselines.size_level_hu must lie within window_hu ({low:g} to {high:g}). Received: {level_hu}"
        )
    patches = keras.Input((PATCH_SIZE, PATCH_SIZE, 1), name="patches")
    # Between two whole Hounsfield units, so that no rounding makes a pixel bright.
    level = (level_hu + 0.5 - low) / (high - low)
    return keras.Model(patches, CenterComponent(level, name="pixels")(patches), name="size")


def train_on_one_number(
    measure: keras.Model,
    patches_hu: npt.NDArray[np.int16],
    labels: npt.ArrayLike,
    window_hu: tuple[float, float],
) -> keras.Model:
    """Fits a logistic regression on what a model measures of a patch.

    Args:
        measure: patches `(b, 40, 40, 1)` in [0, 1] to a number `(b, 1)`.
        patches_hu: int16 `(n, 40, 40)` of training.
        labels: `(n,)` of 0 and 1.
        window_hu: that patches are clipped to.

    Returns:
        A Keras model, patches `(b, 40, 40, 1)` in [0, 1] to log odds `(b,)`.

    Raises:
        InputError: one class only.
    """
    numbers = [
        np.asarray(measure(to_unit(patches_hu[start : start + _BATCH], window_hu)[..., None]))
        for start in range(0, len(patches_hu), _BATCH)
    ]
    head = train_logistic_regression(np.concatenate(numbers), labels)
    return keras.Model(measure.input, head(measure.output), name=f"{measure.name}_only")

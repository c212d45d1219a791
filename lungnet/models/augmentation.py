"""Random symmetries and shifts of a patch, drawn while a network trains."""

from typing import Any

import keras
import tensorflow as tf
from keras import ops

from lungnet.models.batch_share import draw_for_samples


@keras.saving.register_keras_serializable("lungnet")
class RandomDihedral(keras.layers.Layer):
    """Turns each patch by a right angle and mirrors it at random: one of the square's eight symmetries.

    An axial patch around a nodule has no preferred direction, so the label survives. It acts only
    with `training=True` and belongs in front of the network that is trained, never inside the one
    that is exported.

    Args:
        seed: of the choices; the layer draws new ones at every call.

    Input shape:
        `(batch, size, size, channels)`.

    Output shape:
        The same.
    """

    def __init__(self, seed: int = 0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.seed = int(seed)
        self.seed_generator = keras.random.SeedGenerator(self.seed)

    def call(self, patches: Any, training: bool = False) -> Any:
        """Returns the patches, each under a symmetry of its own when training."""
        if not training:
            return patches
        drawn = draw_for_samples(
            lambda count: keras.random.uniform((3, count, 1, 1, 1), seed=self.seed_generator),
            ops.shape(patches)[0],
            axis=1,
        )
        transpose, flip_rows, flip_columns = ops.unstack(drawn < 0.5, num=3)
        patches = ops.where(transpose, ops.transpose(patches, (0, 2, 1, 3)), patches)
        patches = ops.where(flip_rows, ops.flip(patches, axis=1), patches)
        return ops.where(flip_columns, ops.flip(patches, axis=2), patches)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Returns the input's shape."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """Returns what `from_config` needs."""
        return {**super().get_config(), "seed": self.seed}


@keras.saving.register_keras_serializable("lungnet")
class RandomShift(keras.layers.Layer):
    """Shifts each patch by some pixels along rows and columns; what comes in at a border repeats the border.

    A candidate's centre is never exact. Like `RandomDihedral` it acts with `training=True` alone.

    Args:
        pixels: largest shift in either direction; all whole shifts are equally likely.
        seed: of the shifts; the layer draws new ones at every call.

    Input shape:
        `(batch, size, size, channels)`.

    Output shape:
        The same.
    """

    def __init__(self, pixels: int, seed: int = 0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.pixels = int(pixels)
        self.seed = int(seed)
        self.seed_generator = keras.random.SeedGenerator(self.seed)

    def call(self, patches: Any, training: bool = False) -> Any:
        """Returns the patches, each shifted on its own when training."""
        if not training:
            return patches
        shifts = draw_for_samples(
            lambda count: keras.random.randint(
                (2, count, 1), -self.pixels, self.pixels + 1, seed=self.seed_generator
            ),
            ops.shape(patches)[0],
            axis=1,
        )
        for axis in (1, 2):
            size = ops.shape(patches)[axis]
            taken = ops.clip(ops.arange(size)[None] + shifts[axis - 1], 0, size - 1)
            patches = tf.gather(patches, taken, axis=axis, batch_dims=1)
        return patches

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Returns the input's shape."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """Returns what `from_config` needs."""
        return {**super().get_config(), "pixels": self.pixels, "seed": self.seed}

"""The convolutional autoencoder as a stack of layers that are trained one by one (section 4)."""

from typing import Any, Self

import keras
from keras import layers

from lungnet.config import CaeConfig
from lungnet.models.autoencoder_layer import LayerAutoencoder
from lungnet.patches.example import PATCH_SIZE


@keras.saving.register_keras_serializable("lungnet")
class ConvolutionalAutoencoder(keras.Model):
    """Three (or as many as configured) convolutions with pooling, each with its own decoder.

    With the paper's numbers and valid padding the maps are 40 - 36 - 18 - 16 - 8 - 6 - 3, which gives
    3 x 3 x 50 = 450 features; with same padding 40 - 20 - 10 - 5 and 1,250. `train_autoencoder`
    trains it; called, it encodes with all layers and decodes back to a patch.

    Args:
        config: layers and training.
        seed: of the initial weights and of the denoising noise.

    Attributes:
        stages: the `LayerAutoencoder` of each layer, from the image inwards.
        encoder: functional model from `(batch, 40, 40, 1)` in [0, 1] to `(batch, features)`, which
            shares its weights with the stages. Its layers are `convolution_i`, `pooling_i`, `features`;
            features are in the order row, column, filter.

    Input shape:
        float32 `(batch, 40, 40, 1)` in [0, 1].

    Output shape:
        The same.

    Raises:
        ValueError: a layer leaves an odd size, which cannot be pooled.

    Example:
        >>> ConvolutionalAutoencoder(CaeConfig(), seed=0).encoder.output_shape
        (None, 450)
    """

    def __init__(self, config: CaeConfig, seed: int = 0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.config = config
        self.seed = seed
        self.stages: list[LayerAutoencoder] = []
        size, channels = PATCH_SIZE, 1
        for index, (filters, kernel) in enumerate(zip(config.filters, config.kernels, strict=True), 1):
            stage = LayerAutoencoder(
                size,
                channels,
                filters,
                kernel,
                config.padding,
                config.decoder,
                config.denoising,
                config.tied,
                seed,
                index,
            )
            self.stages.append(stage)
            size, channels = stage.pooled_size, filters
        patches = keras.Input((PATCH_SIZE, PATCH_SIZE, 1), name="patches")
        maps = patches
        for stage in self.stages:
            maps = stage.encode(maps)
        self.encoder = keras.Model(patches, layers.Flatten(name="features")(maps), name="encoder")
        self.build((None, PATCH_SIZE, PATCH_SIZE, 1))

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Nothing is left to build: the stages were built with the model."""
        self.built = True

    def reconstruct(self, patches: Any, depth: int | None = None) -> Any:
        """Encodes with the first `depth` layers and decodes back through them.

        Args:
            patches: float32 `(batch, 40, 40, 1)` in [0, 1].
            depth: layers to pass, 1 to the number of layers; None for all.

        Returns:
            float32 `(batch, 40, 40, 1)`. The innermost layer is undone as it was trained
            (with "before_pool", from its maps before pooling), the others from their pooled maps.

        Raises:
            ValueError: `depth` is not a layer.
        """
        depth = len(self.stages) if depth is None else depth
        if not 1 <= depth <= len(self.stages):
            raise ValueError(f"depth must be within 1 to {len(self.stages)}. Received: depth={depth}")
        for stage in self.stages[: depth - 1]:
            patches = stage.encode(patches)
        patches = self.stages[depth - 1](patches)
        for stage in reversed(self.stages[: depth - 1]):
            patches = stage.decode(patches)
        return patches

    def call(self, patches: Any) -> Any:
        """Returns the reconstruction through all layers."""
        return self.reconstruct(patches)

    def get_config(self) -> dict[str, Any]:
        """Returns the configuration and the seed."""
        return {"name": self.name, "config": self.config.model_dump(mode="json"), "seed": self.seed}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Self:
        """Rebuilds the model from `get_config`."""
        return cls(CaeConfig(**config["config"]), config["seed"], name=config["name"])

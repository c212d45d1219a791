"""One layer of the convolutional autoencoder, trained on its own (section 3.5)."""

from typing import Any

import keras
from keras import layers, ops

from lungnet.models.batch_share import draw_for_samples
from lungnet.models.batches import layer_seed
from lungnet.models.quick_layers import FEW_CHANNELS, spreading_convolution


@keras.saving.register_keras_serializable("lungnet")
class ConvolutionalDecoder(layers.Layer):
    """The inverse convolution x' = phi(W' o + b') of section 3.5, with phi the identity.

    A rectified phi would leave an output channel without any gradient once its bias has sunk below
    zero; the least squares of non-negative inputs keeps a linear output near them anyway.

    Doubling a map (nearest neighbour) and then applying a transposed convolution of stride 1 is the
    same linear map as one transposed convolution of stride 2 whose kernel is the original one summed
    over its four shifts by 0 or 1. It is computed so, at less than half the cost.

    Args:
        channels: of the output.
        kernel_size: of the convolution that is inverted.
        padding: of that convolution, "valid" or "same".
        seed: of the initial kernel.
        encoder: a built `Conv2D` whose kernel is used (tied weights, section 3.2); None for an own one.

    Call arguments:
        code: float32 `(batch, rows, columns, filters)`.
        upsample: whether the map is doubled first (it was pooled), a Python bool.

    Output shape:
        `(batch, rows', columns', channels)`: with valid padding, rows' = factor * rows + kernel_size - 1,
        with same padding factor * rows, where factor is 2 if upsampling and else 1.
    """

    def __init__(
        self,
        channels: int,
        kernel_size: int,
        padding: str = "valid",
        seed: int = 0,
        encoder: layers.Conv2D | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.channels = channels
        self.kernel_size = kernel_size
        self.padding = padding
        self.seed = seed
        self._encoder = encoder
        self._own_kernel: Any = None

    def build(self, code_shape: tuple[int | None, ...]) -> None:
        """Creates the bias, and the kernel unless it is tied."""
        self.bias = self.add_weight(shape=(self.channels,), initializer="zeros", name="bias")
        if self._encoder is None:
            self._own_kernel = self.add_weight(
                shape=(self.kernel_size, self.kernel_size, self.channels, code_shape[-1]),
                initializer=keras.initializers.GlorotUniform(seed=layer_seed(self.seed, "decoder")),
                name="kernel",
            )

    @property
    def kernel(self) -> Any:
        """`(kernel_size, kernel_size, channels, filters)`."""
        return self._own_kernel if self._encoder is None else self._encoder.kernel

    def call(self, code: Any, upsample: bool = True) -> Any:
        """Returns the reconstruction of what the convolution took in."""
        kernel, stride = self.kernel, 1
        if upsample:
            stride = 2
            kernel = sum(
                ops.pad(kernel, ((row, 1 - row), (column, 1 - column), (0, 0), (0, 0)))
                for row in (0, 1)
                for column in (0, 1)
            )
        if upsample and self.kernel_size % 2 and self.channels <= FEW_CHANNELS:
            patches = spreading_convolution(code, kernel) + self.bias
        else:
            patches = ops.conv_transpose(code, kernel, strides=stride, padding="valid") + self.bias
        if self.padding == "same":
            before = (self.kernel_size - 1) // 2
            rows, columns = stride * code.shape[1], stride * code.shape[2]
            patches = patches[:, before : before + rows, before : before + columns, :]
        return patches


@keras.saving.register_keras_serializable("lungnet")
class MaskingNoise(layers.Layer):
    """Sets a share of its inputs to zero while training (section 3.3); the others keep their scale.

    Args:
        rate: share of the values.
        seed: of the choices.
    """

    def __init__(self, rate: float, seed: int = 0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.rate = rate
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Returns the inputs, corrupted when training."""
        if not training or self.rate == 0:
            return inputs
        count, *shape = ops.shape(inputs)
        drawn = draw_for_samples(lambda n: keras.random.uniform((n, *shape), seed=self.seed_generator), count)
        kept = drawn >= self.rate
        return inputs * ops.cast(kept, inputs.dtype)

    def get_config(self) -> dict[str, Any]:
        """Returns what `from_config` needs."""
        return {**super().get_config(), "rate": self.rate, "seed": self.seed}


class LayerAutoencoder(keras.Model):
    """Convolution, ReLU and 2 x 2 max pooling, with what is needed to train them to be undone.

    Args:
        size, channels: rows (and columns) and channels of the input.
        filters, kernel_size, padding: of the convolution.
        decoder: "after_pool" reconstructs from the pooled maps, "before_pool" from the maps
            before pooling.
        denoising: share of inputs zeroed while training.
        tied: whether the decoder's kernel is the encoder's.
        seed: of the weights and of the noise.
        index: number of the layer from 1, for names.

    Input shape:
        float32 `(batch, size, size, channels)`.

    Output shape:
        The same: the reconstruction.

    Raises:
        ValueError: what the convolution leaves cannot be halved.
    """

    def __init__(
        self,
        size: int,
        channels: int,
        filters: int,
        kernel_size: int,
        padding: str = "valid",
        decoder: str = "after_pool",
        denoising: float = 0.0,
        tied: bool = False,
        seed: int = 0,
        index: int = 1,
    ) -> None:
        super().__init__(name=f"layer_autoencoder_{index}")
        convolved = size if padding == "same" else size - kernel_size + 1
        if convolved < 2 or convolved % 2:
            raise ValueError(
                f"Layer {index} must leave an even size above 0 for 2 x 2 pooling. "
                f"Received: size={size}, kernel_size={kernel_size}, padding={padding}, "
                f"leaving {convolved}"
            )
        self.pooled_size = convolved // 2
        self._before_pool = decoder == "before_pool"
        self.noise = MaskingNoise(denoising, layer_seed(seed, "noise", index), name=f"noise_{index}")
        self.convolution = layers.Conv2D(
            filters,
            kernel_size,
            padding=padding,
            activation="relu",
            kernel_initializer=keras.initializers.HeNormal(seed=layer_seed(seed, "encoder", index)),
            name=f"convolution_{index}",
        )
        self.pooling = layers.MaxPooling2D(2, name=f"pooling_{index}")
        self.decoder = ConvolutionalDecoder(
            channels,
            kernel_size,
            padding,
            layer_seed(seed, "decoder", index),
            self.convolution if tied else None,
            name=f"decoder_{index}",
        )
        self.build((None, size, size, channels))

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Creates the weights."""
        self.convolution.build(input_shape)
        self.decoder.build(self.convolution.compute_output_shape(input_shape))
        self.built = True

    def encode(self, patches: Any) -> Any:
        """Returns the pooled maps `(batch, pooled, pooled, filters)`, input of the next layer."""
        return self.pooling(self.convolution(patches))

    def decode(self, pooled: Any) -> Any:
        """Returns the input that pooled maps stand for, with the decoder as it was trained."""
        return self.decoder(pooled, upsample=True)

    def call(self, patches: Any, training: bool = False) -> Any:
        """Returns the reconstruction that the layer is trained on."""
        maps = self.convolution(self.noise(patches, training=training))
        if self._before_pool:
            return self.decoder(maps, upsample=False)
        return self.decoder(self.pooling(maps), upsample=True)

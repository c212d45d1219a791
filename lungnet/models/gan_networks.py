"""The two networks of the WGAN-GP (section 4; the paper does not give their layers).

Both are plain strided convolutions without normalisation: batch normalisation in the critic would
tie the samples of a batch together, and the penalty is on the gradient of each sample alone.
"""

import keras
from keras import layers

from lungnet.models.batches import layer_seed
from lungnet.patches.example import PATCH_SIZE

#: Side of the smallest feature map; three strides of 2 lead to a patch.
SMALLEST = PATCH_SIZE // 8
SLOPE = 0.2


def _initializer(seed: int, name: str) -> keras.initializers.Initializer:
    return keras.initializers.HeNormal(seed=layer_seed(seed, name))


def build_generator(latent_dim: int, width: int, seed: int) -> keras.Model:
    """Builds the network that turns noise into patches.

    Dense to 5 x 5, transposed convolutions to 10 and 20, then a bilinear doubling and a convolution.
    The transposed kernels of 4 are a multiple of the stride, which keeps the chequerboard out; the
    bilinear step keeps pixel noise out while the network is young.

    Args:
        latent_dim: length of z.
        width: channels at 20 x 20; twice as many at 10 x 10, four times at 5 x 5.
        seed: of the initial weights.

    Returns:
        A model from z, float32 `(batch, latent_dim)`, to patches `(batch, 40, 40, 1)` in [0, 1].
    """
    latent = keras.Input((latent_dim,), name="latent")
    x = layers.Dense(
        SMALLEST * SMALLEST * 4 * width, kernel_initializer=_initializer(seed, "g_dense"), name="dense"
    )(latent)
    x = layers.Reshape((SMALLEST, SMALLEST, 4 * width), name="map_5")(x)
    x = layers.LeakyReLU(negative_slope=SLOPE, name="relu_5")(x)
    for size, channels in ((10, 2 * width), (20, width)):
        x = layers.Conv2DTranspose(
            channels,
            4,
            strides=2,
            padding="same",
            kernel_initializer=_initializer(seed, f"g_{size}"),
            name=f"up_{size}",
        )(x)
        x = layers.LeakyReLU(negative_slope=SLOPE, name=f"relu_{size}")(x)
    x = layers.UpSampling2D(2, interpolation="bilinear", name="up_40")(x)
    patches = layers.Conv2D(
        1,
        3,
        padding="same",
        activation="sigmoid",
        kernel_initializer=_initializer(seed, "g_40"),
        name="patches",
    )(x)
    return keras.Model(latent, patches, name="generator")


def build_critic(width: int, seed: int) -> keras.Model:
    """Builds the network that scores patches.

    Args:
        width: channels at 20 x 20; twice as many at 10 x 10, four times at 5 x 5.
        seed: of the initial weights.

    Returns:
        A model from patches, float32 `(batch, 40, 40, 1)` in [0, 1], to scores `(batch, 1)`.
    """
    patches = keras.Input((PATCH_SIZE, PATCH_SIZE, 1), name="patches")
    x = patches
    for size, channels, kernel in ((20, width, 5), (10, 2 * width, 3), (5, 4 * width, 3)):
        x = layers.Conv2D(
            channels,
            kernel,
            strides=2,
            padding="same",
            kernel_initializer=_initializer(seed, f"c_{size}"),
            name=f"down_{size}",
        )(x)
        x = layers.LeakyReLU(negative_slope=SLOPE, name=f"relu_{size}")(x)
    x = layers.Flatten(name="flat")(x)
    score = layers.Dense(1, kernel_initializer=_initializer(seed, "c_score"), name="score")(x)
    return keras.Model(patches, score, name="critic")

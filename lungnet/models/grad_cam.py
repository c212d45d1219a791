"""Grad-CAM: which places of a patch speak for the positive class, as the last convolution sees them."""

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from lungnet.models.hounsfield import to_unit
from lungnet.models.network_arrays import NetworkArrays

Floats = npt.NDArray[np.float32]

#: Patches whose maps are held at a time.
_CHUNK = 512


def grad_cam(network: NetworkArrays, patches_hu: npt.NDArray[np.int16]) -> Floats:
    """Weighs the maps of the last convolution by what they do for the log odds (Selvaraju et al., 2017).

    The weight of a map is the mean of the log odds' gradient over its cells. The weighted sum, where it is
    positive, is laid over the patch cell by cell at the centres of their receptive fields, with straight
    lines between them; beyond the outermost centres it falls to 0 within one step. Widening the small map to
    the size of the patch, as is often done, would shift it: with the paper's valid padding its cells lie
    from pixel 9.5 to 29.5, not from edge to edge.

    A cluster of CALM counts as it is assigned: the assignment has no gradient.

    Args:
        network: of the classifier (`LoadedClassifier.network`, `network_arrays`).
        patches_hu: int16 `(n, rows, columns)`; n may be 0.

    Returns:
        float32 `(n, rows, columns)` in units of log odds, at least 0; 0 everywhere where nothing speaks for
        the positive class.
    """
    found = np.zeros(patches_hu.shape, np.float32)
    rows = cell_centers(network, patches_hu.shape[1], axis=0)
    columns = cell_centers(network, patches_hu.shape[2], axis=1)
    down = interpolation(rows, patches_hu.shape[1])
    across = interpolation(columns, patches_hu.shape[2])
    for start in range(0, len(patches_hu), _CHUNK):
        part = slice(start, start + _CHUNK)
        maps = last_maps(network, patches_hu[part])
        with tf.GradientTape() as tape:
            tape.watch(maps)
            total = tf.reduce_sum(log_odds_of_maps(network, maps))
        weights = tf.reduce_mean(tape.gradient(total, maps), axis=(1, 2), keepdims=True)
        cells = tf.nn.relu(tf.reduce_sum(weights * maps, axis=-1)).numpy()
        found[part] = down @ cells @ across.T
    return found


def last_maps(network: NetworkArrays, patches_hu: npt.NDArray[np.int16]) -> tf.Tensor:
    """Returns float32 `(n, rows, columns, filters)`, what the last convolution gives before pooling."""
    maps = tf.constant(to_unit(patches_hu, network.window_hu)[..., None])
    for number, convolution in enumerate(network.convolutions):
        if number:
            maps = tf.nn.max_pool2d(maps, 2, 2, "VALID")
        maps = tf.nn.conv2d(maps, convolution.kernel, 1, network.padding.upper())
        maps = tf.nn.relu(maps + convolution.bias)
    return maps


def log_odds_of_maps(network: NetworkArrays, maps: tf.Tensor) -> tf.Tensor:
    """Returns the calibrated log odds, float32 `(n,)`, that follow from what `last_maps` gave."""
    pooled = tf.nn.max_pool2d(maps, 2, 2, "VALID")
    features = tf.reshape(pooled, (tf.shape(pooled)[0], -1))
    hidden = features
    for number, dense in enumerate(network.dense):
        hidden = hidden @ dense.kernel + dense.bias
        if number == 0 and network.clusters is not None:
            clusters = network.clusters
            apart = tf.abs(features[:, None] - clusters.centers) @ clusters.importance[:, None]
            hidden += tf.gather(clusters.bias, tf.argmin(apart[..., 0], axis=1))
        hidden = tf.where(hidden >= 0, hidden, dense.slope * hidden)
    return hidden[:, 0]


def cell_centers(network: NetworkArrays, pixels: int, axis: int) -> npt.NDArray[np.float64]:
    """Returns the pixel, from 0, in the middle of what each cell of the last maps sees.

    Args:
        network: its kernels and padding count.
        pixels: of the patch along the axis.
        axis: 0 for rows, 1 for columns.

    Returns:
        float64 `(cells,)`, increasing.
    """
    first, step, cells = 0.0, 1, pixels
    for number, convolution in enumerate(network.convolutions):
        if number:
            first, step, cells = first + step / 2, 2 * step, cells // 2
        kernel = convolution.kernel.shape[axis]
        before = (kernel - 1) // 2 if network.padding == "same" else 0
        first += step * ((kernel - 1) / 2 - before)
        cells -= 0 if network.padding == "same" else kernel - 1
    return first + step * np.arange(cells, dtype=np.float64)


def interpolation(centers: npt.NDArray[np.float64], pixels: int) -> Floats:
    """Returns float32 `(pixels, cells)`: how much each pixel takes of the cells nearer than a step to it."""
    step = centers[1] - centers[0] if len(centers) > 1 else pixels
    apart = np.abs(np.arange(pixels)[:, None] - centers)
    return np.maximum(0.0, 1.0 - apart / step).astype(np.float32)

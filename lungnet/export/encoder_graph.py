"""The first half of an exported graph: from Hounsfield units to feature maps.

Laid out as ONNX Runtime computes it, channels first. Channels can be padded with zeros to a multiple of what
a vector register holds: ONNX Runtime then keeps its blocked layout from the first convolution to the last
pooling, which is worth more than the zeros cost, and no result changes.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lungnet.export.graph_builder import GraphBuilder
from lungnet.models import NetworkArrays
from lungnet.patches.example import PATCH_SIZE

Array = npt.NDArray[np.float32]


@dataclass(frozen=True)
class GraphForm:
    """How a graph is written.

    Attributes:
        opset: of the graph.
        pad_channels: channels of convolutions are padded to a multiple of it; 0 leaves them.
        precision: of convolutions and pooling, "float32", "float16" or "int8" (which `quantise` completes);
            all else is float32.
    """

    opset: int = 17
    pad_channels: int = 0
    precision: str = "float32"

    def padded(self, channels: int) -> int:
        """Returns the number of channels with those of zeros."""
        step = self.pad_channels or 1
        return -(-channels // step) * step


def window_size(network: NetworkArrays) -> int:
    """Returns rows (and columns) of the feature maps of a patch."""
    size = PATCH_SIZE
    for convolution in network.convolutions:
        size = (size if network.padding == "same" else size - convolution.kernel.shape[0] + 1) // 2
    return size


def executed_operations(network: NetworkArrays, form: GraphForm) -> int:
    """Returns additions and multiplications of one patch in convolutions and dense layers, zeros included."""
    size, channels, total = PATCH_SIZE, 1, 0
    for convolution in network.convolutions:
        rows, columns, _, filters = convolution.kernel.shape
        filters = form.padded(filters)
        size = size if network.padding == "same" else size - rows + 1
        total += 2 * size * size * rows * columns * channels * filters
        size, channels = size // 2, filters
    inputs = size * size * channels
    for dense in network.dense:
        total += 2 * inputs * dense.kernel.shape[1]
        inputs = dense.kernel.shape[1]
    return total


def add_encoder(graph: GraphBuilder, network: NetworkArrays, form: GraphForm, hu: str) -> str:
    """Adds window, convolutions and pooling; returns float32 `(batch, filters, rows, columns)`."""
    low, high = network.window_hu
    value = graph.cast(hu, np.float32, "hu")
    value = graph.add("Sub", [value, graph.constant("window_low", np.float32(low))], "above_window")
    scale = graph.constant("window_scale", np.float32(1.0 / (high - low)))
    value = graph.add("Mul", [value, scale], "scaled")
    limits = [graph.constant("zero", np.float32(0)), graph.constant("one", np.float32(1))]
    value = graph.add("Clip", [value, *limits], "unit")
    value = graph.add("Unsqueeze", [value, graph.constant("axis_1", np.array([1]))], "maps_0")
    dtype = "float16" if form.precision == "float16" else "float32"
    if dtype == "float16":
        value = graph.cast(value, dtype, "maps_0_float16")
    channels = 1
    for number, convolution in enumerate(network.convolutions, 1):
        kernel = convolution.kernel.transpose(3, 2, 0, 1)
        filters = form.padded(len(kernel))
        kernel = pad_axis(pad_axis(kernel, 0, filters), 1, channels).astype(dtype)
        bias = pad_axis(convolution.bias, 0, filters).astype(dtype)
        value = graph.add(
            "Conv",
            [
                value,
                graph.constant(f"convolution_{number}_kernel", kernel),
                graph.constant(f"convolution_{number}_bias", bias),
            ],
            f"convolution_{number}",
            kernel_shape=kernel.shape[2:],
            auto_pad="SAME_UPPER" if network.padding == "same" else "VALID",
        )
        relu, pool = f"relu_{number}", f"maps_{number}"
        if form.precision == "int8" and number == 1:
            # The order does not matter to the result. ONNX Runtime moves the quantisation in front of a
            # pooling, and pools 8 bits slowly; it does not go past a ReLU.
            value = graph.add("MaxPool", [value], pool, kernel_shape=[2, 2], strides=[2, 2])
            value = graph.add("Relu", [value], relu)
        else:
            value = graph.add("Relu", [value], relu)
            value = graph.add("MaxPool", [value], pool, kernel_shape=[2, 2], strides=[2, 2])
        channels = filters
    return value if dtype == "float32" else graph.cast(value, np.float32, "maps")


def features_as_maps(features: Array, network: NetworkArrays, form: GraphForm) -> Array:
    """Turns `(n, features)`, in the order row, column, filter, into `(n, padded filters, rows, columns)`."""
    size, filters = window_size(network), network.convolutions[-1].kernel.shape[-1]
    maps = features.reshape(-1, size, size, filters).transpose(0, 3, 1, 2)
    return pad_axis(maps, 1, form.padded(filters))


def pad_axis(values: Array, axis: int, size: int) -> Array:
    """Appends zeros to an axis until it has `size` entries."""
    width = [(0, 0)] * values.ndim
    width[axis] = (0, size - values.shape[axis])
    return np.pad(values, width)

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
        split_first: the first convolution's filters beyond a multiple of `pad_channels` are not padded but
            computed apart, which spares the second convolution the zeros among its inputs.
        precision: of convolutions and pooling, "float32", "float16" or "int8" (which `quantise` completes);
            all else is float32.
    """

    opset: int = 17
    pad_channels: int = 0
    split_first: bool = False
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
    for number, convolution in enumerate(network.convolutions, 1):
        rows, columns, _, filters = convolution.kernel.shape
        filters = sum(count for _, count in _filter_groups(filters, form, number == 1))
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
    if form.precision == "float16":
        value = graph.cast(value, np.float16, "maps_0_float16")
    parts = [(value, 1)]
    for number, convolution in enumerate(network.convolutions, 1):
        groups = _filter_groups(convolution.kernel.shape[-1], form, number == 1)
        parts = [
            (_add_layer(graph, network, form, number, filters, count, parts, suffix), count)
            for (filters, count), suffix in zip(groups, ("", "_rest"), strict=False)
        ]
    ((value, _),) = parts
    return graph.cast(value, np.float32, "maps") if form.precision == "float16" else value


def _filter_groups(filters: int, form: GraphForm, first: bool) -> list[tuple[slice, int]]:
    """Returns which filters are computed together, and how many that is with the zeros."""
    whole = filters // form.pad_channels * form.pad_channels if form.pad_channels else 0
    if first and form.split_first and 0 < whole < filters:
        return [(slice(0, whole), whole), (slice(whole, filters), filters - whole)]
    return [(slice(0, filters), form.padded(filters))]


def _add_layer(
    graph: GraphBuilder,
    network: NetworkArrays,
    form: GraphForm,
    number: int,
    filters: slice,
    count: int,
    parts: list[tuple[str, int]],
    suffix: str,
) -> str:
    """Adds some filters of a convolution over maps that come in parts, with ReLU and pooling."""
    convolution, dtype = (
        network.convolutions[number - 1],
        "float16" if form.precision == "float16" else "float32",
    )
    kernel = pad_axis(convolution.kernel.transpose(3, 2, 0, 1)[filters], 0, count)
    bias = graph.constant(
        f"convolution_{number}{suffix}_bias", pad_axis(convolution.bias[filters], 0, count).astype(dtype)
    )
    value, first = "", 0
    for (maps, channels), part in zip(parts, ("", "_of_rest"), strict=False):
        name = f"convolution_{number}{suffix}{part}"
        own = pad_axis(kernel[:, first : first + channels], 1, channels).astype(dtype)
        inputs = [maps, graph.constant(f"{name}_kernel", own), *([] if part else [bias])]
        auto_pad = "SAME_UPPER" if network.padding == "same" else "VALID"
        added = graph.add("Conv", inputs, name, kernel_shape=own.shape[2:], auto_pad=auto_pad)
        value = graph.add("Add", [value, added], f"{name}_added") if value else added
        first += channels
    relu, pool = f"relu_{number}{suffix}", f"maps_{number}{suffix}"
    if len(parts) > 1 or (form.precision == "int8" and number == 1):
        # The order does not matter to the result. After an addition a ReLU has fewer values to look at once
        # they are pooled. And ONNX Runtime moves a quantisation in front of a pooling, where 8 bits are slow,
        # but not past a ReLU.
        value = graph.add("MaxPool", [value], pool, kernel_shape=[2, 2], strides=[2, 2])
        return graph.add("Relu", [value], relu)
    value = graph.add("Relu", [value], relu)
    return graph.add("MaxPool", [value], pool, kernel_shape=[2, 2], strides=[2, 2])


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

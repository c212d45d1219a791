"""Which cluster is nearest, as ONNX nodes: for the features of patches, and for all windows of a slice."""

import numpy as np

from lungnet.export.cluster_ramps import ClusterRamps
from lungnet.export.graph_builder import GraphBuilder

#: Centres that lie nearer than this to each other in a feature do not tell clusters apart by it, and the
#: slope of a ramp so short would overflow.
_SHORTEST_RAMP = 1e-20


def add_differences(graph: GraphBuilder, features: str, ramps: ClusterRamps) -> str:
    """Adds d_l - d_0 of patches.

    Args:
        graph: to add to.
        features: float32 `(batch, filters * rows * columns)`.
        ramps: of shape `(clusters - 1, filters, rows, columns)`.

    Returns:
        Name of float32 `(batch, clusters - 1)`.
    """
    zero = graph.constant("zero", np.float32(0))
    columns = []
    for number in range(1, len(ramps.constant) + 1):
        low, span, weight = (
            values[number - 1].reshape(1, -1) for values in (ramps.low, ramps.span, ramps.weight)
        )
        name = f"ramp_{number}"
        offset = graph.add("Sub", [features, graph.constant(f"{name}_low", low)], f"{name}_offset")
        above = graph.add("Max", [offset, zero], f"{name}_above")
        within = graph.add("Min", [above, graph.constant(f"{name}_span", span)], name)
        inputs = [within, graph.constant(f"{name}_weight", weight.T)]
        inputs.append(graph.constant(f"{name}_constant", ramps.constant[number - 1 : number]))
        columns.append(graph.add("Gemm", inputs, f"distance_difference_{number}"))
    return columns[0] if len(columns) == 1 else graph.add("Concat", columns, "distance_differences", axis=1)


def add_scanned_differences(graph: GraphBuilder, maps: str, ramps: ClusterRamps) -> str:
    """Adds d_l - d_0 of every window of feature maps.

    Each cell of the maps is clipped once for every place that it can have in a window, and summed over
    filters; the last convolution adds up the places.

    Args:
        graph: to add to.
        maps: float32 `(slices, filters, height, width)`.
        ramps: of shape `(clusters - 1, filters, rows, columns)`.

    Returns:
        Name of float32 `(slices, clusters - 1, height - rows + 1, width - columns + 1)`.
    """
    further, filters, rows, columns = ramps.low.shape
    places = [(row, column) for row in range(rows) for column in range(columns)]
    long_enough = ramps.span > _SHORTEST_RAMP
    slope = np.divide(1, ramps.span, out=np.zeros_like(ramps.span), where=long_enough)
    start = -ramps.low * slope
    limits = [graph.constant("zero", np.float32(0)), graph.constant("one", np.float32(1))]
    clipped = []
    for index in range(further):
        for row, column in places:
            name = f"ramp_{index + 1}_{row}_{column}"
            line = [
                maps,
                graph.constant(f"{name}_slope", slope[index, :, row, column].reshape(-1, 1, 1, 1)),
                graph.constant(f"{name}_start", start[index, :, row, column]),
            ]
            line_name = graph.add("Conv", line, f"{name}_line", group=filters, kernel_shape=[1, 1])
            clipped.append(graph.add("Clip", [line_name, *limits], name))
    # One channel for each cluster and place, which sees the ramps of its own cluster and place alone.
    channels = further * len(places)
    weight = (ramps.weight * ramps.span).transpose(0, 2, 3, 1).reshape(channels, filters)
    over_filters = np.zeros((channels, channels, filters), np.float32)
    over_filters[range(channels), range(channels)] = weight
    over_places = np.zeros((further, further, len(places), rows, columns), np.float32)
    for place, (row, column) in enumerate(places):
        over_places[range(further), range(further), place, row, column] = 1
    joined = graph.add("Concat", clipped, "ramps", axis=1) if len(clipped) > 1 else clipped[0]
    inputs = [joined, graph.constant("ramp_weight", over_filters.reshape(channels, -1, 1, 1))]
    summed = graph.add("Conv", inputs, "ramps_over_filters", kernel_shape=[1, 1])
    inputs = [summed, graph.constant("ramp_places", over_places.reshape(further, channels, rows, columns))]
    inputs.append(graph.constant("ramp_constant", ramps.constant))
    return graph.add("Conv", inputs, "distance_differences", kernel_shape=[rows, columns])


def add_nearest(graph: GraphBuilder, differences: str, further: int, spatial_axes: int) -> tuple[str, str]:
    """Adds comparisons of d_l - d_0, the lower number winning where they are equal.

    Comparisons instead of an argmin: they run on every device.

    Args:
        graph: to add to.
        differences: float32 `(batch, clusters - 1, ...)`.
        further: clusters after the first.
        spatial_axes: how many axes follow.

    Returns:
        Names of the cluster, int64 `(batch, ...)`, and of float32 `(batch, clusters - 1, ...)`, which is 1
        where the cluster is l and 0 elsewhere.
    """
    least = graph.constant("zero", np.float32(0))
    nearest = ""
    for number in range(1, further + 1):
        place = graph.constant(f"place_{number - 1}", np.int64(number - 1))
        own = graph.add("Gather", [differences, place], f"difference_{number}", axis=1)
        closer = graph.add("Less", [own, least], f"closer_{number}")
        if number == 1:
            nearest = graph.cast(closer, np.int64, "nearest_1")
        else:
            inputs = [closer, graph.constant(f"cluster_{number}", np.int64(number)), nearest]
            nearest = graph.add("Where", inputs, f"nearest_{number}")
        if number < further:
            least = graph.add("Where", [closer, own, least], f"least_{number}")
    column = graph.add("Unsqueeze", [nearest, graph.constant("axis_1", np.array([1]))], "nearest_column")
    numbers = np.arange(1, further + 1).reshape(-1, *[1] * spatial_axes)
    equal = graph.add("Equal", [column, graph.constant("further_clusters", numbers)], "is_cluster")
    return nearest, graph.cast(equal, np.float32, "one_hot")

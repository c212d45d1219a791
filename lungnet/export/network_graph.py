"""A classifier's arrays as ONNX graphs: of patches, and of whole slices.

Window, encoder, cluster assignment, classifier and calibration are inside, in the order in which ONNX
Runtime computes fastest; what they are made of is the same in both graphs.
"""

from dataclasses import replace

import numpy as np
import onnx

from lungnet.export.assignment_graph import add_differences, add_nearest, add_scanned_differences
from lungnet.export.cluster_ramps import ClusterRamps, cluster_ramps
from lungnet.export.encoder_graph import Array, GraphForm, add_encoder, features_as_maps
from lungnet.export.graph_builder import GraphBuilder
from lungnet.models import Clusters, Dense, NetworkArrays
from lungnet.patches.example import PATCH_SIZE

DOCUMENTATION = {
    "patches_hu": "Axial patches in Hounsfield units at the native pixel spacing of the CT.",
    "slices_hu": "Axial slices in Hounsfield units at the native pixel spacing of the CT.",
    "probability": "Calibrated probability of the positive class.",
    "cluster": "Cluster of the clustering augmented learning method; -1 where the model has none.",
}


def can_scan(network: NetworkArrays) -> bool:
    """Whether a whole slice gives at every position what its patch gives: no zeros at a patch's border."""
    return network.padding == "valid"


def scan_stride(network: NetworkArrays) -> int:
    """Returns pixels between two positions of a scanned slice."""
    return int(2 ** len(network.convolutions))


def classifier_model(network: NetworkArrays, form: GraphForm) -> onnx.ModelProto:
    """Writes `patches_hu` int16 `(batch, 40, 40)` -> `probability` float32, `cluster` int64, `(batch,)`."""
    graph = GraphBuilder()
    maps = add_encoder(graph, network, form, "patches_hu")
    features = hidden = graph.add("Flatten", [maps], "features")
    cluster = one_hot = None
    if network.clusters is not None:
        ramps = _ramps(network.clusters, network, form)
        differences = add_differences(graph, features, ramps)
        cluster, one_hot = add_nearest(graph, differences, len(ramps.constant), spatial_axes=0)
    for number, dense in enumerate(_dense(network, form), 1):
        kernel = dense.kernel.reshape(len(dense.kernel), -1).T
        inputs = [hidden, graph.constant(f"dense_{number}_kernel", kernel)]
        inputs.append(graph.constant(f"dense_{number}_bias", dense.bias))
        hidden = graph.add("Gemm", inputs, f"dense_{number}")
        if number == 1 and network.clusters is not None and one_hot is not None:
            steps = graph.constant("cluster_steps", _steps(network.clusters))
            step = graph.add("MatMul", [one_hot, steps], "cluster_step")
            hidden = graph.add("Add", [hidden, step], "dense_1_in_cluster")
        hidden = _activate(graph, hidden, dense.slope, f"activation_{number}")
    probability = graph.add("Sigmoid", [hidden], "probability_column")
    graph.add("Squeeze", [probability, graph.constant("axis_1", np.array([1]))], "probability")
    if cluster is None:
        shape = graph.add("Shape", ["probability"], "batch_shape")
        none = onnx.helper.make_tensor("none", onnx.TensorProto.INT64, [1], [-1])
        graph.add("ConstantOfShape", [shape], "cluster", value=none)
    else:
        graph.add("Identity", [cluster], "cluster")
    return graph.model(
        "lungnet",
        {"patches_hu": (np.int16, ("batch", PATCH_SIZE, PATCH_SIZE))},
        {"probability": (np.float32, ("batch",)), "cluster": (np.int64, ("batch",))},
        DOCUMENTATION,
        form.opset,
    )


def scanner_model(network: NetworkArrays, form: GraphForm) -> onnx.ModelProto:
    """Writes `slices_hu` int16 `(slices, height, width)` -> `probability` float32 `(slices, rows, columns)`.

    Dense layers become convolutions: the first over the window of a patch, the others over one cell.
    `form.split_first` is left aside: among maps of any size ONNX Runtime does not fuse the addition that
    it needs, and nothing is gained.

    Raises:
        ValueError: the network pads its maps (`can_scan`).
    """
    if not can_scan(network):
        raise ValueError(f"Only networks with valid padding can scan. Received: padding={network.padding!r}")
    graph, form = GraphBuilder(), replace(form, split_first=False)
    maps = hidden = add_encoder(graph, network, form, "slices_hu")
    one_hot = None
    if network.clusters is not None:
        ramps = _ramps(network.clusters, network, form)
        differences = add_scanned_differences(graph, maps, ramps)
        _, one_hot = add_nearest(graph, differences, len(ramps.constant), spatial_axes=2)
    for number, dense in enumerate(_dense(network, form), 1):
        inputs = [hidden, graph.constant(f"dense_{number}_kernel", dense.kernel)]
        inputs.append(graph.constant(f"dense_{number}_bias", dense.bias))
        hidden = graph.add("Conv", inputs, f"dense_{number}", kernel_shape=dense.kernel.shape[2:])
        if number == 1 and network.clusters is not None and one_hot is not None:
            steps = graph.constant("cluster_steps", _steps(network.clusters).T[:, :, None, None])
            step = graph.add("Conv", [one_hot, steps], "cluster_step", kernel_shape=[1, 1])
            hidden = graph.add("Add", [hidden, step], "dense_1_in_cluster")
        hidden = _activate(graph, hidden, dense.slope, f"activation_{number}")
    probability = graph.add("Sigmoid", [hidden], "probability_map")
    graph.add("Squeeze", [probability, graph.constant("axis_1", np.array([1]))], "probability")
    return graph.model(
        "lungnet",
        {"slices_hu": (np.int16, ("slices", "height", "width"))},
        {"probability": (np.float32, ("slices", "rows", "columns"))},
        DOCUMENTATION,
        form.opset,
    )


def _activate(graph: GraphBuilder, value: str, slope: float, name: str) -> str:
    if slope == 1.0:
        return value
    if slope == 0.0:
        return graph.add("Relu", [value], name)
    return graph.add("LeakyRelu", [value], name, alpha=slope)


def _dense(network: NetworkArrays, form: GraphForm) -> list[Dense]:
    """Returns the dense layers with kernels `(units, inputs, rows, columns)`, in the first cluster."""
    first, *others = network.dense
    bias = first.bias if network.clusters is None else first.bias + network.clusters.bias[0]
    return [
        replace(first, kernel=features_as_maps(first.kernel.T, network, form), bias=bias),
        *(replace(dense, kernel=dense.kernel.T[:, :, None, None]) for dense in others),
    ]


def _steps(clusters: Clusters) -> Array:
    """Returns what each further cluster changes in the first dense layer, `(clusters - 1, units)`."""
    return clusters.bias[1:] - clusters.bias[:1]


def _ramps(clusters: Clusters, network: NetworkArrays, form: GraphForm) -> ClusterRamps:
    """Returns the ramps as `(clusters - 1, filters, rows, columns)`; added filters have no weight."""
    ramps = cluster_ramps(clusters.centers, clusters.importance)
    low, span, weight = (features_as_maps(v, network, form) for v in (ramps.low, ramps.span, ramps.weight))
    return ClusterRamps(low, span, weight, ramps.constant)

"""Graphs written from arrays, against the definition of those arrays and against each other."""

from dataclasses import replace

import numpy as np
import onnx
import pytest

from lungnet.export.encoder_graph import GraphForm, executed_operations, window_size
from lungnet.export.network_graph import can_scan, classifier_model, scan_stride, scanner_model
from lungnet.export.runtime import open_model
from lungnet.export.sample_patches import extreme_patches, sample_patches
from lungnet.export.scanner_parity import make_slices, patches_of
from lungnet.models import Clusters, Convolution, Dense, NetworkArrays, dissimilarity

PATCHES_HU = np.concatenate([sample_patches(20), extreme_patches()])
FORMS = [GraphForm(17, 0), GraphForm(17, 16), GraphForm(13, 8), GraphForm(18, 4, split_first=True)]


def network(
    clusters: int = 2,
    padding: str = "valid",
    filters: tuple[int, int, int] = (6, 5, 6),
    slopes: tuple[float, ...] = (0.01, 0.0, 1.0),
) -> NetworkArrays:
    """A small network with random weights, all of whose clusters occur on `PATCHES_HU`."""
    rng = np.random.default_rng(11)

    def weights(*shape: int) -> np.ndarray:
        deviation = (2 / np.prod(shape[:-1], dtype=np.float64)) ** 0.5
        return rng.normal(0, deviation, shape).astype(np.float32)

    channels = (1, *filters)
    convolutions = tuple(
        Convolution(
            weights(size, size, channels[i], channels[i + 1]), np.float32(0.1) * weights(channels[i + 1])
        )
        for i, size in enumerate((5, 3, 3))
    )
    units = (filters[-1] * (9 if padding == "valid" else 25), 7, 3, 1)
    dense = tuple(
        Dense(weights(units[i], units[i + 1]), weights(units[i + 1]), slope) for i, slope in enumerate(slopes)
    )
    plain = NetworkArrays((-1000.0, 400.0), padding, convolutions, dense)
    if clusters:
        centers = features_of(plain, PATCHES_HU)[[3, 26, 11, 14][:clusters]]
        importance = rng.random(units[0]).astype(np.float32)
        plain = replace(plain, clusters=Clusters(centers, importance, weights(clusters, 7)))
    # Logits of mean 0 and deviation 1, so that no probability is 0 or 1 whatever is wrong.
    logits = logits_and_clusters(plain, PATCHES_HU)[0]
    last = Dense(dense[-1].kernel / logits.std(), (dense[-1].bias - logits.mean()) / logits.std(), 1.0)
    return replace(plain, dense=(*dense[:-1], last))


def features_of(arrays: NetworkArrays, patches_hu: np.ndarray) -> np.ndarray:
    """Features `(b, d)` in the order row, column, filter, straight from the definition."""
    low, high = arrays.window_hu
    maps = np.clip((patches_hu.astype(np.float32) - low) / (high - low), 0, 1)[..., None]
    for convolution in arrays.convolutions:
        size = convolution.kernel.shape[0]
        if arrays.padding == "same":
            maps = np.pad(maps, ((0, 0), (size // 2,) * 2, (size // 2,) * 2, (0, 0)))
        windows = np.lib.stride_tricks.sliding_window_view(maps, (size, size), axis=(1, 2))
        maps = np.maximum(np.einsum("bijcrs,rscf->bijf", windows, convolution.kernel) + convolution.bias, 0)
        b, rows, columns, filters = maps.shape
        maps = maps.reshape(b, rows // 2, 2, columns // 2, 2, filters).max(axis=(2, 4))
    return maps.reshape(len(maps), -1)


def logits_and_clusters(arrays: NetworkArrays, patches_hu: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What the sigmoid sees, and clusters, straight from the definition."""
    features = hidden = features_of(arrays, patches_hu)
    cluster = np.full(len(features), -1)
    for number, dense in enumerate(arrays.dense):
        hidden = hidden @ dense.kernel + dense.bias
        if number == 0 and arrays.clusters is not None:
            distance = dissimilarity(features, arrays.clusters.centers, arrays.clusters.importance)
            cluster = distance.argmin(axis=1)
            hidden = hidden + arrays.clusters.bias[cluster]
        hidden = np.where(hidden < 0, hidden * dense.slope, hidden)
    return hidden[:, 0], cluster


def expected(arrays: NetworkArrays, patches_hu: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Probability and cluster."""
    logits, cluster = logits_and_clusters(arrays, patches_hu)
    return 1 / (1 + np.exp(-logits)), cluster


def run(model: onnx.ModelProto, hu: np.ndarray) -> list[np.ndarray]:
    session = open_model(model.SerializeToString())
    return session.run(None, {session.get_inputs()[0].name: hu})


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize("clusters", [0, 2, 3, 4])
def test_classifier_says_what_the_arrays_say(clusters, padding, form):
    arrays = network(clusters, padding)
    probability, cluster = run(classifier_model(arrays, form), PATCHES_HU)
    wanted, wanted_cluster = expected(arrays, PATCHES_HU)
    np.testing.assert_array_equal(cluster, wanted_cluster)
    np.testing.assert_allclose(probability, wanted, atol=1e-6)
    assert len(set(cluster.tolist())) == max(clusters, 1)
    assert np.ptp(probability) > 0.3


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("clusters", [0, 2, 3])
def test_scanner_says_at_every_position_what_the_arrays_say_of_its_patch(clusters, form):
    arrays = network(clusters)
    scanner = scanner_model(arrays, form)
    for slices_hu in make_slices(PATCHES_HU):
        (probability,) = run(scanner, slices_hu)
        patches = patches_of(slices_hu, 8)
        wanted, _ = expected(arrays, patches.reshape(-1, 40, 40))
        assert probability.shape == patches.shape[:3]
        np.testing.assert_allclose(probability.ravel(), wanted, atol=1e-6)


def test_several_slices_at_once_give_what_each_gives_alone():
    scanner = scanner_model(network(), GraphForm(17, 16))
    slices_hu = np.random.default_rng(0).integers(-1000, 400, (3, 61, 50)).astype(np.int16)
    (together,) = run(scanner, slices_hu)
    for one, wanted in zip(slices_hu, together, strict=True):
        np.testing.assert_allclose(run(scanner, one[None])[0][0], wanted, atol=1e-6)


@pytest.mark.parametrize("clusters", [2, 3])
def test_equal_distances_go_to_the_lower_cluster(clusters):
    arrays = network(clusters)
    assert arrays.clusters is not None
    same = np.repeat(arrays.clusters.centers[:1], clusters, axis=0)
    arrays = replace(arrays, clusters=replace(arrays.clusters, centers=same))
    probability, cluster = run(classifier_model(arrays, GraphForm()), PATCHES_HU)
    assert cluster.tolist() == [0] * len(PATCHES_HU)
    np.testing.assert_allclose(probability, expected(arrays, PATCHES_HU)[0], atol=1e-6)


def test_centers_that_hardly_differ_in_a_feature_do_not_overflow():
    """Half of the features lie 1e-30 apart, some not at all: they must say nothing, not NaN."""
    arrays = network()
    assert arrays.clusters is not None
    centers = arrays.clusters.centers.copy()
    centers[1, ::2] = centers[0, ::2]
    centers[0, ::4], centers[1, ::4] = 0.0, 1e-30
    arrays = replace(arrays, clusters=replace(arrays.clusters, centers=centers))
    wanted, wanted_cluster = expected(arrays, PATCHES_HU)
    probability, cluster = run(classifier_model(arrays, GraphForm()), PATCHES_HU)
    (scanned,) = run(scanner_model(arrays, GraphForm()), PATCHES_HU)
    np.testing.assert_array_equal(cluster, wanted_cluster)
    np.testing.assert_allclose(probability, wanted, atol=1e-6)
    np.testing.assert_allclose(scanned[:, 0, 0], wanted, atol=1e-6)


@pytest.mark.parametrize("pad_channels", [0, 16])
def test_channels_are_padded_with_zeros_to_the_multiple(pad_channels):
    model = classifier_model(network(), GraphForm(17, pad_channels))
    kernels = {
        tensor.name: onnx.numpy_helper.to_array(tensor)
        for tensor in model.graph.initializer
        if tensor.name.startswith("convolution") and tensor.name.endswith("kernel")
    }
    assert [kernel.shape[:2] for kernel in kernels.values()] == (
        [(16, 1), (16, 16), (16, 16)] if pad_channels else [(6, 1), (5, 6), (6, 5)]
    )
    second = kernels["convolution_2_kernel"]
    assert not second[5:].any() and not second[:, 6:].any()


@pytest.mark.parametrize(("opset", "ir_version"), [(13, 7), (17, 8), (18, 8)])
def test_models_are_as_old_as_their_opset_allows(opset, ir_version):
    for model in (classifier_model(network(), GraphForm(opset)), scanner_model(network(), GraphForm(opset))):
        assert model.ir_version == ir_version  # ONNX Runtime 1.17 reads up to 9
        assert [(entry.domain, entry.version) for entry in model.opset_import] == [("", opset)]


def test_signatures_and_named_axes():
    def described(values):
        return [
            (
                v.name,
                v.type.tensor_type.elem_type,
                [d.dim_param or d.dim_value for d in v.type.tensor_type.shape.dim],
            )
            for v in values
        ]

    classifier, scanner = classifier_model(network(), GraphForm()), scanner_model(network(), GraphForm())
    types = onnx.TensorProto
    assert described(classifier.graph.input) == [("patches_hu", types.INT16, ["batch", 40, 40])]
    assert described(classifier.graph.output) == [
        ("probability", types.FLOAT, ["batch"]),
        ("cluster", types.INT64, ["batch"]),
    ]
    assert described(scanner.graph.input) == [("slices_hu", types.INT16, ["slices", "height", "width"])]
    assert described(scanner.graph.output) == [("probability", types.FLOAT, ["slices", "rows", "columns"])]


def test_no_operator_that_a_gpu_would_leave_to_the_cpu():
    for model in (classifier_model(network(3), GraphForm()), scanner_model(network(3), GraphForm())):
        operators = {node.op_type for node in model.graph.node}
        assert operators.isdisjoint({"ArgMin", "ArgMax", "Loop", "If", "Scan", "Transpose"})


def test_networks_that_pad_their_maps_cannot_scan():
    arrays = network(padding="same")
    assert not can_scan(arrays)
    with pytest.raises(ValueError, match="valid padding"):
        scanner_model(arrays, GraphForm())


def test_sizes_of_the_paper_s_network():
    arrays = network(filters=(50, 50, 50))
    assert window_size(arrays) == 3
    assert scan_stride(arrays) == 8
    assert window_size(network(padding="same")) == 5


def test_operations_by_hand():
    arrays = network(filters=(50, 50, 50))
    # 36 x 36 x 25 x 1 x 50, 16 x 16 x 9 x 50 x 50, 6 x 6 x 9 x 50 x 50, 450 x 7, 7 x 3, 3 multiplications
    assert executed_operations(arrays, GraphForm()) == 2 * (1_620_000 + 5_760_000 + 810_000 + 3_150 + 21 + 3)
    padded = 36**2 * 25 * 64 + 16**2 * 9 * 64**2 + 6**2 * 9 * 64**2 + 576 * 7 + 21 + 3
    assert executed_operations(arrays, GraphForm(17, 16)) == 2 * padded
    split = 36**2 * 25 * 50 + 16**2 * 9 * 50 * 64 + 6**2 * 9 * 64**2 + 576 * 7 + 21 + 3
    assert executed_operations(arrays, GraphForm(17, 16, split_first=True)) == 2 * split

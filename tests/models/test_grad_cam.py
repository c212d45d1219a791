"""Grad-CAM of networks small enough for paper and pencil."""

import numpy as np
import pytest
from scipy.special import expit

from lungnet.config import CaeConfig, CalmConfig
from lungnet.models import (
    CALM,
    Calibration,
    Clusters,
    Convolution,
    ConvolutionalAutoencoder,
    Dense,
    NetworkArrays,
    assemble_classifier,
    build_cnn,
    grad_cam,
    network_arrays,
)
from lungnet.models.grad_cam import cell_centers, interpolation, last_maps, log_odds_of_maps

UNIT = (0.0, 1.0)  # a window in which HU 1 is white


def linear(weights: list[float], size: int = 2, clusters: Clusters | None = None) -> NetworkArrays:
    """A 1 x 1 convolution with one filter for each weight, which each pooled cell is multiplied with."""
    filters, cells = len(weights), (size // 2) ** 2
    kernel = np.ones((1, 1, 1, filters), np.float32)
    dense = np.tile(np.array(weights, np.float32), cells)[:, None]
    return NetworkArrays(
        UNIT,
        "valid",
        (Convolution(kernel, np.zeros(filters, np.float32)),),
        (Dense(dense, np.array([0.5], np.float32), 1.0),),
        clusters,
    )


def test_a_linear_network_by_hand():
    # Pooling hands the gradient 3 - 1 = 2 (two equal filters) to the brightest of four pixels; its mean over
    # the four cells of the map is 3/4 and -1/4, so a white pixel gets 3/4 - 1/4 = 0.5.
    patch = np.array([[[1, 0], [0, 0]]], np.int16)
    assert grad_cam(linear([3.0, -1.0]), patch).tolist() == [[[0.5, 0.0], [0.0, 0.0]]]


def test_what_speaks_against_is_no_part_of_it():
    patch = np.array([[[1, 0], [0, 0]]], np.int16)
    assert not grad_cam(linear([1.0, -3.0]), patch).any()
    assert grad_cam(linear([1.0]), np.zeros((0, 2, 2), np.int16)).shape == (0, 2, 2)


def test_the_nearest_cluster_counts_as_it_is_assigned():
    # The feature is 1: it belongs to the second cluster, whose bias of 7 is added.
    clusters = Clusters(
        np.array([[0.0], [1.0]], np.float32),
        np.array([2.0], np.float32),
        np.array([[5.0], [7.0]], np.float32),
    )
    network = linear([3.0], clusters=clusters)
    white = np.array([[[1, 0], [0, 0]]], np.int16)
    assert log_odds_of_maps(network, last_maps(network, white)).numpy().tolist() == [3.0 + 0.5 + 7.0]
    assert grad_cam(network, white)[0, 0, 0] == 0.75


def head(features: int) -> CALM:
    model = CALM(CalmConfig(hidden=(8, 4)), features, seed=2)
    rng = np.random.default_rng(3)
    model.set_clusters(rng.uniform(0, 0.3, (2, features)), rng.random(features))
    return model


def encoder(padding: str, features: int) -> NetworkArrays:
    encoder = ConvolutionalAutoencoder(CaeConfig(padding=padding)).encoder
    arrays = network_arrays(assemble_classifier(encoder, head(features)))
    assert arrays is not None
    return arrays


def test_cells_lie_in_the_middle_of_what_they_see():
    # 40 - 36 - 18 - 16 - 8 - 6: a cell sees 20 pixels, the next one 4 further on.
    assert cell_centers(encoder("valid", 450), 40, 0).tolist() == [9.5, 13.5, 17.5, 21.5, 25.5, 29.5]
    assert cell_centers(encoder("same", 1250), 40, 1).tolist() == [1.5 + 4 * cell for cell in range(10)]


def test_between_cells_lines_are_straight_and_beyond_them_they_fall():
    share = interpolation(np.array([2.0, 4.0]), 6)
    assert share.tolist() == [[0, 0], [0.5, 0], [1, 0], [0.5, 0.5], [0, 1], [0, 0.5]]


@pytest.mark.parametrize("row", ["calm", "cnn"])
def test_the_arrays_say_what_the_classifier_says(row):
    platt = Calibration("platt", 1.7, -0.3)
    model = (
        assemble_classifier(
            ConvolutionalAutoencoder(CaeConfig(filters=(4, 5, 6))).encoder, head(54), UNIT, platt
        )
        if row == "calm"
        else assemble_classifier(None, build_cnn(filters=(4, 5, 6), hidden=8), UNIT, platt)
    )
    patches = np.random.default_rng(1).integers(0, 2, (9, 40, 40)).astype(np.int16)
    network = network_arrays(model)
    assert network is not None
    log_odds = log_odds_of_maps(network, last_maps(network, patches)).numpy()
    np.testing.assert_allclose(expit(log_odds), model(patches)["probability"].numpy(), atol=1e-5)


def test_it_points_to_where_the_network_looks():
    # A detector of bright 5 x 5 blocks: the sum of what it finds anywhere is the log odds.
    kernels = [np.full((5, 5, 1, 1), 0.04, np.float32)]
    kernels += [np.pad(np.ones((1, 1, 1, 1), np.float32), ((1, 1), (1, 1), (0, 0), (0, 0)))] * 2
    network = NetworkArrays(
        UNIT,
        "valid",
        tuple(Convolution(kernel, np.zeros(1, np.float32)) for kernel in kernels),
        (Dense(np.ones((9, 1), np.float32), np.zeros(1, np.float32), 1.0),),
    )
    patches = np.zeros((3, 40, 40), np.int16)
    places = ((15, 19), (18, 26), (25, 16))
    for patch, (row, column) in zip(patches, places, strict=True):
        patch[row - 3 : row + 4, column - 3 : column + 4] = 1
    for found, (row, column) in zip(grad_cam(network, patches), places, strict=True):
        peak = np.unravel_index(found.argmax(), found.shape)
        assert np.abs(np.subtract(peak, (row, column))).max() <= 2  # half the step from cell to cell

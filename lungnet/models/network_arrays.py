"""A classifier as plain arrays: what a graph written by hand is made from.

Convolutions with ReLU and 2 x 2 max pooling, then dense layers, perhaps with clusters between them: the
CALM classifier, its rivals on the same features, and the convolutional network all have this form.
Standardisation, the difference of two logits and a linear calibration are folded into the weights; an
isotonic one becomes two more dense layers.
"""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import keras
import numpy as np
import numpy.typing as npt
from keras import layers

from lungnet.errors import InputError
from lungnet.models.calibration import Calibration
from lungnet.models.calm import CALM
from lungnet.models.classifier import PatchClassifier
from lungnet.models.feature_network import FeatureNetwork
from lungnet.models.feed_forward import FeedForward

#: In a SavedModel, `assets.extra` is for files that TensorFlow does not look at.
NETWORK_FILE = Path("assets.extra", "network.npz")

Array = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Convolution:
    """A convolution of stride 1; ReLU and 2 x 2 max pooling follow.

    Attributes:
        kernel: float32 `(rows, columns, channels, filters)`.
        bias: float32 `(filters,)`.
    """

    kernel: Array
    bias: Array


@dataclass(frozen=True, eq=False)
class Dense:
    """A dense layer.

    Attributes:
        kernel: float32 `(inputs, units)`.
        bias: float32 `(units,)`.
        slope: what a negative output is multiplied by: 0 for ReLU, 1 for no activation.
    """

    kernel: Array
    bias: Array
    slope: float


@dataclass(frozen=True, eq=False)
class Clusters:
    """CALM's clusters (section 5.2): the nearest one adds its bias to the first dense layer.

    Attributes:
        centers: float32 `(clusters, features)`.
        importance: float32 `(features,)`.
        bias: float32 `(clusters, units of the first dense layer)`.
    """

    centers: Array
    importance: Array
    bias: Array


@dataclass(frozen=True, eq=False)
class NetworkArrays:
    """A classifier from Hounsfield units to probability = sigmoid(output of the last dense layer).

    Attributes:
        window_hu: clipped and scaled to [0, 1] in front.
        padding: "valid" or "same", of every convolution.
        convolutions: from the image inwards.
        dense: the first takes the features in the order row, column, filter; the last has one unit.
        clusters: or None.
    """

    window_hu: tuple[float, float]
    padding: str
    convolutions: tuple[Convolution, ...]
    dense: tuple[Dense, ...]
    clusters: Clusters | None = None


def network_arrays(model: PatchClassifier) -> NetworkArrays | None:
    """Takes a classifier apart.

    Returns:
        Its arrays, or None where it is not of this form (the decision tree of row "AE [9]").
    """
    encoded = _walk(model.head if model.encoder is None else model.encoder)
    if encoded is None or not encoded[0]:
        return None
    convolutions, padding, dense = encoded
    clusters = None
    if model.encoder is not None:
        if dense:
            return None
        if isinstance(model.head, CALM):
            dense, one_hot = _feed_forward(model.head.network)
            clusters = Clusters(_array(model.head.centers), _array(model.head.importance), one_hot)
        elif isinstance(model.head, FeatureNetwork):
            dense, _ = _feed_forward(model.head.network)
        else:
            head = _walk(model.head)
            if head is None or head[0]:
                return None
            dense = head[2]
    if not dense or dense[-1].slope != 1.0 or dense[-1].kernel.shape[1] != 1:
        return None
    dense = [*dense[:-1], *_calibrated(dense[-1], model.calibration)]
    window_hu = (model.window.low, model.window.high)
    return NetworkArrays(window_hu, padding, tuple(convolutions), tuple(dense), clusters)


def write_network(saved_model: Path, arrays: NetworkArrays) -> None:
    """Writes `assets.extra/network.npz` into the folder of a SavedModel."""
    values: dict[str, Any] = {"window_hu": np.array(arrays.window_hu), "padding": np.array(arrays.padding)}
    for number, convolution in enumerate(arrays.convolutions, 1):
        values[f"convolution_{number}_kernel"] = convolution.kernel
        values[f"convolution_{number}_bias"] = convolution.bias
    for number, dense in enumerate(arrays.dense, 1):
        values[f"dense_{number}_kernel"] = dense.kernel
        values[f"dense_{number}_bias"] = dense.bias
        values[f"dense_{number}_slope"] = np.array(dense.slope)
    if arrays.clusters is not None:
        values["centers"] = arrays.clusters.centers
        values["importance"] = arrays.clusters.importance
        values["cluster_bias"] = arrays.clusters.bias
    file = saved_model / NETWORK_FILE
    file.parent.mkdir(parents=True, exist_ok=True)
    np.savez(file, **values)


def read_network(saved_model: str | os.PathLike[str]) -> NetworkArrays | None:
    """Reads what `write_network` wrote.

    Args:
        saved_model: folder of the SavedModel, `Format-Serving`.

    Returns:
        The arrays, or None where the SavedModel carries none.

    Raises:
        InputError: the file is damaged.
    """
    file = Path(saved_model) / NETWORK_FILE
    if not file.is_file():
        return None
    try:
        with file.open("rb") as opened, np.load(opened, allow_pickle=False) as values:
            return _from_held({name: values[name] for name in values.files})
    except (OSError, ValueError, KeyError, EOFError, BadZipFile) as error:
        raise InputError(f"{file} is not a network that lungnet wrote: {error}.") from error


def _from_held(held: dict[str, npt.NDArray[Any]]) -> NetworkArrays:
    def numbers(kind: str) -> Iterable[int]:
        return range(1, 1 + sum(name.startswith(kind) and name.endswith("_kernel") for name in held))

    clusters = None
    if "centers" in held:
        clusters = Clusters(held["centers"], held["importance"], held["cluster_bias"])
    low, high = (float(value) for value in held["window_hu"])
    return NetworkArrays(
        (low, high),
        str(held["padding"]),
        tuple(
            Convolution(held[f"convolution_{n}_kernel"], held[f"convolution_{n}_bias"])
            for n in numbers("convolution_")
        ),
        tuple(
            Dense(held[f"dense_{n}_kernel"], held[f"dense_{n}_bias"], float(held[f"dense_{n}_slope"]))
            for n in numbers("dense_")
        ),
        clusters,
    )


def _array(value: Any) -> Array:
    return np.asarray(keras.ops.convert_to_numpy(value), np.float32)


def _walk(model: keras.Model) -> tuple[list[Convolution], str, list[Dense]] | None:
    """Returns convolutions, their padding and dense layers of a chain of layers, or None."""
    convolutions: list[Convolution] = []
    paddings: list[str] = []
    dense: list[Dense] = []
    pooled = 0
    for layer in model.layers:
        match layer:
            case layers.InputLayer() | layers.Flatten() | layers.Reshape() | layers.Dropout():
                pass
            case layers.Conv2D():
                plain = layer.strides == layer.dilation_rate == (1, 1) and layer.groups == 1
                if dense or pooled != len(convolutions) or not plain or _slope(layer.activation) != 0.0:
                    return None
                convolutions.append(Convolution(_array(layer.kernel), _array(layer.bias)))
                paddings.append(layer.padding)
            case layers.MaxPooling2D():
                pooled += 1
                halves = layer.pool_size == layer.strides == (2, 2) and layer.padding == "valid"
                if not halves or pooled != len(convolutions):
                    return None
            case layers.Dense():
                slope = _slope(layer.activation)
                if slope is None:
                    return None
                dense.append(Dense(_array(layer.kernel), _array(layer.bias), slope))
            case _:
                return None
    if pooled != len(convolutions) or len(set(paddings)) > 1:
        return None
    return convolutions, paddings[0] if paddings else "", dense


def _slope(activation: Any) -> float | None:
    return {keras.activations.relu: 0.0, keras.activations.linear: 1.0}.get(activation)


def _feed_forward(network: FeedForward) -> tuple[list[Dense], Array]:
    """Returns the three layers with one logit, and the rows of the first that take the one-hot cluster."""
    kernel, bias = network.input_weights()
    first = Dense(kernel[: network.features], bias, network.leaky_slope)
    second = Dense(_array(network.dense[1].kernel), _array(network.dense[1].bias), network.leaky_slope)
    last = [_array(value).astype(np.float64) for value in (network.dense[2].kernel, network.dense[2].bias)]
    log_odds = [(value[..., 1:] - value[..., :1]).astype(np.float32) for value in last]
    return [first, second, Dense(log_odds[0], log_odds[1], 1.0)], kernel[network.features :]


def _calibrated(last: Dense, calibration: Calibration) -> list[Dense]:
    """Returns the layer of the logit and what makes calibrated log odds of it."""
    if not calibration.knots:
        kernel = (last.kernel.astype(np.float64) * calibration.scale).astype(np.float32)
        bias = last.bias.astype(np.float64) * calibration.scale + calibration.shift
        return [Dense(kernel, bias.astype(np.float32), 1.0)]
    # One unit for what lies beyond each knot, and one for what lies before the first.
    knots, first = np.array(calibration.knots), calibration.knots[0]
    ways = np.append(np.ones(len(knots)), -1.0)
    rises = np.append(calibration.bends, -calibration.scale)
    rises[0] += calibration.scale
    offset = calibration.scale * first + calibration.shift
    return [
        last,
        Dense(ways[None].astype(np.float32), (-ways * np.append(knots, first)).astype(np.float32), 0.0),
        Dense(rises[:, None].astype(np.float32), np.array([offset], np.float32), 1.0),
    ]

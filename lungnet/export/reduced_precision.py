"""Exports that trade exactness for speed, and what that costs, measured."""

import contextlib
import json
import logging
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx

from lungnet.evaluation import roc_auc
from lungnet.export.parity import Reference
from lungnet.export.runtime import ParityError, open_model

_BATCH = 64


@dataclass(frozen=True)
class PrecisionChange:
    """What a reduced precision changed on labelled patches.

    Attributes:
        precision: "float16" or "int8".
        patches: compared.
        auc, auc_change: of the file, and what that is more than the AUC of the model it was made from.
        max_difference: largest absolute change of a probability.
        mean_difference: mean absolute change of a probability.
        clusters_changed: patches that fell into another cluster; None for a scanner, which does not say.
    """

    precision: str
    patches: int
    auc: float
    auc_change: float
    max_difference: float
    mean_difference: float
    clusters_changed: int | None

    def to_json(self) -> dict[str, Any]:
        """Returns the attributes as values that JSON holds."""
        return asdict(self)

    def properties(self) -> dict[str, str]:
        """Returns what the file's metadata properties say of it."""
        return {
            "auc_change": json.dumps(self.auc_change),
            "max_probability_change": json.dumps(self.max_difference),
        }


def quantise(model: onnx.ModelProto, calibration_hu: npt.NDArray[np.int16]) -> onnx.ModelProto:
    """Replaces the convolutions after the first one by 8-bit ones with fixed ranges (static quantisation).

    The first convolution stays float32: with a single channel it gains nothing from 8 bits. Clusters and
    dense layers stay float32 as well, so that probabilities keep their resolution.

    Args:
        model: a classifier or scanner that `lungnet.export` wrote.
        calibration_hu: real patches, int16 `(n, 40, 40)`, from which the range of every map is taken.

    Returns:
        The model with quantise and dequantise nodes, which ONNX Runtime fuses into 8-bit operators.
    """
    from onnxruntime import quantization

    name = model.graph.input[0].name

    class Patches(quantization.CalibrationDataReader):
        def __init__(self) -> None:
            batches = np.array_split(calibration_hu, -(-len(calibration_hu) // _BATCH))
            self._feeds = iter([{name: batch} for batch in batches])

        def get_next(self) -> dict[str, Any] | None:
            return next(self._feeds, None)

    later = [node.name for node in model.graph.node if _is_later_encoder_node(node)]
    with tempfile.TemporaryDirectory() as folder, _quiet():
        source, target = Path(folder, "float32.onnx"), Path(folder, "int8.onnx")
        onnx.save(model, source)
        quantization.quantize_static(
            source,
            target,
            Patches(),
            quant_format=quantization.QuantFormat.QDQ,
            nodes_to_quantize=later,
            activation_type=quantization.QuantType.QUInt8,
            weight_type=quantization.QuantType.QInt8,
            per_channel=True,
        )
        quantised = onnx.load(target)
    quantised.ir_version = model.ir_version
    onnx.checker.check_model(quantised, full_check=True)
    return quantised


def measure_change(
    reference: Reference,
    content: bytes,
    patches_hu: npt.NDArray[np.int16],
    labels: npt.NDArray[np.int64],
    precision: str,
    max_auc_loss: float,
) -> PrecisionChange:
    """Compares a classifier or scanner of reduced precision with the model it was made from.

    Args:
        reference: the model it was made from.
        content: the ONNX file; a scanner sees every patch as a slice.
        patches_hu: int16 `(n, 40, 40)`.
        labels: 0 or 1 for each, both present.
        precision: what the result calls it.
        max_auc_loss: AUC that it may cost.

    Raises:
        ParityError: it costs more, or a probability is not finite.
    """
    session = open_model(content)
    name, has_clusters = session.get_inputs()[0].name, len(session.get_outputs()) > 1
    expected, found, changed = [], [], 0
    for batch in np.array_split(patches_hu, -(-len(patches_hu) // _BATCH)):
        outputs = session.run(None, {name: batch})
        wanted = reference(batch)
        found.append(outputs[0].reshape(-1))
        expected.append(wanted["probability"])
        if has_clusters:
            changed += int((outputs[1] != wanted["cluster"]).sum())
    reduced, exact = np.concatenate(found).astype(np.float64), np.concatenate(expected).astype(np.float64)
    if not np.isfinite(reduced).all():
        raise ParityError(f"In {precision} the model gives probabilities that are not finite.")
    auc = roc_auc(labels, reduced)
    auc_change = auc - roc_auc(labels, exact)
    if -auc_change > max_auc_loss:
        raise ParityError(
            f"In {precision} the model loses {-auc_change:.4f} of AUC on {len(patches_hu)} patches; "
            f"expected a loss of at most {max_auc_loss:g} (export.max_auc_loss)."
        )
    difference = np.abs(reduced - exact)
    return PrecisionChange(
        precision,
        len(patches_hu),
        auc,
        auc_change,
        float(difference.max()),
        float(difference.mean()),
        changed if has_clusters else None,
    )


def _is_later_encoder_node(node: onnx.NodeProto) -> bool:
    kind, _, number = node.name.rpartition("_")
    return kind in ("convolution", "relu", "maps") and number.isdecimal() and int(number) >= 2


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Holds back the advice that the quantiser logs to the root logger."""
    previous = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(previous)

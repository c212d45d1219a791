"""ONNX files from a trained classifier, of patches and of whole slices, or none."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx

import lungnet
from lungnet.config import ExportConfig
from lungnet.errors import InputError
from lungnet.export.conversion import convert_saved_model
from lungnet.export.encoder_graph import GraphForm
from lungnet.export.network_graph import can_scan, classifier_model, scan_stride, scanner_model
from lungnet.export.parity import ParityReport, check_parity, make_batches
from lungnet.export.reduced_precision import PrecisionChange, measure_change, quantise
from lungnet.export.sample_patches import extreme_patches, sample_patches
from lungnet.export.saved_model import SavedModelReference
from lungnet.export.scanner_parity import check_scanner, make_slices
from lungnet.files import atomic_path
from lungnet.models.network_arrays import read_network
from lungnet.models.saved_classifier import SERVING_FOLDER
from lungnet.patches.example import PATCH_SIZE

INTENDED_USE = "research, not for diagnosis"
#: Of inputs, outputs and metadata properties; readers refuse any other.
CONTRACT_VERSION = "1"


@dataclass(frozen=True)
class OnnxExport:
    """A file that was written, and why it may be trusted.

    Attributes:
        path: of the ONNX file.
        metadata: its metadata properties.
        parity: how it compares with the SavedModel. In reduced precision any difference passes, and
            `swapped` counts all patches that fell into another cluster.
        change: what a reduced precision costs; None in float32.
        opset, ir_version: of the file.
        size_bytes: of the file.
    """

    path: Path
    metadata: dict[str, str]
    parity: ParityReport
    change: PrecisionChange | None
    opset: int
    ir_version: int
    size_bytes: int


def export_onnx(
    saved_model: str | os.PathLike[str],
    path: str | os.PathLike[str],
    *,
    config: ExportConfig | None = None,
    sample_hu: npt.NDArray[np.int16] | None = None,
    labels: npt.ArrayLike | None = None,
    calibration_hu: npt.NDArray[np.int16] | None = None,
    metadata: Mapping[str, str] | None = None,
) -> OnnxExport:
    """Writes a classifier as one self-contained ONNX file.

    Input `patches_hu` int16 `(batch, 40, 40)` in Hounsfield units; outputs `probability` float32 `(batch,)`,
    calibrated, and `cluster` int64 `(batch,)`. Normalisation, encoder, cluster assignment and classifier are
    inside. The graph that is written is the graph that was compared: with the SavedModel, in ONNX Runtime, on
    batches of 1, 2, 7, 64 and 100 patches and on extreme values. If they disagree, nothing is written.

    Args:
        saved_model: folder that `lungnet.models.save_classifier` wrote.
        path: of the ONNX file; an existing file is replaced.
        config: form, precision and tolerance, default `ExportConfig()`.
        sample_hu: real patches to compare on, int16 `(n, 40, 40)`; default `sample_patches()`.
        labels: 0 or 1 for each of them; needed where `config.precision` is reduced.
        calibration_hu: other real patches, int16 `(m, 40, 40)`; needed for "int8".
        metadata: further metadata properties, or others in place of those from `classifier.json`.

    Returns:
        What was written.

    Raises:
        InputError: `saved_model` is not such a folder, `sample_hu` is not such an array, ONNX Runtime is
            not installed, `path` cannot be written, a reduced precision lacks labels or calibration, or
            the classifier has no form that can be written in it.
        ParityError: the ONNX model computes something else, or costs too much AUC.
    """
    config = config if config is not None else ExportConfig()
    sample_hu = sample_hu if sample_hu is not None else sample_patches()
    batches = [*make_batches(sample_hu), extreme_patches()]
    reference = SavedModelReference(saved_model)
    if reference.network is not None:
        model = classifier_model(reference.network, _form(config))
    elif config.precision == "float32":
        model = convert_saved_model(reference.signature, config.opset)
    else:
        raise InputError(
            f"{os.fspath(saved_model)} (row {reference.metadata.row}) cannot be exported in "
            f"{config.precision}: expected convolutions and dense layers. Set export.precision to float32."
        )
    return _write(
        model,
        path,
        reference,
        config,
        _Evidence(sample_hu, labels, calibration_hu),
        dict(metadata or {}),
        lambda content: check_parity(reference, content, batches, config.tolerance),
    )


def export_scanner(
    saved_model: str | os.PathLike[str],
    path: str | os.PathLike[str],
    *,
    config: ExportConfig | None = None,
    sample_hu: npt.NDArray[np.int16] | None = None,
    labels: npt.ArrayLike | None = None,
    calibration_hu: npt.NDArray[np.int16] | None = None,
    metadata: Mapping[str, str] | None = None,
) -> OnnxExport:
    """Writes a classifier as an ONNX file that judges every position of whole slices in one pass.

    Input `slices_hu` int16 `(slices, height, width)` of any size from 40 x 40; output `probability` float32
    `(slices, (height - 40) // stride + 1, (width - 40) // stride + 1)`, where cell (i, j) is what the
    classifier says of the patch whose top left corner is (stride i, stride j). The stride, 8 for three
    convolutions, is a metadata property. It is compared with the SavedModel at all positions of slices laid
    together from `sample_hu`.

    Args:
        saved_model, path, config, sample_hu, labels, calibration_hu, metadata: as for `export_onnx`.

    Returns:
        What was written.

    Raises:
        InputError: as `export_onnx`, or the classifier cannot scan (`has_scanner`).
        ParityError: as `export_onnx`.
    """
    config = config if config is not None else ExportConfig()
    sample_hu = sample_hu if sample_hu is not None else sample_patches()
    slices = make_slices(sample_hu)
    reference = SavedModelReference(saved_model)
    network = reference.network
    if network is None or not can_scan(network):
        raise InputError(
            f"{os.fspath(saved_model)} (row {reference.metadata.row}) cannot scan slices: expected "
            "convolutions with valid padding (cae.padding) and dense layers."
        )
    stride = scan_stride(network)
    return _write(
        scanner_model(network, _form(config)),
        path,
        reference,
        config,
        _Evidence(sample_hu, labels, calibration_hu),
        {"patch_size": str(PATCH_SIZE), "stride": str(stride), **(metadata or {})},
        lambda content: check_scanner(reference, content, slices, config.tolerance, stride),
    )


def has_scanner(saved_model: str | os.PathLike[str]) -> bool:
    """Whether `export_scanner` can write a classifier: convolutions with valid padding and dense layers.

    Raises:
        InputError: the folder is damaged.
    """
    network = read_network(Path(saved_model) / SERVING_FOLDER)
    return network is not None and can_scan(network)


@dataclass(frozen=True, eq=False)
class _Evidence:
    """Real patches on which a reduced precision is calibrated and measured."""

    sample_hu: npt.NDArray[np.int16]
    labels: npt.ArrayLike | None
    calibration_hu: npt.NDArray[np.int16] | None


def _form(config: ExportConfig) -> GraphForm:
    split_first = config.split_first and config.precision != "int8"
    return GraphForm(config.opset, config.pad_channels, split_first, config.precision)


def _write(
    model: onnx.ModelProto,
    path: str | os.PathLike[str],
    reference: SavedModelReference,
    config: ExportConfig,
    evidence: _Evidence,
    further: dict[str, str],
    check: Callable[[bytes], ParityReport],
) -> OnnxExport:
    """Adds metadata, checks what is about to be written, and writes it."""
    change = None
    properties = {
        **reference.properties(),
        "intended_use": INTENDED_USE,
        "contract_version": CONTRACT_VERSION,
    }
    properties |= {"precision": config.precision, **further}
    if config.precision != "float32":
        model, change = _reduce(model, reference, config, evidence)
        properties |= change.properties()
    model.producer_name, model.producer_version = "lungnet", lungnet.__version__
    for key in sorted(properties):
        model.metadata_props.add(key=key, value=properties[key])
    content = model.SerializeToString()
    if change is None:
        parity = check(content)
    else:
        worst, changed = change.max_difference, change.clusters_changed or 0
        parity = ParityReport((change.patches,), change.patches, worst, 1.0, 0, changed)
    with atomic_path(path) as temporary:
        temporary.write_bytes(content)
    return OnnxExport(Path(path), properties, parity, change, config.opset, model.ir_version, len(content))


def _reduce(
    model: onnx.ModelProto, reference: SavedModelReference, config: ExportConfig, evidence: _Evidence
) -> tuple[onnx.ModelProto, PrecisionChange]:
    precision = config.precision
    if evidence.labels is None:
        raise InputError(f"export.precision {precision} needs labelled patches to measure what it changes.")
    labels = np.asarray(evidence.labels)
    if labels.shape != (len(evidence.sample_hu),) or set(np.unique(labels).tolist()) != {0, 1}:
        raise InputError(
            f"export.precision {precision} needs patches of both classes, labelled 0 and 1. Received: "
            f"{len(evidence.sample_hu)} patches, labels {labels.shape}."
        )
    if precision == "int8":
        if evidence.calibration_hu is None or not len(evidence.calibration_hu):
            raise InputError("export.precision int8 needs real patches to take the ranges of its maps from.")
        count = min(config.calibration_patches, len(evidence.calibration_hu))
        spread = np.arange(count) * len(evidence.calibration_hu) // count
        model = quantise(model, evidence.calibration_hu[spread])
    content = model.SerializeToString()
    change = measure_change(reference, content, evidence.sample_hu, labels, precision, config.max_auc_loss)
    return model, change

"""One ONNX file from a trained classifier, or none."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

import lungnet
from lungnet.config import ExportConfig
from lungnet.export.conversion import convert_saved_model
from lungnet.export.parity import ParityReport, check_parity, make_batches
from lungnet.export.sample_patches import extreme_patches, sample_patches
from lungnet.export.saved_model import SavedModelReference
from lungnet.files import atomic_path

INTENDED_USE = "research, not for diagnosis"


@dataclass(frozen=True)
class OnnxExport:
    """A file that was written, and why it may be trusted.

    Attributes:
        path: of the ONNX file.
        metadata: its metadata properties.
        parity: how it compares with the SavedModel.
        opset, ir_version: of the file.
        size_bytes: of the file.
    """

    path: Path
    metadata: dict[str, str]
    parity: ParityReport
    opset: int
    ir_version: int
    size_bytes: int


def export_onnx(
    saved_model: str | os.PathLike[str],
    path: str | os.PathLike[str],
    *,
    config: ExportConfig | None = None,
    sample_hu: npt.NDArray[np.int16] | None = None,
    metadata: Mapping[str, str] | None = None,
) -> OnnxExport:
    """Writes a classifier as one self-contained ONNX file.

    Input `patches_hu` int16 `(batch, 40, 40)` in Hounsfield units; outputs `probability` float32 `(batch,)`,
    calibrated, and `cluster` int64 `(batch,)`. Normalisation, encoder, cluster assignment and classifier are
    inside. The bytes written are the bytes that were compared: with the SavedModel, in ONNX Runtime, on
    batches of 1, 2, 7, 64 and 100 patches and on extreme values. If they disagree, nothing is written.

    Args:
        saved_model: folder that `lungnet.models.save_classifier` wrote.
        path: of the ONNX file; an existing file is replaced.
        config: opset and tolerance, default `ExportConfig()`.
        sample_hu: real patches to compare on, int16 `(n, 40, 40)`; default `sample_patches()`.
        metadata: further metadata properties, or others in place of those from `classifier.json`.

    Returns:
        What was written.

    Raises:
        InputError: `saved_model` is not such a folder, `sample_hu` is not such an array, ONNX Runtime is
            not installed, or `path` cannot be written.
        ParityError: the ONNX model computes something else.
    """
    config = config if config is not None else ExportConfig()
    batches = [*make_batches(sample_hu if sample_hu is not None else sample_patches()), extreme_patches()]
    reference = SavedModelReference(saved_model)
    properties = {**reference.properties(), "intended_use": INTENDED_USE, **(metadata or {})}
    model = convert_saved_model(reference.signature, config.opset)
    model.producer_name, model.producer_version = "lungnet", lungnet.__version__
    for key in sorted(properties):
        model.metadata_props.add(key=key, value=properties[key])
    content = model.SerializeToString()
    parity = check_parity(reference, content, batches, config.tolerance)
    with atomic_path(path) as temporary:
        temporary.write_bytes(content)
    return OnnxExport(Path(path), properties, parity, config.opset, model.ir_version, len(content))

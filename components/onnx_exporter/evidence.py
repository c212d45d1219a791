"""Patches of a run that an export is held to."""

from pathlib import Path
from typing import Any

from lungnet.patches import load_examples


def read_evidence(examples: Path, precision: str) -> dict[str, Any]:
    """Returns what `lungnet.export.export_onnx` and `export_scanner` take of examples.

    Args:
        examples: folder of their splits.
        precision: of the export. "int8" is calibrated on training patches; any is compared on evaluation
            patches, with their labels.

    Raises:
        InputError: a split is missing or damaged.
    """
    held_out = load_examples(examples, "eval")
    evidence: dict[str, Any] = {"sample_hu": held_out.patches_hu, "labels": held_out.labels}
    if precision == "int8":
        evidence["calibration_hu"] = load_examples(examples, "train").patches_hu
    return evidence

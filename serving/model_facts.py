"""What a result says of the model behind it."""

import re
from dataclasses import dataclass
from typing import Any

import lungnet
from lungnet.errors import InputError
from lungnet.serving.metadata import TASKS

#: Longest value of DICOM's Long String (LO).
_LONGEST = 64
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class ModelFacts:
    """Identifies a model in DICOM results.

    Attributes:
        name: up to 64 printable ASCII characters, without backslash.
        version: alike.
        sha256: of the model file, 64 hexadecimal digits.
        threshold: probability from which the model's users call a finding, 0 to 1.
        task: "nodule" or "malignancy": what the probability is of.

    Raises:
        InputError: a value is not of its form.
    """

    name: str
    version: str
    sha256: str
    threshold: float
    task: str = "nodule"

    def __post_init__(self) -> None:
        for what, text in (("name", self.name), ("version", self.version)):
            plain = text.isascii() and text.isprintable() and "\\" not in text
            if not (text.strip() and plain and len(text) <= _LONGEST):
                raise InputError(
                    f"A model's {what} must be 1 to {_LONGEST} printable ASCII characters without backslash. "
                    f"Received: {text!a}"
                )
        if not _SHA256.fullmatch(self.sha256):
            raise InputError(
                f"A model's sha256 must be 64 hexadecimal digits, small letters. Received: {self.sha256!a}"
            )
        if not 0.0 <= self.threshold <= 1.0:
            raise InputError(f"A model's threshold must lie in [0, 1]. Received: {self.threshold}")
        if self.task not in TASKS:
            raise InputError(f"A model's task must be 'nodule' or 'malignancy'. Received: {self.task!a}")

    def equipment(self) -> dict[str, Any]:
        """Returns what DICOM results say of the equipment that made them, by highdicom's names."""
        return {
            "manufacturer": "lungnet",
            "manufacturer_model_name": self.name,
            "software_versions": lungnet.__version__,
            "device_serial_number": self.sha256,
        }

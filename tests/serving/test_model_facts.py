from typing import Any

import pytest

from lungnet.errors import InputError
from lungnet.serving import ModelFacts

GOOD: dict[str, Any] = {"name": "a", "version": "1", "sha256": "0" * 64, "threshold": 0.5}


@pytest.mark.parametrize(
    ("field", "value", "complaint"),
    [
        ("name", "", "name must be 1 to 64 printable ASCII"),
        ("name", "a" * 65, "name must be 1 to 64 printable ASCII"),
        ("name", "a\\b", "without backslash"),
        ("version", "1\x1b[31m", r"version must be .* Received: '1\\x1b\[31m'"),
        ("version", "ü", r"Received: '\\xfc'"),
        ("sha256", "A" * 64, "64 hexadecimal digits"),
        ("sha256", "0" * 63, "64 hexadecimal digits"),
        ("threshold", 1.5, "must lie in"),
        ("threshold", float("nan"), "must lie in"),
        ("task", "cat", "'nodule' or 'malignancy'"),
    ],
)
def test_what_dicom_cannot_hold_is_refused(field, value, complaint):
    ModelFacts(**GOOD)
    with pytest.raises(InputError, match=complaint):
        ModelFacts(**{**GOOD, field: value})

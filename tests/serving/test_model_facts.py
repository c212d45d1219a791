from typing import Any

import pytest

from lungnet.errors import InputError
from lungnet.serving import ModelFacts, file_sha256

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


def test_the_hash_of_a_file(tmp_path):
    (tmp_path / "model.onnx").write_bytes(b"abc")
    # FIPS 180-2, appendix B.1.
    assert file_sha256(tmp_path / "model.onnx") == (
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    )
    with pytest.raises(InputError, match="cannot be read"):
        file_sha256(tmp_path / "gone.onnx")

"""What the server is asked and answers, in the words of its description (OpenAPI 3.1, JSON Schema)."""

from typing import Any

from lungnet.serving.classifier import PATCH_SIZE
from lungnet.serving.server.infer_protocol import HEADER_LENGTH, INPUT, INPUT_DATATYPE, OUTPUTS


def described(**properties: dict[str, Any]) -> dict[str, Any]:
    """Returns the schema of an object that has all of these properties."""
    return {"type": "object", "properties": properties, "required": list(properties)}


def _numbers(count: int, kind: str | list[str] = "array") -> dict[str, Any]:
    return {"type": kind, "items": {"type": "number"}, "minItems": count, "maxItems": count}


TEXT: dict[str, Any] = {"type": "string"}
TEXTS: dict[str, Any] = {"type": "object", "additionalProperties": TEXT}
FLAG: dict[str, Any] = {"type": "boolean"}
_SIZE: dict[str, Any] = {"type": "integer", "minimum": 0}

_DETECTION = described(
    series_uid={
        "type": "string",
        "description": "Series Instance UID, or the keyed hash that stands for it.",
    },
    center_xyz_lps_mm=_numbers(3),
    center_zyx=_numbers(3, ["array", "null"]),
    diameter_mm={"type": "number", "exclusiveMinimum": 0},
    probability={"type": "number", "minimum": 0, "maximum": 1},
    extent_mm=_numbers(3, ["array", "null"]),
)
#: Properties of what `lungnet scan --json` writes, which is what `POST /scan` answers.
SCAN_PROPERTIES: dict[str, dict[str, Any]] = {
    "frame": {"const": "LPS, mm"},
    "intended_use": TEXT,
    "model": TEXTS,
    "scan": {"type": "object", "description": "Settings of the scan."},
    "detections": {"type": "array", "items": _DETECTION, "description": "The most probable first."},
}
SCANNED = described(**SCAN_PROPERTIES)

#: Bodies whose JSON is followed by the bytes of tensors.
BINARY: dict[str, Any] = {
    "type": "string",
    "format": "binary",
    "description": f"JSON of the length that {HEADER_LENGTH} states, then the tensors.",
}


def infer_request(max_patches: int) -> dict[str, Any]:
    """Returns the schema of an inference request that is all JSON; `data` may be nested as the shape is."""
    return {
        "type": "object",
        "required": ["inputs"],
        "properties": {
            "id": {"type": ["string", "null"], "maxLength": 256},
            "parameters": {"type": "object", "properties": {"binary_data_output": FLAG}},
            "inputs": {
                "type": "array",
                "minItems": 1,
                "maxItems": 1,
                "items": {
                    "type": "object",
                    "required": ["name", "datatype", "shape", "data"],
                    "properties": {
                        "name": {"const": INPUT},
                        "datatype": {"const": INPUT_DATATYPE},
                        "shape": {
                            "type": "array",
                            "prefixItems": [
                                {"type": "integer", "minimum": 1, "maximum": max_patches},
                                *[{"const": PATCH_SIZE}] * 2,
                            ],
                            "minItems": 3,
                            "maxItems": 3,
                        },
                        "data": {
                            "type": "array",
                            "description": "Hounsfield units, as many as the shape says.",
                        },
                        "parameters": {"type": "object"},
                    },
                },
            },
            "outputs": {
                "type": ["array", "null"],
                "items": {
                    "type": "object",
                    "required": ["name"],
                    "properties": {
                        "name": {"enum": list(OUTPUTS)},
                        "parameters": {"type": "object", "properties": {"binary_data": FLAG}},
                    },
                },
            },
        },
    }


_OUTPUT: dict[str, Any] = {
    "type": "object",
    "required": ["name", "datatype", "shape", "data"],
    "properties": {
        "name": {"enum": list(OUTPUTS)},
        "datatype": {"enum": list(OUTPUTS.values())},
        "shape": {"type": "array", "items": _SIZE, "minItems": 1, "maxItems": 1},
        "data": {"type": "array", "items": {"type": "number"}},
    },
}
INFER_REPLY: dict[str, Any] = {
    "type": "object",
    "required": ["model_name", "model_version", "outputs"],
    "properties": {
        "id": TEXT,
        "model_name": TEXT,
        "model_version": TEXT,
        "outputs": {"type": "array", "items": _OUTPUT, "minItems": 1, "maxItems": len(OUTPUTS)},
    },
}
_TENSOR = described(name=TEXT, datatype=TEXT, shape={"type": "array", "items": {"type": "integer"}})
MODEL_METADATA = described(
    name=TEXT,
    versions={"type": "array", "items": TEXT},
    platform=TEXT,
    inputs={"type": "array", "items": _TENSOR},
    outputs={"type": "array", "items": _TENSOR},
    parameters=TEXTS,
)
SERVER_METADATA = described(name=TEXT, version=TEXT, extensions={"type": "array", "items": TEXT})

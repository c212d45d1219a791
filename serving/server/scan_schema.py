"""What a scan answers, in the words of the description of the server (OpenAPI 3.1, JSON Schema)."""

from typing import Any


def described(**properties: dict[str, Any]) -> dict[str, Any]:
    """Returns the schema of an object that has all of these properties."""
    return {"type": "object", "properties": properties, "required": list(properties)}


def _numbers(count: int, kind: str | list[str] = "array") -> dict[str, Any]:
    return {"type": kind, "items": {"type": "number"}, "minItems": count, "maxItems": count}


TEXT: dict[str, Any] = {"type": "string"}

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
    "model": {"type": "object", "additionalProperties": TEXT},
    "scan": {"type": "object", "description": "Settings of the scan."},
    "detections": {"type": "array", "items": _DETECTION, "description": "The most probable first."},
}
SCANNED = described(**SCAN_PROPERTIES)

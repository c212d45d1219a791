"""Hashes that are the same in every process, on every machine, in every version of Python."""

import hashlib
import json
import os
import uuid
from pathlib import Path
from typing import Any

from lungnet.errors import InputError


def stable_id(*parts: object) -> int:
    """Returns a 63-bit integer that depends on the text of `parts` alone.

    It seeds the random generator of one item (`np.random.default_rng([seed, stable_id(...)])`), so
    that no item's numbers depend on which other items there are.

    Example:
        >>> stable_id("LIDC-IDRI-0001", 3) == stable_id("LIDC-IDRI-0001", 3)
        True
    """
    text = "\x1f".join(str(part) for part in parts)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def stable_fraction(*parts: object) -> float:
    """Returns a number in [0, 1) that depends on the text of `parts` alone."""
    return stable_id(*parts) / 2.0**63


def canonical_json(value: Any) -> str:
    """Returns JSON with sorted keys and no spaces: equal values give equal text."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def fingerprint(value: Any) -> str:
    """Returns the SHA-256 of the canonical JSON of `value`, as 64 hexadecimal digits."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()


def file_sha256(path: str | os.PathLike[str]) -> str:
    """Returns the SHA-256 of a file's bytes, as 64 hexadecimal digits.

    Raises:
        InputError: the file cannot be read.
    """
    try:
        with Path(path).open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise InputError(f"Cannot read {os.fspath(path)}: {error.strerror or error}.") from error


def stable_uid(namespace: uuid.UUID, *parts: object) -> str:
    """Returns a DICOM UID below 2.25 (ISO/IEC 9834-8) that depends on the text of `parts` alone.

    Args:
        namespace: keeps the UIDs of one purpose apart from those of another.
        *parts: what the UID is of.
    """
    return f"2.25.{uuid.uuid5(namespace, '/'.join(str(part) for part in parts)).int}"

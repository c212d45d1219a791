"""Who a series belongs to: research archives' ids are kept, all others become keyed hashes.

LIDC-IDRI, LUNA16 (which shares LIDC's series UIDs) and lungnet's phantoms name nobody. Any other
Patient ID, Study or Series Instance UID is replaced by `hmac-` and 32 hexadecimal digits of its
HMAC-SHA256 from the moment a header is read. The same key gives the same hashes, so that a patient's
series stay together; without the key nobody can test whether a given patient is in a data set.
"""

import functools
import hashlib
import hmac
import os
import re
import secrets
import stat
import tempfile
from pathlib import Path
from typing import Literal

from lungnet.errors import InputError

#: The environment variable that holds the key; it goes before the key file.
KEY_VARIABLE = "LUNGNET_ID_KEY"
#: Shorter keys could be guessed.
SHORTEST_KEY = 16

_RESEARCH_PATIENT = re.compile(r"(LIDC-IDRI|PHANTOM)-\d{4,}")
_LIDC_UID = re.compile(r"1\.3\.6\.1\.4\.1\.14519\.5\.2\.1\.6279\.6001\.\d+")
_HASHED = re.compile(r"hmac-[0-9a-f]{32}")

Kind = Literal["patient", "study", "series"]


def key_file() -> Path:
    """Returns where the key is kept if the environment has none (`$XDG_CONFIG_HOME` or `~/.config`)."""
    folder = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(folder) / "lungnet" / "id.key"


def is_research_patient(patient_id: str) -> bool:
    """Whether a Patient ID is one of LIDC-IDRI or of a phantom, and is kept as it is."""
    return _RESEARCH_PATIENT.fullmatch(patient_id) is not None


def is_hashed(identifier: str) -> bool:
    """Whether an id is a keyed hash."""
    return _HASHED.fullmatch(identifier) is not None


def hashed_id(kind: Kind, identifier: str) -> str:
    """Returns the keyed hash that stands for an id; a hash stands for itself.

    Args:
        kind: "patient", "study" or "series": equal texts of different kinds give different hashes.
        identifier: the id as it stands in the file.

    Returns:
        "hmac-" and 32 hexadecimal digits.

    Raises:
        InputError: the key is too short, or the key file cannot be made or read, or others may read it.
    """
    if is_hashed(identifier):
        return identifier
    message = f"{kind}\x1f{identifier}".encode()
    return "hmac-" + hmac.new(_key(), message, hashlib.sha256).hexdigest()[:32]


def held_ids(patient_id: str, study_uid: str, series_uid: str) -> tuple[str, str, str]:
    """Returns (patient id, study UID, series UID) as lungnet holds them.

    All three are kept for a research patient, and UIDs below LIDC's root always. A series without
    Patient ID gets one made from its study, so that strangers are not taken for one patient.

    Raises:
        InputError: as `hashed_id`.
    """
    if is_research_patient(patient_id):
        return patient_id, study_uid, series_uid
    return (
        hashed_id("patient", patient_id or f"study {study_uid}"),
        study_uid if _LIDC_UID.fullmatch(study_uid) else hashed_id("study", study_uid),
        held_series_uid(series_uid),
    )


def held_series_uid(series_uid: str) -> str:
    """Returns a Series Instance UID of unknown patient as lungnet holds it."""
    return series_uid if _LIDC_UID.fullmatch(series_uid) else hashed_id("series", series_uid)


def same_series(given: str, held: str) -> bool:
    """Whether `given`, a Series Instance UID or its hash, is the series that lungnet holds as `held`."""
    return given == held or (is_hashed(held) and hashed_id("series", given) == held)


def _key() -> bytes:
    text = os.environ.get(KEY_VARIABLE)
    if text is None:
        return _filed_key(key_file())
    if len(text) < SHORTEST_KEY:
        raise InputError(
            f"{KEY_VARIABLE} must have at least {SHORTEST_KEY} characters. Received: {len(text)} characters."
        )
    return text.encode()


@functools.lru_cache(maxsize=8)
def _filed_key(path: Path) -> bytes:
    """Reads the key file, which is made with fresh random bytes if there is none."""
    try:
        if not path.exists():
            _write_key(path)
        if os.name == "posix" and stat.S_IMODE(path.stat().st_mode) & 0o077:
            raise InputError(f"{path} can be read by others; expected permissions 600 (chmod 600).")
        key = path.read_bytes().strip()
    except OSError as error:
        raise InputError(
            f"The key of patient hashes cannot be kept in {path} ({error.strerror or error}); "
            f"set {KEY_VARIABLE} instead."
        ) from error
    if len(key) < SHORTEST_KEY:
        raise InputError(
            f"{path} must hold at least {SHORTEST_KEY} characters. Received: {len(key)} characters."
        )
    return key


def _write_key(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent)  # readable by its owner alone
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_hex(32) + "\n")
        # A link fails where a rename would replace the key another process has just made.
        os.link(temporary, path)
    except FileExistsError:
        return
    finally:
        Path(temporary).unlink()

"""What the lineage store hands out, and the names of states."""

from dataclasses import dataclass
from typing import Any

#: File of the default store, in the pipeline root.
FILE_NAME = "metadata.sqlite"

#: States as ML Metadata names them.
LIVE, DELETED = "LIVE", "DELETED"
RUNNING, COMPLETE, FAILED, CANCELED, CACHED = "RUNNING", "COMPLETE", "FAILED", "CANCELED", "CACHED"

#: Type of the artifacts at which lineage ends: CT series outside the pipeline.
SERIES = "Series"


@dataclass(frozen=True)
class StoredArtifact:
    """What the store knows of an artifact.

    Attributes:
        id: in this store.
        type: name of the artifact type.
        uri: folder relative to the pipeline root, or "series:<UID>".
        state: `LIVE`, or `DELETED` where the files were found missing or altered.
        digest: SHA-256 of the files; empty for a series.
        properties: as its executor set them.
        create_time: seconds since 1970.
    """

    id: int
    type: str
    uri: str
    state: str
    digest: str
    properties: dict[str, Any]
    create_time: float


@dataclass(frozen=True)
class StoredExecution:
    """What the store knows of an execution.

    Attributes:
        id: in this store.
        type: class of the component.
        name: id of the component.
        last_known_state: `RUNNING`, `COMPLETE`, `FAILED`, `CANCELED` or `CACHED`.
        cache_key: what was to be made, see `lungnet.pipeline.ingredients`.
        properties: the ingredients of the cache key.
        error: why it did not end well.
        create_time, last_update_time: seconds since 1970.
    """

    id: int
    type: str
    name: str
    last_known_state: str
    cache_key: str
    properties: dict[str, Any]
    error: str
    create_time: float
    last_update_time: float


@dataclass(frozen=True)
class NewArtifact:
    """An output to be stored; attributes as those of `StoredArtifact`."""

    type: str
    uri: str
    digest: str
    properties: dict[str, Any]

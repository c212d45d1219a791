"""Tables of the lineage store: artifacts, executions, events and contexts, as in ML Metadata's data model."""

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

#: Raised when a table changes; a store of a newer one is refused.
SCHEMA_VERSION = 1

METADATA = MetaData()

# SQLite counts only INTEGER keys up by itself.
_ID = BigInteger().with_variant(Integer, "sqlite")


def _id() -> Column[int]:
    return Column("id", _ID, primary_key=True, autoincrement=True)


SCHEMA = Table("lungnet_schema", METADATA, Column("version", Integer, nullable=False))

#: `uri` is relative to the pipeline root, or says what a thing outside is ("series:<UID>").
ARTIFACT = Table(
    "artifact",
    METADATA,
    _id(),
    Column("type", String(100), nullable=False),
    Column("uri", Text, nullable=False),
    Column("state", String(20), nullable=False),
    Column("digest", String(64), nullable=False),
    Column("properties", JSON, nullable=False),
    Column("create_time", Float, nullable=False),
    Index("artifact_by_type", "type", "state"),
)

#: `properties` are the ingredients of the cache key, `error` is why the execution did not end well.
EXECUTION = Table(
    "execution",
    METADATA,
    _id(),
    Column("type", String(200), nullable=False),
    Column("name", String(200), nullable=False),
    Column("last_known_state", String(20), nullable=False),
    Column("cache_key", String(64), nullable=False),
    Column("properties", JSON, nullable=False),
    Column("error", Text, nullable=False, default=""),
    Column("create_time", Float, nullable=False),
    Column("last_update_time", Float, nullable=False),
    Index("execution_by_name", "name", "last_known_state"),
    Index("execution_by_key", "cache_key"),
)

#: `path_key` and `path_index` say which input or output of the execution the artifact was.
EVENT = Table(
    "event",
    METADATA,
    _id(),
    Column("artifact_id", _ID, ForeignKey("artifact.id"), nullable=False),
    Column("execution_id", _ID, ForeignKey("execution.id"), nullable=False),
    Column("type", String(10), nullable=False),
    Column("path_key", String(100), nullable=False),
    Column("path_index", Integer, nullable=False),
    Index("event_by_artifact", "artifact_id", "type"),
    Index("event_by_execution", "execution_id", "type"),
)

#: Types: "pipeline" (a root) and "pipeline_run".
CONTEXT = Table(
    "context",
    METADATA,
    _id(),
    Column("type", String(100), nullable=False),
    Column("name", String(200), nullable=False),
    Column("create_time", Float, nullable=False),
    UniqueConstraint("type", "name"),
)

ASSOCIATION = Table(
    "association",
    METADATA,
    Column("context_id", _ID, ForeignKey("context.id"), primary_key=True),
    Column("execution_id", _ID, ForeignKey("execution.id"), primary_key=True, index=True),
)

ATTRIBUTION = Table(
    "attribution",
    METADATA,
    Column("context_id", _ID, ForeignKey("context.id"), primary_key=True),
    Column("artifact_id", _ID, ForeignKey("artifact.id"), primary_key=True, index=True),
)

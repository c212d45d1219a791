"""Rows of the lineage store, made within somebody's transaction."""

import dataclasses
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Table, select

from lungnet.pipeline.metadata_records import LIVE, SERIES, NewArtifact, StoredArtifact
from lungnet.pipeline.metadata_tables import ARTIFACT, ASSOCIATION, ATTRIBUTION, EXECUTION


def insert(connection: Connection, table: Table, values: Mapping[str, Any]) -> int:
    """Adds a row and returns its id."""
    key = connection.execute(table.insert().values(**values)).inserted_primary_key
    return int(key[0])  # type: ignore[index]


def new_execution(
    connection: Connection,
    kind: str,
    name: str,
    state: str,
    cache_key: str,
    properties: Mapping[str, Any],
    contexts: Iterable[int],
) -> int:
    """Adds an execution that belongs to some contexts, and returns its id."""
    now = time.time()
    values = {
        "type": kind,
        "name": name,
        "last_known_state": state,
        "cache_key": cache_key,
        "properties": dict(properties),
        "error": "",
        "create_time": now,
        "last_update_time": now,
    }
    execution = insert(connection, EXECUTION, values)
    rows = [{"context_id": context, "execution_id": execution} for context in contexts]
    connection.execute(ASSOCIATION.insert(), rows)
    return execution


def new_artifact(connection: Connection, new: NewArtifact, contexts: list[int]) -> StoredArtifact:
    """Adds a live artifact that belongs to some contexts."""
    values = {**dataclasses.asdict(new), "state": LIVE, "create_time": time.time()}
    artifact = insert(connection, ARTIFACT, values)
    rows = [{"context_id": context, "artifact_id": artifact} for context in contexts]
    connection.execute(ATTRIBUTION.insert(), rows)
    return StoredArtifact(id=artifact, **values)


def series_artifacts(connection: Connection, uids: Sequence[str], contexts: list[int]) -> list[int]:
    """Ids of the artifacts that stand for CT series; new ones are made."""
    query = select(ARTIFACT.c.uri, ARTIFACT.c.id).join(
        ATTRIBUTION, ATTRIBUTION.c.artifact_id == ARTIFACT.c.id
    )
    query = query.where(ARTIFACT.c.type == SERIES, ATTRIBUTION.c.context_id.in_(contexts))
    known = {row.uri: row.id for row in connection.execute(query)}
    for uid in uids:
        if f"series:{uid}" not in known:
            new = NewArtifact(SERIES, f"series:{uid}", "", {"series_uid": uid})
            known[new.uri] = new_artifact(connection, new, contexts).id
    return [known[f"series:{uid}"] for uid in uids]


def event(artifact: int, execution: int, kind: str, key: str, index: int) -> dict[str, Any]:
    """The row that links an artifact to an execution."""
    return {
        "artifact_id": artifact,
        "execution_id": execution,
        "type": kind,
        "path_key": key,
        "path_index": index,
    }


def end(connection: Connection, execution: int, state: str, error: str) -> None:
    """Sets the last state of an execution."""
    values = {"last_known_state": state, "error": error, "last_update_time": time.time()}
    connection.execute(EXECUTION.update().where(EXECUTION.c.id == execution).values(**values))

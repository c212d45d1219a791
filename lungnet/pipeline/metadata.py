"""The lineage store: which execution made which artifact of what."""

import dataclasses
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from sqlalchemy import Row, Select, select
from sqlalchemy.exc import IntegrityError

from lungnet.errors import InputError
from lungnet.pipeline.metadata_engine import open_engine, sqlite_url, transaction
from lungnet.pipeline.metadata_records import (
    CACHED,
    COMPLETE,
    LIVE,
    RUNNING,
    NewArtifact,
    StoredArtifact,
    StoredExecution,
)
from lungnet.pipeline.metadata_rows import end, event, insert, new_artifact, new_execution, series_artifacts
from lungnet.pipeline.metadata_tables import ARTIFACT, ASSOCIATION, ATTRIBUTION, CONTEXT, EVENT, EXECUTION


class MetadataStore:
    """Artifacts, executions, events and contexts in a database, safe for several processes at once.

    Each method is one transaction. Use it as a context manager, or call `close`.

    Args:
        url: any SQLAlchemy URL, or the path of an SQLite file.

    Raises:
        InputError: as `lungnet.pipeline.metadata_engine.open_engine`.
    """

    def __init__(self, url: str | Path) -> None:
        self._engine = open_engine(sqlite_url(url) if isinstance(url, Path) else url)
        self._shown = self._engine.url.render_as_string(hide_password=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes all connections."""
        self._engine.dispose()

    def _writing(self) -> Any:
        return transaction(self._engine, self._shown)

    def _reading(self) -> Any:
        return transaction(self._engine, self._shown, writes=False)

    def context(self, kind: str, name: str) -> int:
        """Returns the id of a context, which is made if need be."""
        known = select(CONTEXT.c.id).where(CONTEXT.c.type == kind, CONTEXT.c.name == name)
        if rows := self._rows(known):
            return int(rows[0].id)
        try:
            with self._writing() as connection:
                return insert(connection, CONTEXT, {"type": kind, "name": name, "create_time": time.time()})
        except InputError as error:
            if not isinstance(error.__cause__, IntegrityError):
                raise
        return int(self._rows(known)[0].id)  # another process was faster

    def begin(
        self,
        kind: str,
        name: str,
        cache_key: str,
        properties: Mapping[str, Any],
        inputs: Mapping[str, Sequence[int]],
        contexts: Iterable[int],
    ) -> int:
        """Records that an execution has begun, with its inputs' ids by key, and returns its id."""
        with self._writing() as connection:
            execution = new_execution(connection, kind, name, RUNNING, cache_key, properties, contexts)
            events = [
                event(artifact, execution, "INPUT", key, index)
                for key, artifacts in inputs.items()
                for index, artifact in enumerate(artifacts)
            ]
            if events:
                connection.execute(EVENT.insert(), events)
        return execution

    def complete(
        self,
        execution: int,
        outputs: Mapping[str, NewArtifact],
        contexts: Iterable[int],
        series_uids: Sequence[str] = (),
    ) -> dict[str, StoredArtifact]:
        """Records the outputs of an execution and that it is complete, both or neither.

        Args:
            execution: its id.
            outputs: by key.
            contexts: that the artifacts belong to.
            series_uids: CT series from outside the pipeline that it has read.
        """
        contexts, stored = list(contexts), {}
        with self._writing() as connection:
            for key, output in outputs.items():
                stored[key] = new_artifact(connection, output, contexts)
                connection.execute(EVENT.insert(), event(stored[key].id, execution, "OUTPUT", key, 0))
            if series_uids:
                ids = series_artifacts(connection, series_uids, contexts)
                events = [event(one, execution, "INPUT", "series", index) for index, one in enumerate(ids)]
                connection.execute(EVENT.insert(), events)
            end(connection, execution, COMPLETE, "")
        return stored

    def end(self, execution: int, state: str, error: str = "") -> None:
        """Records that an execution has ended without outputs: `FAILED` or `CANCELED`, and why."""
        with self._writing() as connection:
            end(connection, execution, state, error)

    def cached(self, execution: StoredExecution, contexts: Iterable[int]) -> int:
        """Records that a complete execution was used again, and returns the id of that record."""
        e = execution
        with self._writing() as connection:
            again = new_execution(connection, e.type, e.name, CACHED, e.cache_key, {"of": e.id}, contexts)
            columns = [EVENT.c[name] for name in ("artifact_id", "type", "path_key", "path_index")]
            events = connection.execute(select(*columns).where(EVENT.c.execution_id == e.id)).all()
            if events:
                rows = [{**event._mapping, "execution_id": again} for event in events]
                connection.execute(EVENT.insert(), rows)
        return again

    def mark(self, artifact: int, state: str) -> None:
        """Sets the state of an artifact."""
        with self._writing() as connection:
            connection.execute(ARTIFACT.update().where(ARTIFACT.c.id == artifact).values(state=state))

    def executions(
        self,
        context: int,
        name: str | None = None,
        states: Sequence[str] = (COMPLETE,),
        cache_key: str | None = None,
        limit: int | None = None,
    ) -> list[StoredExecution]:
        """Returns executions of a context in these states, the newest first."""
        query = select(EXECUTION).join(ASSOCIATION, ASSOCIATION.c.execution_id == EXECUTION.c.id)
        query = query.where(ASSOCIATION.c.context_id == context, EXECUTION.c.last_known_state.in_(states))
        if name is not None:
            query = query.where(EXECUTION.c.name == name)
        if cache_key is not None:
            query = query.where(EXECUTION.c.cache_key == cache_key)
        rows = self._rows(query.order_by(EXECUTION.c.id.desc()).limit(limit))
        return [StoredExecution(**row._mapping) for row in rows]

    def artifacts(
        self, context: int, kind: str | None = None, state: str | None = LIVE
    ) -> list[StoredArtifact]:
        """Returns the artifacts of a context, the newest first."""
        query = select(ARTIFACT).join(ATTRIBUTION, ATTRIBUTION.c.artifact_id == ARTIFACT.c.id)
        query = query.where(ATTRIBUTION.c.context_id == context)
        if kind is not None:
            query = query.where(ARTIFACT.c.type == kind)
        if state is not None:
            query = query.where(ARTIFACT.c.state == state)
        return [StoredArtifact(**row._mapping) for row in self._rows(query.order_by(ARTIFACT.c.id.desc()))]

    def inputs(self, execution: int) -> dict[str, list[StoredArtifact]]:
        """Returns the inputs of an execution by key."""
        return self._linked(execution, "INPUT")

    def outputs(self, execution: int) -> dict[str, list[StoredArtifact]]:
        """Returns the outputs of an execution by key."""
        return self._linked(execution, "OUTPUT")

    def producer(self, artifact: int) -> StoredExecution | None:
        """Returns the execution that made an artifact; None for what comes from outside."""
        query = select(EXECUTION).join(EVENT, EVENT.c.execution_id == EXECUTION.c.id)
        query = query.where(
            EVENT.c.artifact_id == artifact,
            EVENT.c.type == "OUTPUT",
            EXECUTION.c.last_known_state == COMPLETE,
        )
        rows = self._rows(query)
        return StoredExecution(**rows[0]._mapping) if rows else None

    def _linked(self, execution: int, kind: str) -> dict[str, list[StoredArtifact]]:
        query = (
            select(EVENT.c.path_key, ARTIFACT)
            .join(ARTIFACT, ARTIFACT.c.id == EVENT.c.artifact_id)
            .where(EVENT.c.execution_id == execution, EVENT.c.type == kind)
            .order_by(EVENT.c.path_key, EVENT.c.path_index)
        )
        names = [field.name for field in dataclasses.fields(StoredArtifact)]
        linked: dict[str, list[StoredArtifact]] = {}
        for row in self._rows(query):
            artifact = StoredArtifact(**{name: row._mapping[ARTIFACT.c[name]] for name in names})
            linked.setdefault(row.path_key, []).append(artifact)
        return linked

    def _rows(self, query: Select[Any]) -> Sequence[Row[Any]]:
        with self._reading() as connection:
            rows: Sequence[Row[Any]] = connection.execute(query).all()
            return rows

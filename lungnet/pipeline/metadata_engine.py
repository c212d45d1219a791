"""Opens the database of the lineage store, and says in a sentence what is wrong with it."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import sqlalchemy
from sqlalchemy import Connection, Engine, event, exc, make_url

from lungnet.errors import InputError
from lungnet.pipeline.metadata_tables import METADATA, SCHEMA, SCHEMA_VERSION

#: Seconds that a process waits for another one's transaction; each takes milliseconds.
_BUSY_TIMEOUT_S = 60
#: Of PostgreSQL's lock under which tables are made: any number that nobody else takes.
_ADVISORY_LOCK = 0x6C756E67


def sqlite_url(path: Path) -> str:
    """The SQLAlchemy URL of an SQLite file."""
    return sqlalchemy.URL.create("sqlite", database=str(path)).render_as_string(hide_password=False)


def open_engine(url: str) -> Engine:
    """Connects to a database, and makes the tables where there are none.

    Args:
        url: any SQLAlchemy URL.

    Raises:
        InputError: the URL or its driver is unknown, the database does not answer, it is not a lineage store,
            or of a newer schema.
    """
    try:
        shown = make_url(url).render_as_string(hide_password=True)
        engine = sqlalchemy.create_engine(url, connect_args=_arguments(url), pool_pre_ping=True)
    except exc.ArgumentError as error:
        raise InputError(
            f"{url!r} is no SQLAlchemy URL; expected one such as postgresql+psycopg://user@host/name."
        ) from error
    except ModuleNotFoundError as error:
        package = "psycopg[binary]" if error.name == "psycopg" else error.name
        raise InputError(
            f"The database driver {error.name!r} is not installed: pip install '{package}'"
        ) from error
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _leave_transactions_to_us)
        event.listen(engine, "begin", _begin)
    try:
        with transaction(engine, shown) as connection:
            _make_tables(connection, shown)
    except BaseException:
        engine.dispose()
        raise
    return engine


@contextlib.contextmanager
def transaction(engine: Engine, shown: str, writes: bool = True) -> Iterator[Connection]:
    """A connection whose changes are all made when the block ends well, or none of them.

    Raises:
        InputError: the database does not do its part (no file of a database, disk full, out of reach ...).
    """
    try:
        with engine.connect().execution_options(writes=writes) as connection, connection.begin():
            yield connection
    except exc.DBAPIError as error:
        reason = str(error.orig).strip().splitlines()[0]
        raise InputError(f"The lineage store {shown} cannot be used: {reason}.") from error


def _arguments(url: str) -> dict[str, object]:
    return {"timeout": _BUSY_TIMEOUT_S} if make_url(url).get_backend_name() == "sqlite" else {}


def _leave_transactions_to_us(connection: object, record: object) -> None:
    # The driver would begin transactions late, and two processes could then deadlock.
    connection.isolation_level = None  # type: ignore[attr-defined]


def _begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get("writes", True)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _make_tables(connection: Connection, shown: str) -> None:
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_ADVISORY_LOCK})")
    there = set(sqlalchemy.inspect(connection).get_table_names())
    if SCHEMA.name not in there:
        ours = there & set(METADATA.tables)
        if ours or (there and connection.dialect.name == "sqlite"):
            raise InputError(
                f"{shown} is not a lineage store of lungnet; it has the tables {', '.join(sorted(there))}."
            )
        METADATA.create_all(connection)
        connection.execute(SCHEMA.insert().values(version=SCHEMA_VERSION))
        return
    version = connection.execute(sqlalchemy.select(SCHEMA.c.version)).scalar()
    if version != SCHEMA_VERSION:
        newer = version is not None and version > SCHEMA_VERSION
        hint = "upgrade lungnet to use it" if newer else "it is no longer understood"
        raise InputError(
            f"{shown} has the schema version {version}, this lungnet knows {SCHEMA_VERSION}: {hint}."
        )

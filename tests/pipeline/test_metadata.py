"""The lineage store on SQLite and on PostgreSQL: the same data model, and several processes at once."""

import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lungnet.errors import InputError
from lungnet.pipeline import LocalRunner, Pipeline
from lungnet.pipeline.metadata import MetadataStore
from lungnet.pipeline.metadata_engine import sqlite_url
from lungnet.pipeline.metadata_records import (
    CACHED,
    CANCELED,
    COMPLETE,
    DELETED,
    FAILED,
    LIVE,
    RUNNING,
    NewArtifact,
)

MODEL = NewArtifact("Model", "Trainer/model/1", "d1", {"auc": 0.5})


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return sqlite_url(tmp_path / "store.sqlite")
    return str(request.getfixturevalue("postgresql_url"))


@pytest.fixture
def store(url: str) -> Iterator[MetadataStore]:
    with MetadataStore(url) as opened:
        yield opened


def test_a_story_by_hand(store: MetadataStore):
    """Data are read, a model is trained on them; a second training fails."""
    here = store.context("pipeline", "here")
    assert store.context("pipeline", "here") == here
    assert store.context("pipeline", "there") != here

    read = store.begin("ExampleGen", "ExampleGen", "k1", {"parameters": {"seed": 1}}, {}, [here])
    outputs = {"examples": NewArtifact("Examples", "ExampleGen/examples/1", "d0", {"split_names": ["train"]})}
    examples = store.complete(read, outputs, [here], ["1.2.3", "1.2.4"])["examples"]
    train = store.begin("Trainer", "Trainer", "k2", {}, {"examples": [examples.id]}, [here])
    assert [one.id for one in store.executions(here, states=(RUNNING,))] == [train]
    model = store.complete(train, {"model": MODEL}, [here])["model"]
    failed = store.begin("Trainer", "Trainer", "k3", {}, {"examples": [examples.id]}, [here])
    store.end(failed, FAILED, "no more memory")

    assert store.producer(model.id) == store.executions(here, "Trainer", cache_key="k2")[0]
    assert store.inputs(train) == {"examples": [examples]}
    assert store.outputs(train) == {"model": [model]}
    assert (model.type, model.uri, model.digest, model.properties, model.state) == (
        "Model", "Trainer/model/1", "d1", {"auc": 0.5}, LIVE,
    )  # fmt: skip
    series = store.inputs(read)["series"]
    assert [one.uri for one in series] == ["series:1.2.3", "series:1.2.4"]
    assert store.producer(series[0].id) is None
    newest = store.executions(here, "Trainer", states=(COMPLETE, FAILED), limit=1)[0]
    assert (newest.id, newest.error) == (failed, "no more memory")
    assert store.executions(store.context("pipeline", "there")) == []


def test_a_series_is_one_artifact_however_often_it_is_read(store: MetadataStore):
    here = store.context("pipeline", "here")
    for _ in range(2):
        execution = store.begin("ExampleGen", "ExampleGen", "k", {}, {}, [here])
        store.complete(execution, {}, [here], ["1.2.3"])
    assert len(store.artifacts(here, "Series")) == 1


def test_a_cached_execution_points_at_the_same_artifacts(store: MetadataStore):
    here = store.context("pipeline", "here")
    first = store.begin("ExampleGen", "ExampleGen", "k1", {}, {}, [here])
    examples = store.complete(first, {"examples": MODEL}, [here])["examples"]
    train = store.begin("Trainer", "Trainer", "k2", {"a": 1}, {"examples": [examples.id]}, [here])
    model = store.complete(train, {"model": MODEL}, [here])["model"]
    again = store.cached(store.executions(here, "Trainer")[0], [here])
    assert store.outputs(again) == {"model": [model]}
    assert store.inputs(again) == {"examples": [examples]}
    (record,) = store.executions(here, "Trainer", states=(CACHED,))
    assert (record.id, record.cache_key, record.properties) == (again, "k2", {"of": train})
    made_by = store.producer(model.id)
    assert made_by is not None
    assert made_by.id == train  # who used it again has not made it


def test_states_change(store: MetadataStore):
    here = store.context("pipeline", "here")
    execution = store.begin("Trainer", "Trainer", "k", {}, {}, [here])
    model = store.complete(execution, {"model": MODEL}, [here])["model"]
    store.mark(model.id, DELETED)
    assert store.artifacts(here, "Model") == []
    assert [one.id for one in store.artifacts(here, "Model", state=None)] == [model.id]
    other = store.begin("Trainer", "Trainer", "k", {}, {}, [here])
    store.end(other, CANCELED)
    assert [one.id for one in store.executions(here, states=(CANCELED,))] == [other]


def test_a_transaction_that_fails_leaves_nothing(store: MetadataStore):
    here = store.context("pipeline", "here")
    execution = store.begin("Trainer", "Trainer", "k", {}, {}, [here])
    missing = NewArtifact("Model", "u", None, {})  # type: ignore[arg-type]
    with pytest.raises(InputError, match=r"The lineage store .* cannot be used"):
        store.complete(execution, {"good": MODEL, "model": missing}, [here])
    assert store.artifacts(here) == []
    assert store.executions(here, states=(RUNNING,))[0].id == execution


WRITER = """
import sys
from lungnet.pipeline.metadata import MetadataStore
from lungnet.pipeline.metadata_records import NewArtifact
url, name, count = sys.argv[1:]
with MetadataStore(url) as store:
    here = store.context("pipeline", "shared")
    for number in range(int(count)):
        execution = store.begin(name, name, str(number), {}, {}, [here])
        store.complete(execution, {"out": NewArtifact("Out", f"{name}/{number}", "d", {})}, [here])
        print(number, flush=True)
"""


def writer(url: str, name: str, count: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", WRITER, url, name, str(count)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_processes_write_at_once_from_the_first_table_on(url: str):
    count = 60
    writers = [writer(url, name, count) for name in ("A", "B", "C")]
    for process in writers:
        _, errors = process.communicate()
        assert process.returncode == 0, errors
    with MetadataStore(url) as store:
        here = store.context("pipeline", "shared")
        assert len(store.executions(here)) == 3 * count
        assert len({one.uri for one in store.artifacts(here)}) == 3 * count


def test_a_writer_that_is_killed_leaves_whole_executions(url: str):
    process = writer(url, "A", 10_000)
    with process:
        assert process.stdout is not None
        for _ in range(20):
            process.stdout.readline()
        process.send_signal(signal.SIGKILL)
    with MetadataStore(url) as store:
        here = store.context("pipeline", "shared")
        complete, running = store.executions(here), store.executions(here, states=(RUNNING,))
        assert len(complete) >= 20
        assert len(running) <= 1
        assert all(len(store.outputs(one.id)) == 1 for one in complete[:5])
        assert len(store.artifacts(here)) == len(complete)


def test_a_pipeline_runs_on_any_store(url: str, pipeline: Pipeline, root: Path):
    made = LocalRunner(root, metadata=url).run(pipeline)
    assert (made["Add"]["number"].uri / "number.txt").read_text() == "28"
    assert not any(one.runs for one in LocalRunner(root, metadata=url).plan(pipeline))


def test_a_newer_schema_is_refused(url: str):
    from lungnet.pipeline.metadata_engine import open_engine
    from lungnet.pipeline.metadata_tables import SCHEMA

    engine = open_engine(url)
    with engine.begin() as connection:
        connection.execute(SCHEMA.update().values(version=99))
    engine.dispose()
    with pytest.raises(InputError, match="has the schema version 99, this lungnet knows 1: upgrade lungnet"):
        MetadataStore(url)


def test_a_file_that_is_no_database_is_refused(tmp_path: Path):
    (tmp_path / "text").write_text("hello, this is no database" * 100)
    with pytest.raises(InputError, match="text cannot be used: file is not a database"):
        MetadataStore(tmp_path / "text")


def test_a_database_of_somebody_else_is_refused_and_left_alone(tmp_path: Path):
    path = tmp_path / "theirs.sqlite"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE songs (title TEXT)")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(InputError, match="is not a lineage store of lungnet; it has the tables songs"):
        MetadataStore(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ("no url at all", "is no SQLAlchemy URL; expected one such as postgresql"),
        ("postgresql+pg8000://me@127.0.0.1/x", "driver 'pg8000' is not installed: pip install 'pg8000'"),
        ("carrier-pigeon://x", "is no SQLAlchemy URL"),
        ("sqlite:////nowhere/at/all.sqlite", "unable to open database file"),
        ("postgresql+psycopg://me:secret@127.0.0.1:1/x", "cannot be used: connection"),
    ],
)
def test_a_store_that_cannot_be_reached_is_one_sentence(wrong: str, message: str):
    with pytest.raises(InputError, match=message) as refused:
        MetadataStore(wrong)
    assert "secret" not in str(refused.value)

"""A pipeline of two small steps: one writes a number, one adds to it."""

import importlib.util
import os
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
import sqlalchemy

from lungnet.config import Config
from lungnet.pipeline import Artifact, Component, ComponentSpec, Parameter, Pipeline


class Number(Artifact):
    """`number.txt`"""


class Word(Artifact):
    """`word.txt`"""


def component_class(name: str, executor: str, spec: ComponentSpec) -> type[Component]:
    return type(name, (Component,), {"SPEC": spec, "EXECUTOR": f"number_steps:{executor}"})


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """The classes; their executors are in `number_steps.py`."""
    monkeypatch.syspath_prepend(Path(__file__).parent)
    return SimpleNamespace(
        Number=Number,
        Word=Word,
        Start=component_class(
            "Start",
            "NumberExecutor",
            ComponentSpec(
                inputs={},
                outputs={"number": Number},
                parameters={"start": Parameter(type=int), "seed": Parameter("seed")},
            ),
        ),
        Read=component_class(
            "Read",
            "ReadExecutor",
            ComponentSpec(
                inputs={}, outputs={"number": Number}, parameters={"path": Parameter(external=True)}
            ),
        ),
        Big=component_class(
            "Big",
            "BigExecutor",
            ComponentSpec(inputs={}, outputs={"number": Number}, parameters={"size": Parameter(type=int)}),
        ),
        Count=component_class(
            "Count",
            "CountExecutor",
            ComponentSpec(inputs={}, outputs={"number": Number}, parameters={"to": Parameter(type=int)}),
        ),
        Add=component_class(
            "Add",
            "AddExecutor",
            ComponentSpec(
                inputs={"numbers": Number, "word": Word},
                outputs={"number": Number},
                optional=frozenset({"word"}),
                several=frozenset({"numbers"}),
            ),
        ),
    )


@pytest.fixture
def pipeline(steps: SimpleNamespace) -> Pipeline:
    """3 and 4, then their sum plus one."""
    three, four = steps.Start(start=3, component_id="Three"), steps.Start(start=4, component_id="Four")
    add = steps.Add(numbers=[three.outputs["number"], four.outputs["number"]])
    return Pipeline([three, four, add], Config(seed=10))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "root"


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[str]:
    """The URL of a running server, or a skip that says how to have one."""
    spec = importlib.util.spec_from_file_location("postgresql", Path(__file__).with_name("postgresql.py"))
    assert spec is not None
    assert spec.loader is not None
    postgresql = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(postgresql)
    if postgresql.binaries() is None:
        pytest.skip("PostgreSQL is not installed (Debian: apt-get install postgresql)")
    with postgresql.running_server() as url:
        yield url


@pytest.fixture
def postgresql_url(postgresql_server: str) -> Iterator[str]:
    """The URL of a database of the test's own."""
    name = f"test_{uuid.uuid4().hex}"
    engine = sqlalchemy.create_engine(postgresql_server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    engine.dispose()
    yield postgresql_server.rpartition("/")[0] + f"/{name}"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 512 kB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("mounting a small file system takes root")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)

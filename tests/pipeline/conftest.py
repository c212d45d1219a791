"""A pipeline of two small steps: one writes a number, one adds to it."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from lungnet.config import Config
from lungnet.pipeline import Artifact, Component, ComponentSpec, Executor, Parameter, Pipeline


class Number(Artifact):
    """`number.txt`"""


class Word(Artifact):
    """`word.txt`"""


class NumberExecutor(Executor):
    """Writes the seed; a negative start fails after writing half of it."""

    def Do(
        self,
        input_dict: dict[str, list[Artifact]],
        output_dict: dict[str, list[Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        artifact = output_dict["number"][0]
        (artifact.uri / "number.txt").write_text(str(exec_properties["start"] + exec_properties["seed"]))
        if exec_properties["start"] < 0:
            raise RuntimeError("broken")
        artifact.properties["parity"] = exec_properties["start"] % 2


class AddExecutor(Executor):
    """Adds one to every number."""

    def Do(
        self,
        input_dict: dict[str, list[Artifact]],
        output_dict: dict[str, list[Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        total = sum(int((a.uri / "number.txt").read_text()) for a in input_dict["numbers"])
        (output_dict["number"][0].uri / "number.txt").write_text(str(total + 1))


def component_class(name: str, executor: type[Executor], spec: ComponentSpec) -> type[Component]:
    return type(name, (Component,), {"SPEC": spec, "EXECUTOR": f"test:{executor.__name__}"})


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """The classes, with executors found by name instead of by import."""
    executors = {"test:NumberExecutor": NumberExecutor, "test:AddExecutor": AddExecutor}
    monkeypatch.setattr("lungnet.pipeline.launcher.load_executor", executors.__getitem__)
    return SimpleNamespace(
        Number=Number,
        Word=Word,
        Start=component_class(
            "Start",
            NumberExecutor,
            ComponentSpec(
                inputs={},
                outputs={"number": Number},
                parameters={"start": Parameter(), "seed": Parameter("seed")},
            ),
        ),
        Add=component_class(
            "Add",
            AddExecutor,
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

"""Tasks on Apache Beam, where it is installed; and what is said where it is not."""

import importlib.util
import sys
from pathlib import Path
from typing import Any

import pytest

from lungnet.errors import InputError
from lungnet.pipeline.engine import Engine
from lungnet.pipeline.tasks import Task, TaskResults

needs_beam = pytest.mark.skipif(
    importlib.util.find_spec("apache_beam") is None, reason="no Apache Beam here: pip install 'lungnet[beam]'"
)


@pytest.fixture
def results(tmp_path: Path) -> TaskResults:
    return TaskResults(tmp_path / "results")


def tasks() -> list[Task]:
    return [Task(str(n), f"the number {n}", {"s": f"{n:02X}"}) for n in range(20)]


@needs_beam
@pytest.mark.parametrize(
    "options", [{}, {"direct_num_workers": 2, "direct_running_mode": "multi_threading"}], ids=str
)
def test_every_task_leaves_its_result(results: TaskResults, options: dict[str, Any]):
    results.write("3", b"from the attempt before")
    seen: list[tuple[int, int, str]] = []
    settings = {"beam_runner": "DirectRunner", "beam_options": options}
    with Engine(settings, lambda *report: seen.append(report)) as engine:
        engine.run("base64:b16decode", tasks(), results, total=20, text="numbers")
    expected = [bytes([n]) for n in range(20)]
    expected[3] = b"from the attempt before"
    assert [results.read(str(n)) for n in range(20)] == expected
    assert seen[0] == (0, 20, "numbers") and seen[-1] == (20, 20, "numbers")
    assert len([path for path in results.folder.rglob("*") if path.is_file()]) == 20  # and no list of tasks


@needs_beam
def test_what_a_task_raises_ends_the_run(results: TaskResults, tmp_path: Path):
    with Engine({"beam_runner": "DirectRunner"}) as engine:
        with pytest.raises(ValueError, match=r"Non-base16.*while running"):  # as Beam tells it
            engine.run("base64:b16decode", [Task("x", "x", {"s": "no"})], results, total=1)
        with pytest.raises(FileNotFoundError) as raised:  # a disk's error stays one
            engine.run("os:listdir", [Task("y", "y", {"path": str(tmp_path / "none")})], results, total=1)
    assert raised.value.filename == str(tmp_path / "none")
    assert "x" not in results and "y" not in results


@needs_beam
def test_ctrl_c_is_one(results: TaskResults, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "interrupted_task.py").write_text("def run():\n    raise KeyboardInterrupt\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    with Engine({"beam_runner": "DirectRunner"}) as engine, pytest.raises(KeyboardInterrupt):
        engine.run("interrupted_task:run", [Task("x", "x")], results, total=1)


@needs_beam
def test_an_unknown_runner_is_told_its_closest_name():
    with pytest.raises(InputError, match=r"no runner 'FlinkRuner' \(did you mean 'FlinkRunner'\?\)"):
        Engine({"beam_runner": "FlinkRuner"})
    with pytest.raises(InputError, match=r"cannot load the runner my\.Runner: No module named 'my'"):
        Engine({"beam_runner": "my.Runner"})


@needs_beam
@pytest.mark.skipif(importlib.util.find_spec("apitools") is not None, reason="Google's clients are installed")
def test_a_runner_whose_extra_is_missing_is_one_sentence():
    with pytest.raises(
        InputError, match=r"DataflowRunner is not installed; .*pip install 'apache-beam\[gcp\]'"
    ):
        Engine({"beam_runner": "DataflowRunner"})


def test_without_beam_the_line_to_type_is_told(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "apache_beam", None)  # what `import` finds where it is not installed
    with pytest.raises(InputError, match=r"Apache Beam is not installed; .*: pip install 'lungnet\[beam\]'"):
        Engine({"beam_runner": "DirectRunner"})

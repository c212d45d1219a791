"""Tasks as lines, results as files that are whole."""

from pathlib import Path

import pytest

from lungnet.pipeline.tasks import Task, TaskResults, perform


def test_a_task_is_one_line():
    task = Task("1.2.3", "series 1.2.3", {"files": ["a\nb.dcm", "\udcfc.dcm"], "seed": 3})
    assert "\n" not in task.to_json()
    assert Task.from_json(task.to_json()) == task


def test_a_result_lies_under_a_hash_of_its_key(tmp_path: Path):
    results = TaskResults(tmp_path / "results")
    results.write("../folder of Smith, John", b"one")
    results.write("other", b"two")
    assert results.read("../folder of Smith, John") == b"one"
    names = [path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()]
    assert len(names) == 2
    assert not any("Smith" in name for name in names)
    with pytest.raises(FileNotFoundError):
        results.read("third")


def test_the_function_is_called_by_name(tmp_path: Path):
    results = TaskResults(tmp_path)
    perform("base64:b16decode", Task("x", "x", {"s": "6F6E65"}), results)
    assert results.read("x") == b"one"


def test_nothing_is_left_of_a_task_that_fails(tmp_path: Path):
    results = TaskResults(tmp_path / "results")
    with pytest.raises(ValueError, match="Non-base16"):
        perform("base64:b16decode", Task("x", "x", {"s": "no"}), results)
    assert "x" not in results
    assert not results.folder.exists()

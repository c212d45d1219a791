import errno
import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from lungnet.config import Config
from lungnet.errors import InputError
from lungnet.pipeline import LocalRunner, Pipeline, latest


def visible(root: Path) -> list[str]:
    """Every file of the root that is not the pipeline's own bookkeeping."""
    return sorted(
        path.relative_to(root).as_posix()
        for path in root.rglob("*")
        if path.is_file() and ".system" not in path.parts
    )


def test_steps_run_in_order_and_leave_tfx_layout(pipeline: Pipeline, root: Path):
    made = LocalRunner(root).run(pipeline)
    # (3 + 10) + (4 + 10) + 1, by hand.
    assert (made["Add"]["number"].uri / "number.txt").read_text() == "28"
    assert visible(root) == [
        "Add/number/1/number.txt",
        "Four/number/1/number.txt",
        "Three/number/1/number.txt",
    ]
    record = json.loads((root / "Add/.system/executor_execution/1/execution.json").read_text())
    assert [artifact["uri"] for artifact in record["inputs"]["numbers"]] == [
        "Three/number/1",
        "Four/number/1",
    ]


def test_a_second_run_leaves_the_first_alone(pipeline: Pipeline, root: Path):
    LocalRunner(root).run(pipeline)
    LocalRunner(root).run(pipeline)
    assert "Add/number/1/number.txt" in visible(root)
    assert "Add/number/2/number.txt" in visible(root)


def test_one_step_takes_the_newest_artifacts(steps: SimpleNamespace, pipeline: Pipeline, root: Path):
    LocalRunner(root).run(pipeline)
    changed = Pipeline(pipeline.components, Config(seed=20))
    LocalRunner(root).run_step(changed, "Three")
    made = LocalRunner(root).run_step(changed, "Add")
    assert (made["number"].uri / "number.txt").read_text() == str((3 + 20) + (4 + 10) + 1)


def test_properties_survive_in_the_record(pipeline: Pipeline, root: Path):
    LocalRunner(root).run(pipeline)
    numbers = pipeline.component("Add").inputs["numbers"]
    assert [latest(root, channel).properties for channel in numbers] == [{"parity": 1}, {"parity": 0}]


def test_a_step_that_fails_leaves_nothing(steps: SimpleNamespace, root: Path):
    broken = Pipeline([steps.Start(start=-1)], Config())
    with pytest.raises(RuntimeError, match="broken"):
        LocalRunner(root).run(broken)
    assert visible(root) == []
    with pytest.raises(InputError, match="Start has not run"):
        LocalRunner(root).run_step(
            Pipeline(
                [broken.components[0], steps.Add(numbers=broken.components[0].outputs["number"])], Config()
            ),
            "Add",
        )


def test_a_full_disk_is_one_sentence(steps: SimpleNamespace, root: Path, monkeypatch: pytest.MonkeyPatch):
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "number.txt")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(InputError, match=r"Start stopped at number\.txt: No space left on device"):
        LocalRunner(root).run(Pipeline([steps.Start(start=1)], Config()))
    assert visible(root) == []


def test_an_artifact_removed_by_hand_is_missed(pipeline: Pipeline, root: Path):
    LocalRunner(root).run(pipeline)
    (root / "Three/number/1/number.txt").unlink()
    (root / "Three/number/1").rmdir()
    with pytest.raises(InputError, match="is gone: run Three again"):
        LocalRunner(root).run_step(pipeline, "Add")


def test_a_wrong_record_is_said(pipeline: Pipeline, root: Path):
    LocalRunner(root).run(pipeline)
    (root / "Three/.system/executor_execution/1/execution.json").write_text("[]")
    with pytest.raises(InputError, match="is not a record of Three"):
        LocalRunner(root).run_step(pipeline, "Add")


def test_an_unknown_step_names_the_closest(pipeline: Pipeline):
    with pytest.raises(InputError, match=r"No step 'Thre' \(did you mean 'Three'\?\)"):
        pipeline.component("Thre")


def test_order_and_names_are_checked(steps: SimpleNamespace):
    start = steps.Start(start=1)
    add = steps.Add(numbers=start.outputs["number"])
    with pytest.raises(InputError, match="Add needs Start, which is not before it"):
        Pipeline([add, start], Config())
    with pytest.raises(InputError, match="Two components are named 'Start'"):
        Pipeline([start, steps.Start(start=2)], Config())


def test_a_root_that_is_a_file_is_one_sentence(pipeline: Pipeline, tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="Cannot write the pipeline root"):
        LocalRunner(tmp_path / "file").run(pipeline)

"""One step: staged, put in place, abandoned, killed."""

import errno
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from lungnet.config import Config
from lungnet.errors import InputError
from lungnet.pipeline import LocalRunner, Pipeline, latest, launch, look_at
from lungnet.pipeline.metadata_records import CANCELED, COMPLETE, FAILED, RUNNING


def files(root: Path) -> list[str]:
    """Every file that somebody could take for an artifact or for what is left of one."""
    own = {"metadata.sqlite", "digests.sqlite", "pipeline_name", "lock", "lock_holder"}
    found = [path for path in root.rglob("*") if path.is_file() and path.name not in own]
    return sorted(path.relative_to(root).as_posix() for path in found)


def states(root: Path) -> list[tuple[str, str]]:
    every = (RUNNING, COMPLETE, FAILED, CANCELED)
    with look_at(root) as session:
        found = session.store.executions(session.pipeline, states=every)
    return [(one.name, one.last_known_state) for one in reversed(found)]


def test_a_step_runs_however_often_it_is_launched(steps: SimpleNamespace, root: Path):
    first = launch(steps.Start(start=1), {}, Config(seed=4), root)["number"]
    second = launch(steps.Start(start=1), {}, Config(seed=4), root)["number"]
    assert (first.uri / "number.txt").read_text() == "5"
    assert first.uri != second.uri
    assert first.digest == second.digest
    assert second.properties == {"parity": 1}
    assert second.id > first.id > 0


def test_a_step_that_fails_leaves_nothing_but_why(steps: SimpleNamespace, root: Path):
    with pytest.raises(RuntimeError, match="broken"):
        launch(steps.Start(start=-1), {}, Config(), root)
    assert files(root) == []
    assert states(root) == [("Start", FAILED)]
    with look_at(root) as session:
        (execution,) = session.store.executions(session.pipeline, states=(FAILED,))
        assert execution.error == "broken"
    with pytest.raises(InputError, match="Start has not run"):
        latest(root, steps.Start(start=1).outputs["number"])


def test_an_interrupted_step_is_cancelled(steps: SimpleNamespace, root: Path):
    def interrupt(done: int, total: int, text: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        launch(steps.Count(to=2), {}, Config(), root, progress=interrupt)
    assert states(root) == [("Count", CANCELED)]
    assert launch(steps.Count(to=2), {}, Config(), root)["number"].uri.name == "2"


def test_properties_of_the_wrong_type_are_a_defect(steps: SimpleNamespace, root: Path):
    counted = type("Counted", (steps.Number,), {"PROPERTIES": {"parity": str}})
    component = steps.Start(start=1)
    component.SPEC = component.SPEC.__class__(
        inputs={}, outputs={"number": counted}, parameters=component.SPEC.parameters
    )
    with pytest.raises(TypeError, match="'parity' of Counted must be of type str"):
        launch(component, {}, Config(), root)
    assert files(root) == []


def test_a_full_disk_is_one_sentence_and_the_root_stays_whole(steps: SimpleNamespace, small_disk: Path):
    root = small_disk / "root"
    pipeline = Pipeline([steps.Start(start=1), steps.Big(size=2**20)], Config())
    with pytest.raises(InputError, match=r"Big stopped at .*: No space left on device"):
        LocalRunner(root).run(pipeline)
    assert files(root) == ["Start/number/1/number.txt"]
    assert ("Start", COMPLETE) in states(root)
    fits = Pipeline([steps.Start(start=1), steps.Big(size=1000)], Config())
    LocalRunner(root).run(fits)
    assert len(files(root)) == 2


def test_an_error_of_another_library_that_means_a_full_disk_is_understood(
    steps: SimpleNamespace, root: Path, monkeypatch: pytest.MonkeyPatch
):
    def full(*_: object, **__: object) -> None:
        raise RuntimeError("RESOURCE_EXHAUSTED: number.txt; No space left on device")

    monkeypatch.setattr("lungnet.pipeline.launcher._commit", full)
    with pytest.raises(InputError, match=r"Start stopped at .*root: No space left on device"):
        launch(steps.Start(start=1), {}, Config(), root)


def test_a_file_system_that_cannot_be_written_is_one_sentence(
    steps: SimpleNamespace, root: Path, monkeypatch: pytest.MonkeyPatch
):
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system", "number.txt")

    monkeypatch.setattr("lungnet.pipeline.launcher._commit", refuse)
    with pytest.raises(InputError, match=r"Start stopped at number\.txt: Read-only file system"):
        launch(steps.Start(start=1), {}, Config(), root)


def test_a_root_that_is_a_file_is_one_sentence(pipeline: Pipeline, tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="Cannot write the pipeline root"):
        LocalRunner(tmp_path / "file").run(pipeline)


COUNTING = """
import os, signal, sys
from pathlib import Path
from lungnet.config import Config
from lungnet.pipeline import Artifact, Component, ComponentSpec, LocalRunner, Parameter, Pipeline

folder, root, die_at = sys.argv[1:]
sys.path.insert(0, folder)

class Number(Artifact): "number.txt"

class Count(Component):
    parameters = {"to": Parameter(type=int)}
    SPEC = ComponentSpec(inputs={}, outputs={"number": Number}, parameters=parameters)
    EXECUTOR = "number_steps:CountExecutor"

def report(done, total, text):
    print(done, flush=True)
    if done == int(die_at):
        os.kill(os.getpid(), signal.SIGKILL)

runner = LocalRunner(Path(root), on_step=lambda decision: report)
runner.run(Pipeline([Count(to=10)], Config()))
"""


def start_counting(root: Path, die_at: int) -> subprocess.CompletedProcess[str]:
    """Runs a step of ten parts in a process that kills itself with SIGKILL after one of them."""
    arguments = [str(Path(__file__).parent), str(root), str(die_at)]
    return subprocess.run([sys.executable, "-c", COUNTING, *arguments], capture_output=True, text=True)


def test_a_killed_step_goes_on_from_its_checkpoint(root: Path):
    killed = start_counting(root, die_at=4)
    assert killed.returncode == -signal.SIGKILL
    assert killed.stdout.split() == ["1", "2", "3", "4"]
    assert states(root) == [("Count", RUNNING)]
    again = start_counting(root, die_at=7)
    assert again.returncode == -signal.SIGKILL
    assert "Count was killed in its last run" in again.stderr
    last = start_counting(root, die_at=0)
    assert last.returncode == 0
    assert last.stdout.split() == ["8", "9", "10"]
    assert states(root) == [("Count", FAILED), ("Count", FAILED), ("Count", COMPLETE)]
    assert files(root) == ["Count/number/3/number.txt"]
    assert (root / "Count/number/3/number.txt").read_text() == "1 2 3 4 5 6 7 8 9 10"
    # Event files of all attempts lie together, under the number of the first one.
    assert [path.name for path in (root / "tensorboard/Count").iterdir()] == ["1"]


def test_checkpoints_of_other_settings_are_not_found(steps: SimpleNamespace, root: Path):
    start_counting(root, die_at=4)
    made = launch(steps.Count(to=3), {}, Config(), root)
    assert (made["number"].uri / "number.txt").read_text() == "1 2 3"
    assert start_counting(root, die_at=0).stdout.split()[0] == "5"


def test_what_a_kill_after_the_end_left_is_cleared_away(steps: SimpleNamespace, root: Path):
    pipeline = Pipeline([steps.Count(to=2)], Config())
    LocalRunner(root).run(pipeline)
    with look_at(root) as session:
        (execution,) = session.store.executions(session.pipeline)
        checkpoints = session.layout.stateful("Count", execution.cache_key) / "checkpoints"
    for left in (checkpoints, root / ".pipeline.json.x1.tmp", root / ".system/.pipeline_name.x2.tmp"):
        left.mkdir(parents=True)
    (root / "Count/.system/executor_execution/1/outputs").mkdir(parents=True)
    LocalRunner(root).run(pipeline)
    assert files(root) == ["Count/number/1/number.txt"]
    assert not [*root.glob("*/.system/*/*"), *root.rglob("*.tmp")]

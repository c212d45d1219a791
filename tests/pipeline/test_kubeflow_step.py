"""A step as a container runs it: staged, refused, killed."""

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from lungnet.config import Config
from lungnet.errors import InputError
from lungnet.pipeline import Component, Pipeline
from lungnet.pipeline.kubeflow_step import run
from lungnet.pipeline.remote_step import RUNTIME, STATE, RemoteStep, remote_steps


def remote(component: Component, seed: int = 4) -> RemoteStep:
    return remote_steps(Pipeline([component], Config(seed=seed)))[component.id]


def message(folder: Path, /, **values: Any) -> str:
    """What Kubeflow Pipelines hands to a step that takes no artifacts and makes `number`."""
    made = {"artifacts": [{"name": "number", "uri": f"{folder}/number", "metadata": {}}]}
    given = {"parameterValues": {name: json.dumps(value) for name, value in values.items()}}
    outputs = {"artifacts": {"number": made}, "outputFile": f"{folder}/executor_output.json"}
    return json.dumps({"inputs": given, "outputs": outputs})


def names(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


def test_outputs_are_in_place_with_their_properties(steps: SimpleNamespace, tmp_path: Path):
    run(remote(steps.Start(start=3)), message(tmp_path, start=3, seed=4), {})
    assert names(tmp_path) == ["executor_output.json", "number", "number/number.txt"]
    assert (tmp_path / "number/number.txt").read_text() == "7"
    answer = json.loads((tmp_path / "executor_output.json").read_text())
    assert answer["artifacts"]["number"]["artifacts"][0]["metadata"]["parity"] == 1


def test_inputs_are_read_in_order(steps: SimpleNamespace, pipeline: Pipeline, tmp_path: Path):
    add = remote_steps(pipeline)["Add"]
    given = json.loads(message(tmp_path))
    given["inputs"]["artifacts"] = {}
    for name, number in (("numbers_1", 3), ("numbers_2", 4)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "number.txt").write_text(str(number))
        given["inputs"]["artifacts"][name] = {"artifacts": [{"name": name, "uri": f"{tmp_path}/{name}"}]}
    run(add, json.dumps(given), {})
    assert (tmp_path / "number/number.txt").read_text() == "8"


def test_a_step_that_fails_leaves_nothing(steps: SimpleNamespace, tmp_path: Path):
    with pytest.raises(RuntimeError, match="broken"):
        run(remote(steps.Start(start=-1)), message(tmp_path, start=-1, seed=0), {})
    assert names(tmp_path) == []


def test_a_folder_made_by_the_cluster_is_filled_and_a_full_one_refused(
    steps: SimpleNamespace, tmp_path: Path
):
    (tmp_path / "number").mkdir()
    step = remote(steps.Start(start=3))
    run(step, message(tmp_path, start=3, seed=4), {})
    with pytest.raises(InputError, match="number is a folder that exists already"):
        run(step, message(tmp_path, start=3, seed=5), {})
    assert (tmp_path / "number/number.txt").read_text() == "7"


def test_an_image_with_other_sources_is_refused(steps: SimpleNamespace, tmp_path: Path):
    step = remote(steps.Start(start=3)).model_copy(update={"sources": "0" * 64})
    with pytest.raises(InputError, match="Start: this image holds other sources of the step"):
        run(step, message(tmp_path, start=3, seed=4), {})
    absent = step.model_copy(update={"executor": "nothing_there:Executor"})
    with pytest.raises(InputError, match="Start: this image has no module 'nothing_there'"):
        run(absent, message(tmp_path, start=3, seed=4), {})
    assert names(tmp_path) == []


def test_a_full_disk_is_one_sentence(steps: SimpleNamespace, small_disk: Path):
    with pytest.raises(InputError, match=r"Big stopped at .*: No space left on device"):
        run(remote(steps.Big(size=2**20)), message(small_disk / "run", size=2**20), {})
    assert [path for path in small_disk.rglob("*") if path.is_file()] == []


def test_runtime_settings_reach_the_executor_that_knows_them(
    steps: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    seen: list[dict[str, Any]] = []

    def look(self: Any, *_: object) -> None:
        seen.append(self.context.runtime)

    monkeypatch.setattr("number_steps.NumberExecutor.Do", look)
    step = remote(steps.Start(start=3)).model_copy(update={"runtime": {"workers": 1, "device": "cpu"}})
    run(step, message(tmp_path, start=3, seed=4), {RUNTIME: '{"workers":8,"other":2}'})
    assert seen == [{"workers": 8, "device": "cpu"}]
    with pytest.raises(InputError, match=r"LUNGNET_RUNTIME must be a JSON object\. Received: \[8\]"):
        run(step, message(tmp_path, start=3, seed=4), {RUNTIME: "[8]"})


def start(
    step: RemoteStep, text: str, die_at: int = 0, state: Path | None = None, pause_s: float = 0.0
) -> Any:
    """Runs a step in a process of its own, which may pause as it goes on or kill itself with SIGKILL."""
    code = (
        "import os, signal, sys, time\n"
        f"sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
        "import lungnet.pipeline.kubeflow_step as kubeflow_step\n"
        "def report(name):\n"
        "    def show(done, total, text):\n"
        "        print(done, flush=True)\n"
        f"        time.sleep({pause_s})\n"
        f"        done == {die_at} and os.kill(os.getpid(), signal.SIGKILL)\n"
        "    return show\n"
        "kubeflow_step._progress = report\n"
        f"kubeflow_step.main(['--step', {step.to_json()!r}, '--executor_input', {text!r}])\n"
    )
    environment = {**os.environ, **({STATE: str(state)} if state else {})}
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)


@pytest.fixture
def count(steps: SimpleNamespace) -> RemoteStep:
    """Counts to five; its artifact's type is one that another process finds."""
    step = remote(steps.Count(to=5))
    return step.model_copy(update={"outputs": {"number": "lungnet.pipeline.artifacts:Artifact"}})


def test_a_killed_container_leaves_its_checkpoints_to_the_next(count: RemoteStep, tmp_path: Path):
    state = tmp_path / "state"
    killed = start(count, message(tmp_path / "first", to=5), die_at=3, state=state)
    assert killed.returncode == -signal.SIGKILL
    assert not (tmp_path / "first/number").exists()
    other = start(count, message(tmp_path / "other", to=5, data_version="2"), state=state)
    assert other.stdout.split() == ["1", "2", "3", "4", "5"]  # of other data
    again = start(count, message(tmp_path / "second", to=5), state=state)
    assert (again.returncode, again.stderr) == (0, "")
    assert again.stdout.split() == ["4", "5"]
    assert (tmp_path / "second/number/number.txt").read_text() == "1 2 3 4 5"
    assert [one for one in names(state) if "checkpoints" in one] == []


def test_without_a_volume_it_begins_again(count: RemoteStep, tmp_path: Path):
    killed = start(count, message(tmp_path / "first", to=5), die_at=3)
    assert killed.returncode == -signal.SIGKILL
    again = start(count, message(tmp_path / "second", to=5))
    assert again.stdout.split() == ["1", "2", "3", "4", "5"]


def test_two_containers_do_not_share_checkpoints(count: RemoteStep, tmp_path: Path):
    state = tmp_path / "state"
    results: list[Any] = []

    def one(name: str) -> None:
        results.append(start(count, message(tmp_path / name, to=5), state=state, pause_s=0.5))

    threads = [threading.Thread(target=one, args=(name,)) for name in ("a", "b")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [result.stdout.split() for result in results] == [["1", "2", "3", "4", "5"]] * 2


def test_what_the_user_did_wrong_is_one_sentence(count: RemoteStep, tmp_path: Path):
    wrong = start(count, "{}")
    assert wrong.returncode == 1
    assert wrong.stderr.startswith("lungnet: Count: the input that came from the cluster")
    assert wrong.stderr.count("\n") == 1
    file = tmp_path / "file"
    file.write_text("")
    wrong = start(count, message(tmp_path, to=5), state=file)
    assert (wrong.returncode, wrong.stderr.count("\n")) == (1, 1)


def test_a_defect_keeps_its_traceback(steps: SimpleNamespace, tmp_path: Path):
    step = remote(steps.Start(start=-1)).model_copy(
        update={"outputs": {"number": "lungnet.pipeline.artifacts:Artifact"}}
    )
    broken = start(step, message(tmp_path, start=-1, seed=0))
    assert broken.returncode == 1
    assert "RuntimeError: broken" in broken.stderr

"""Two "machines", this process and a thread of it, that do the steps of a pipeline together."""

import json
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from lungnet.config import Config, DistributionConfig
from lungnet.errors import InputError
from lungnet.pipeline import (
    Component,
    ComponentSpec,
    Examples,
    LocalRunner,
    Made,
    Parameter,
    Pipeline,
    follow,
    joint_run,
    no_progress,
)
from lungnet.pipeline.joint_run import Chief
from lungnet.pipeline.joint_step import JointStep
from tests.loopback_cluster import tf_config

#: Ports that nobody opens: these steps know no TensorFlow.
NOBODY = (1, 2)
CONFIG = Config(seed=10, distribution=DistributionConfig(strategy="multi_worker"))


def joint(name: str, executor: str, **parameters: Parameter) -> type[Component]:
    spec = ComponentSpec(
        inputs={},
        outputs={"number": Examples},
        parameters={**parameters, "distribution": Parameter("distribution")},
    )
    return type(name, (Component,), {"SPEC": spec, "EXECUTOR": f"number_steps:{executor}"})


Start = joint("Start", "NumberExecutor", start=Parameter(type=int), seed=Parameter("seed"))
Meet = joint("Meet", "MeetExecutor", place=Parameter(), workers=Parameter(type=int))
Killed = joint("Killed", "KilledExecutor")


@pytest.fixture(autouse=True)
def machines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(Path(__file__).parent)
    monkeypatch.setenv("TF_CONFIG", tf_config(NOBODY, 0))
    monkeypatch.setattr(joint_run, "BEAT_S", 0.05)


@pytest.fixture
def chief(tmp_path: Path) -> Callable[..., "Future[Made]"]:
    """`chief(components)` runs them in a thread."""
    pool = ThreadPoolExecutor(1)

    def run(*components: Component, **how: Any) -> "Future[Made]":
        runner = LocalRunner(tmp_path / "root", **how)
        return pool.submit(runner.run, Pipeline(components, CONFIG))

    return run


def test_every_machine_does_its_part_and_the_chief_keeps_it(chief, tmp_path):
    """Nothing goes on before all are there."""
    steps = []
    for name in ("Meet.one", "Meet.two"):
        (tmp_path / name).mkdir()
        steps.append(Meet(component_id=name, place=str(tmp_path / name), workers=2))
    reports: list[tuple[int, int, str]] = []
    made = chief(*steps, on_step=lambda decision: lambda *report: reports.append(report))
    begun: list[str] = []
    own: list[tuple[int, int, str]] = []

    def begin(component_id: str) -> Callable[[int, int, str], None]:
        begun.append(component_id)
        return lambda *report: own.append(report)

    follow(tmp_path / "root", 30.0, begin)
    assert begun == ["Meet.one", "Meet.two"]
    assert reports == [(1, 1, "met")] * 2
    assert set(own) <= {(1, 1, "met")}  # unless the chief was done first
    number = made.result()["Meet.two"]["number"]
    assert (number.uri / "number.txt").read_text() == "2"
    assert number.properties == {"came": 2}
    assert len(list(tmp_path.rglob("number.txt"))) == 2
    # What is there already needs nobody's help.
    assert chief(*steps).result()["Meet.two"]["number"].id == number.id


def test_a_step_that_fails_ends_both(chief, tmp_path):
    with ThreadPoolExecutor(1) as pool:
        # It looks before the chief begins: a run that has failed already is one of long ago to it.
        following = pool.submit(follow, tmp_path / "root", 30.0, lambda component_id: no_progress)
        time.sleep(1.0)
        made = chief(Start(start=-1))
        with pytest.raises((InputError, RuntimeError), match=r"The chief's run did not end well|broken"):
            following.result()
    with pytest.raises(RuntimeError, match="A worker failed on Start"):
        made.result()
    assert not list((tmp_path / "root").glob("Start/number/*"))


def test_a_process_that_is_killed_is_named(chief):
    with pytest.raises(InputError, match=r"Killed: the process that trains was ended by SIGKILL; run again"):
        chief(Killed()).result()


def test_no_run_begins(tmp_path):
    """Also where the file of an earlier run says that it runs, or ended well."""
    system = tmp_path / ".system"
    for state in (None, "running", "ended"):
        if state:
            system.mkdir(exist_ok=True)
            text = json.dumps({"run": "a", "beat": 7, "state": state, "step": None})
            (system / "joint_run.json").write_text(text)
        with pytest.raises(InputError, match=r"No run has begun in .* for 0.3 s; expected the same command"):
            follow(tmp_path, 0.3, lambda component_id: no_progress)


def test_the_chief_falls_silent(tmp_path, monkeypatch):
    (tmp_path / ".system").mkdir()
    with Chief(tmp_path / ".system") as chief:
        silence = threading.Timer(0.6, lambda: monkeypatch.setattr(chief, "_tell", lambda: None))
        silence.start()
        with pytest.raises(InputError, match=r"The chief has been silent for 0\.5 s"):
            follow(tmp_path, 0.5, lambda component_id: no_progress)
        silence.join()


def test_a_machine_with_other_sources_refuses(tmp_path):
    (tmp_path / ".system").mkdir()
    step = JointStep(
        number=1,
        component_id="Start",
        executor="number_steps:NumberExecutor",
        inputs={},
        outputs={},
        exec_properties={},
        runtime={},
        seed=0,
        sources="others",
    )
    with (
        Chief(tmp_path / ".system") as chief,
        chief.inviting(step),
        pytest.raises(InputError, match="Start: this machine has another lungnet than the chief"),
    ):
        follow(tmp_path, 5.0, lambda component_id: no_progress)


def test_only_the_chief_runs_a_pipeline(chief, monkeypatch):
    monkeypatch.setenv("TF_CONFIG", tf_config(NOBODY, 1))
    with pytest.raises(InputError, match="this is worker 1, and only the chief runs a pipeline"):
        chief(Start(start=5)).result()
    monkeypatch.delenv("TF_CONFIG")
    with pytest.raises(InputError, match="TF_CONFIG, and it is not set"):
        chief(Start(start=5)).result()

"""Tasks in this process and in several: same results, nothing done twice, nothing piling up."""

import contextlib
import errno
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lungnet.errors import InputError
from lungnet.pipeline.engine import Engine
from lungnet.pipeline.tasks import Task, TaskResults

FUNCTIONS = """
import errno, json, os, signal, sys, time
from pathlib import Path
from lungnet.errors import InputError

def square(number, log=None):
    if log:
        with open(log, "a") as file:
            file.write(f"{number}\\n")
    time.sleep(0.01 * (number % 3))  # they do not end in the order in which they began
    return str(number * number).encode()

def fail(kind):
    if kind == "input":
        raise InputError("Series 7 has no slices.")
    if kind == "full":
        raise OSError(errno.ENOSPC, "No space left on device", "/disk/file")
    if kind == "defect":
        return 1 / 0
    if kind == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if kind == "crashed":
        os.kill(os.getpid(), signal.SIGSEGV)
    os._exit(3)

def whoami():
    return str(os.getpid()).encode()

def look_around():
    own_group = os.getpgrp() == os.getpid()
    return json.dumps([os.environ["OMP_NUM_THREADS"], own_group, sorted(sys.modules)]).encode()

def sleep(pids, seconds):
    Path(pids, str(os.getpid())).touch()
    time.sleep(seconds)
    return b""
"""


@pytest.fixture
def functions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a module that workers find as this process does."""
    (tmp_path / "code").mkdir()
    (tmp_path / "code/task_functions_of_a_test.py").write_text(FUNCTIONS)
    monkeypatch.syspath_prepend(str(tmp_path / "code"))
    return "task_functions_of_a_test"


@pytest.fixture
def results(tmp_path: Path) -> TaskResults:
    return TaskResults(tmp_path / "results")


def squares(count: int, **more: object) -> list[Task]:
    return [Task(f"number {n}", f"the number {n}", {"number": n, **more}) for n in range(count)]


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_every_task_leaves_its_result(functions: str, results: TaskResults, workers: int):
    seen = []
    with Engine({"workers": workers}, lambda *report: seen.append(report)) as engine:
        engine.run(f"{functions}:square", squares(10), results, total=10, text="squares")
    assert [int(results.read(f"number {n}")) for n in range(10)] == [n * n for n in range(10)]
    assert seen[:11] == [(n, 10, "squares") for n in range(11)]


def test_workers_are_started_where_there_is_work_for_them(
    functions: str, results: TaskResults, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("lungnet.pipeline.engine.usable_cores", lambda: 2)
    with Engine() as engine:
        few = [Task(f"few {n}", "few") for n in range(4)]
        engine.run(f"{functions}:whoami", few, results, total=4)
        monkeypatch.setattr("lungnet.pipeline.engine._WORTH_WORKERS_S", 0.0)
        many = [Task(f"many {n}", "many") for n in range(6)]
        engine.run(f"{functions}:whoami", many, results, total=6)
        engine.run(f"{functions}:whoami", [Task("later", "later")], results, total=1)
    here = os.getpid()
    assert {int(results.read(task.key)) for task in few} == {here}
    pids = [int(results.read(task.key)) for task in many]
    assert pids[:2] == [here, here]  # of the second one it was known how long the others would take
    assert here not in pids[2:]
    assert int(results.read("later")) in pids[2:]


def test_workers_stay_for_the_next_run(functions: str, results: TaskResults):
    with Engine({"workers": 2}) as engine:
        for name in ("first", "second"):
            engine.run(f"{functions}:whoami", [Task(name, name)], results, total=1)
    assert int(results.read("first")) == int(results.read("second")) != os.getpid()


@pytest.mark.parametrize("workers", [1, 2])
def test_what_is_there_is_not_done_again(functions: str, results: TaskResults, tmp_path: Path, workers: int):
    log = tmp_path / "log"
    results.write("number 1", b"from the attempt before")
    seen = []
    with Engine({"workers": workers}, lambda *report: seen.append(report)) as engine:
        engine.run(f"{functions}:square", squares(4, log=str(log)), results, total=4)
    assert sorted(log.read_text().split()) == ["0", "2", "3"]
    assert results.read("number 1") == b"from the attempt before"
    assert seen[-1] == (4, 4, "")


def test_tasks_are_drawn_no_faster_than_they_are_done(functions: str, results: TaskResults):
    drawn = done = most = 0

    def tasks() -> Iterator[Task]:
        nonlocal drawn, most
        for task in squares(40):
            drawn += 1
            most = max(most, drawn - done)
            yield task

    def progress(finished: int, total: int, text: str) -> None:
        nonlocal done
        done = finished

    with Engine({"workers": 3}, progress) as engine:
        engine.run(f"{functions}:square", tasks(), results, total=40)
    assert drawn == done == 40
    assert most <= 3 + 1


def test_a_worker_is_a_lean_process_of_one_thread(functions: str, results: TaskResults):
    with Engine({"workers": 2}) as engine:
        engine.run(f"{functions}:look_around", [Task("around", "around")], results, total=1)
    threads, own_group, modules = json.loads(results.read("around"))
    assert threads == "1"
    assert own_group  # Ctrl-C goes to the parent alone
    assert not {"tensorflow", "keras", "matplotlib", "numpy"} & set(modules)


@pytest.mark.parametrize(
    ("kind", "sentence"),
    [
        ("input", r"^Series 7 has no slices\.$"),
        (
            "killed",
            r"worker on series 7 was killed \(SIGKILL\), as happens when memory runs out; .*fewer workers",
        ),
        ("crashed", r"worker on series 7 was ended by SIGSEGV; run again"),
        ("left", r"worker on series 7 ended with status 3; run again"),
    ],
)
def test_what_goes_wrong_is_one_sentence(functions: str, results: TaskResults, kind: str, sentence: str):
    tasks = [*squares(3), Task("7", "series 7", {"kind": kind})]
    with Engine({"workers": 2}) as engine:
        engine.run(f"{functions}:square", tasks[:3], results, total=3)
        with pytest.raises(InputError, match=sentence):
            engine.run(f"{functions}:fail", tasks[3:], results, total=1)
    assert "7" not in results
    assert all(task.key in results for task in tasks[:3])


def test_a_full_disk_stays_one(functions: str, results: TaskResults):
    with Engine({"workers": 2}) as engine, pytest.raises(OSError, match="No space left") as raised:
        engine.run(f"{functions}:fail", [Task("7", "7", {"kind": "full"})], results, total=1)
    assert (raised.value.errno, raised.value.filename) == (errno.ENOSPC, "/disk/file")


def test_a_defect_keeps_its_traceback(functions: str, results: TaskResults):
    with Engine({"workers": 2}) as engine, pytest.raises(RuntimeError, match="series 7") as raised:
        engine.run(f"{functions}:fail", [Task("7", "series 7", {"kind": "defect"})], results, total=1)
    assert "task_functions_of_a_test.py" in str(raised.value)
    assert "ZeroDivisionError" in str(raised.value)


@pytest.mark.parametrize("workers", [0, -1, True, 1.5, "2"])
def test_settings_are_checked_first(workers: object):
    with pytest.raises(InputError, match=r"workers must be a whole number of at least 1. Received: "):
        Engine({"workers": workers})


def script(tmp_path: Path, functions: str, calls: str) -> Path:
    """A program that begins at once, as those who know no `if __name__ == "__main__"` write it."""
    path = tmp_path / "program.py"
    path.write_text(
        f"""
import sys
sys.path.insert(0, {str(tmp_path / "code")!r})
from pathlib import Path
from lungnet.pipeline.engine import Engine
from lungnet.pipeline.tasks import Task, TaskResults
print("begins", flush=True)
results = TaskResults(Path({str(tmp_path / "results")!r}))
with Engine({{"workers": 2}}) as engine:
    engine.run({calls})
print("ends", flush=True)
"""
    )
    return path


def test_a_program_without_a_main_guard_runs_once(functions: str, tmp_path: Path):
    calls = (
        f"'{functions}:square', [Task(str(n), str(n), {{'number': n}}) for n in range(4)], results, total=4"
    )
    program = script(tmp_path, functions, calls)
    ran = subprocess.run([sys.executable, program], capture_output=True, text=True, check=True)
    assert ran.stdout.split() == ["begins", "ends"]
    assert ran.stderr == ""


def alive(pid: int) -> bool:
    with contextlib.suppress(OSError):
        # A process that has ended and was not asked for yet is a zombie.
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def wait_for(condition: Callable[[], bool], seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_workers_end_with_their_parent(functions: str, tmp_path: Path, stop: signal.Signals):
    """Ctrl-C ends them at once; of a parent that was killed they learn when their task is done."""
    pids = tmp_path / "pids"
    pids.mkdir()
    seconds = 60.0 if stop == signal.SIGINT else 1.0
    arguments = {"pids": str(pids), "seconds": seconds}
    calls = f"'{functions}:sleep', [Task(str(n), str(n), {arguments!r}) for n in range(9)], results, total=9"
    program = script(tmp_path, functions, calls)
    with subprocess.Popen(
        [sys.executable, program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, process_group=0
    ) as parent:
        wait_for(lambda: len(list(pids.iterdir())) == 2)
        os.killpg(parent.pid, stop)  # as a terminal does it
        _, errors = parent.communicate(timeout=20)  # the tasks of a minute are not waited for
        workers = [int(path.name) for path in pids.iterdir()]
        wait_for(lambda: not any(map(alive, workers)))
    if stop == signal.SIGINT:
        assert errors.count("Traceback") == 1  # the program's own KeyboardInterrupt
        assert "KeyboardInterrupt" in errors
    else:
        assert "Traceback" not in errors
    assert len(workers) == 2  # nobody was given another task

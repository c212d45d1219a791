"""Versions increase, never collide, and are whole or not there."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from lungnet.components.pusher.serving_folder import ServingFolder
from lungnet.errors import InputError


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "model"
    path.write_bytes(b"a model")
    return path


@pytest.fixture
def folder(tmp_path: Path) -> ServingFolder:
    return ServingFolder(tmp_path / "serving")


def test_a_version_is_its_two_files(folder, model):
    before = int(time.time())
    version = folder.push(model, {"task": "nodule"})
    assert before <= version <= time.time()
    inside = folder.path / str(version)
    assert sorted(path.name for path in inside.iterdir()) == ["classifier.onnx", "model.json"]
    assert (inside / "classifier.onnx").read_bytes() == b"a model"
    assert '"task": "nodule"' in (inside / "model.json").read_text()


def test_a_scanner_goes_with_its_classifier(folder, model):
    model.with_name("scanner.onnx").write_bytes(b"a scanner")
    inside = folder.path / str(folder.push(model, {}))
    assert sorted(path.name for path in inside.iterdir()) == ["classifier.onnx", "model.json", "scanner.onnx"]
    assert (inside / "scanner.onnx").read_bytes() == b"a scanner"


def test_cards_go_with_their_model(folder, model, tmp_path):
    card = tmp_path / "model_card.json"
    card.write_text("{}")
    inside = folder.path / str(folder.push(model, {}, [card]))
    names = ["classifier.onnx", "model.json", "model_card.json"]
    assert sorted(path.name for path in inside.iterdir()) == names


def test_versions_increase_within_a_second_and_whatever_the_clock_says(folder, model):
    (folder.path / "9999999999").mkdir(parents=True)
    pushed = [folder.push(model, {}) for _ in range(3)]
    assert pushed == [10_000_000_000, 10_000_000_001, 10_000_000_002]
    assert folder.versions() == pushed  # the empty folder is no version


def test_other_names_are_no_versions(folder, model):
    for name in ("latest", ".5", "-3", "1.5"):
        (folder.path / name).mkdir(parents=True)
        (folder.path / name / "classifier.onnx").write_bytes(b"")
    assert folder.versions() == []
    assert ServingFolder(folder.path / "none").versions() == []


def test_a_push_that_fails_leaves_nothing(folder, tmp_path):
    with pytest.raises(FileNotFoundError):
        folder.push(tmp_path / "none.onnx", {})
    assert list(folder.path.iterdir()) == []


def test_a_push_that_is_killed_leaves_no_version(folder, model):
    code = f"""
import os, shutil, signal
from pathlib import Path
from lungnet.components.pusher.serving_folder import ServingFolder

def half(source, target):
    Path(target).write_bytes(b"half a mod")
    os.kill(os.getpid(), signal.SIGKILL)

shutil.copyfile = half
ServingFolder(Path({str(folder.path)!r})).push(Path({str(model)!r}), {{}})
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == -9
    (left,) = folder.path.iterdir()
    assert (left / "model.json").is_file()
    assert not (left / "classifier.onnx").exists()
    assert folder.versions() == []
    version = folder.push(model, {})
    assert version > int(left.name)
    assert folder.versions() == [version]


def test_processes_that_push_at_once_get_a_version_each(folder, model):
    code = f"""
from pathlib import Path
from lungnet.components.pusher.serving_folder import ServingFolder
for _ in range(5):
    print(ServingFolder(Path({str(folder.path)!r})).push(Path({str(model)!r}), {{}}))
"""
    command = [sys.executable, "-c", code]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    printed = [process.communicate()[0] for process in running]
    assert [process.returncode for process in running] == [0, 0, 0, 0]
    versions = [int(line) for text in printed for line in text.split()]
    assert len(versions) == 20
    assert sorted(versions) == folder.versions()  # no two are equal
    for text in printed:
        own = [int(line) for line in text.split()]
        assert own == sorted(own)


def test_a_file_in_the_way_is_named(folder, model):
    folder.path.write_text("")
    with pytest.raises(InputError, match=r"Cannot write the serving folder .*serving: File exists"):
        folder.push(model, {})

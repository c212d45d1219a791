import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
SHIPPED_FILES = ("classifier.onnx", "scanner.onnx", "model.json", "model_card.json", "model_card.md")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel built from a copy of the tracked folders, with setuptools as it is installed here."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    for name in ("lungnet", "components", "serving"):
        shutil.copytree(
            REPOSITORY / name, source / name, symlinks=True, ignore=shutil.ignore_patterns("__pycache__")
        )
    for name in ("setup.py", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(REPOSITORY / name, source)
    subprocess.run(
        [
            sys.executable,
            "-m",
            "pip",
            "wheel",
            "-q",
            "--no-deps",
            "--no-build-isolation",
            "-w",
            folder,
            source,
        ],
        check=True,
        capture_output=True,
    )
    (built,) = folder.glob("*.whl")
    return built


def test_the_wheel_owns_one_name_and_holds_everything(wheel: Path):
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0] for name in names if ".dist-info" not in name} == {"lungnet"}
    for expected in (
        "lungnet/py.typed",
        "lungnet/presets/demo.toml",
        "lungnet/patches/__init__.pyi",
        "lungnet/components/gan_trainer/executor.py",
        "lungnet/serving/classifier.py",
        *(f"lungnet/serving/model/{name}" for name in SHIPPED_FILES),
    ):
        assert names.count(expected) == 1


@pytest.fixture(scope="module")
def site(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the wheel installs."""
    folder = tmp_path_factory.mktemp("installed") / "site"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


def python(site: Path, folder: Path, *arguments: str) -> str:
    """Runs Python on what is installed, away from the checkout, and returns what it prints."""
    command, environment = [sys.executable, *arguments], {"PYTHONPATH": str(site)}
    return subprocess.run(
        command, cwd=folder, env=environment, check=True, capture_output=True, text=True
    ).stdout


def test_the_wheel_works_without_the_checkout(site: Path, tmp_path: Path):
    code = (
        "import lungnet, lungnet.components, lungnet.serving\n"
        "from lungnet.patches import ExampleArrays\n"
        "from lungnet.presets import load_config\n"
        "load_config('demo')\n"
        "print(lungnet.__file__)"
    )
    assert python(site, tmp_path, "-c", code).strip() == str(site / "lungnet/__init__.py")
    assert python(site, tmp_path, "-m", "lungnet", "--version").startswith("lungnet")


def test_the_wheel_scans_with_the_model_it_holds(site: Path, tmp_path: Path):
    code = (
        "from lungnet.serving import CTScanner, NoduleClassifier\n"
        "import numpy as np\n"
        "patches = np.full((2, 40, 40), -800, np.int16)\n"
        "print(NoduleClassifier().predict(patches).shape, CTScanner().metadata['fingerprint'])"
    )
    stated = json.loads((site / "lungnet/serving/model/model.json").read_text("utf-8"))
    assert python(site, tmp_path, "-c", code).split() == ["(2,)", stated["fingerprint"]]


def test_an_installed_step_has_the_sources_of_the_checkout(site: Path, tmp_path: Path):
    """A pipeline is compiled from one and run by the other."""
    code = (
        "from lungnet.components import CalmTrainer, LidcExampleGen, Pusher\n"
        "from lungnet.pipeline.remote_step import sources_digest\n"
        "print([sources_digest(one.EXECUTOR) for one in (CalmTrainer, LidcExampleGen, Pusher)])"
    )
    digests = [python(place, tmp_path, "-c", code) for place in (site, REPOSITORY)]
    assert digests[0] == digests[1] != ""

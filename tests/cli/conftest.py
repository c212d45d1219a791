"""A run of the whole method through the command line, small enough for a test."""

import contextlib
import logging
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from lungnet.cli.main import main
from tests.cli.serving_process import write_constant


class Result(NamedTuple):
    code: int
    out: str
    err: str


def call(*arguments: str) -> int:
    """Runs `lungnet ARGUMENTS` in this process and returns its exit status."""
    before = sys.argv
    sys.argv = ["lungnet", *arguments]
    try:
        main()
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else 1
    finally:
        sys.argv = before
    raise RuntimeError("main returned without an exit status")


@pytest.fixture
def lungnet(capfd: pytest.CaptureFixture[str]) -> Callable[..., Result]:
    def run(*arguments: object) -> Result:
        code = call(*map(str, arguments))
        out, err = capfd.readouterr()
        return Result(code, out, err)

    return run


def blobs(path: Path, groups: int = 6, per_group: int = 16) -> Path:
    """Arrays in which a bright disc is a nodule, a bright stripe is none."""
    rng = np.random.default_rng(0)
    count = groups * per_group
    labels = np.arange(count) % 2
    row, column = np.mgrid[:50, :50] - 25
    patches = rng.normal(-850, 30, (count, 50, 50))
    for patch, label in zip(patches, labels, strict=True):
        y, x, radius = *rng.integers(-3, 4, 2), rng.integers(3, 7)
        disc = (row - y) ** 2 + (column - x) ** 2 < radius**2
        patch[disc if label else abs(row - column - x) < 2] += 850
    np.savez(
        path,
        patches_hu=patches.astype(np.int16),
        labels=labels,
        groups=np.repeat(np.arange(groups), per_group),
    )
    return path


#: Everything is there, and nothing takes long.
TINY = (
    "gan.generator_steps=2",
    "gan.batch_size=4",
    "gan.width=4",
    "gan.latent_dim=4",
    "gan.critic_steps=2",
    "cae.filters=[4,4,4]",
    "cae.epochs=1",
    "cae.batch_size=8",
    "cae.fine_tune_epochs=6",
    "cae.learning_rate=0.01",
    "cae.fine_tune_learning_rate=0.01",
    "calm.batch_size=8",
    "calm.max_iterations=3",
    "calm.trees=5",
    "quality.cnn_steps=2",
    "baselines.nn_epochs=2",
    "baselines.ae_epochs=1",
    "baselines.ae_units=8",
    "baselines.ae_batch_size=8",
    "baselines.cnn_steps=3",
    "baselines.cnn_batch_size=8",
    "evaluation.bootstrap=20",
    "evaluation.bless_min_auc=0",  # two steps of training are no judge of the pipeline
    "evaluation.bless_min_balanced_accuracy=0",
    "patches.shards=2",
)
SETTINGS = [part for setting in TINY for part in ("--set", setting)]


@pytest.fixture(scope="session")
def tiny() -> list[str]:
    """Options of a run in which everything is there, and nothing takes long."""
    return SETTINGS


class Run(NamedTuple):
    root: Path
    arrays: Path

    def output(self, component_id: str, key: str) -> Path:
        """The newest folder of an output; executions are numbered through."""
        return max((self.root / component_id / key).iterdir(), key=lambda folder: int(folder.name))


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A pipeline root in which every step has run."""
    folder = tmp_path_factory.mktemp("run")
    arrays = blobs(folder / "blobs.npz")
    root = folder / "root"
    with contextlib.chdir(folder):  # a user's paths are relative
        code = call("run", "--arrays", arrays.name, "--eval-groups", "4,5", "--root", root.name, *SETTINGS)
    assert code == 0
    return Run(root, arrays)


@pytest.fixture(scope="session")
def model_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of versions with one, 3, that answers one half to everything."""
    folder = tmp_path_factory.mktemp("serving")
    write_constant(folder / "3" / "classifier.onnx")
    return folder


@pytest.fixture
def untouched_logging() -> Iterator[None]:
    """What the verb does to the process's logs is undone."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level
    for name in ("lungnet", "uvicorn"):
        logging.getLogger(name).setLevel(logging.NOTSET)

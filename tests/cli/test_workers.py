"""`lungnet run` on two machines: two processes that reach each other over the loopback interface."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import keras
import numpy as np
import pytest

from lungnet.config import GanConfig
from lungnet.models import train_gan
from lungnet.patches import load_examples
from tests.cli.conftest import blobs
from tests.loopback_cluster import free_ports, tf_config
from tests.models.distributed_trainings import TOLERANCE

GAN = {"generator_steps": 3, "batch_size": 7, "width": 2, "latent_dim": 4, "critic_steps": 1}
SETTINGS = [f"gan.{name}={value}" for name, value in GAN.items()]


@contextmanager
def workers(count: int, *arguments: object) -> Iterator[list["subprocess.Popen[str]"]]:
    """Starts the same command as each of the workers, the chief first."""
    ports = free_ports(count)
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "lungnet", *map(str, arguments)],
            env={
                **os.environ,
                "PYTHONPATH": os.pathsep.join(sys.path),
                "TF_CONFIG": tf_config(ports, number),
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for number in range(count)
    ]
    try:
        yield processes
    finally:
        for process in processes:
            process.kill()
            process.communicate()


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root in which two workers have trained the GAN."""
    folder = tmp_path_factory.mktemp("workers")
    arrays = blobs(folder / "blobs.npz")
    settings = [part for one in SETTINGS for part in ("--set", one)]
    command = ["run", "--arrays", arrays, "--root", folder / "root", "--preset", "paper", *settings]
    command += ["--set", "distribution={strategy='multi_worker', replicas=2, timeout_s=600}"]
    with workers(2, *command, "--until", "GanTrainer") as processes:
        (_, chief), (out, follower) = (process.communicate(timeout=900) for process in processes)
    assert [process.returncode for process in processes] == [0, 0], chief + follower
    assert "GanTrainer" in chief
    assert "Traceback" not in chief + follower
    assert out == ""
    lines = [line.partition(": ")[2] for line in follower.splitlines()]
    assert lines[1:] == ["does its part of GanTrainer", "the chief's run has ended"]
    return folder / "root"


def test_they_make_what_one_process_makes(root: Path) -> None:
    examples = load_examples(next((root / "ArrayExampleGen" / "examples").iterdir()), "train")
    positives = examples.patches_hu[examples.labels == 1]
    one, _ = train_gan(positives, GanConfig(**GAN), (-1000.0, 400.0), seed=0)
    (folder,) = (root / "GanTrainer" / "generator").iterdir()
    both = keras.models.load_model(folder / "generator.keras")
    for expected, found in zip(one.sampler.get_weights(), both.get_weights(), strict=True):
        assert np.linalg.norm(found - expected) <= TOLERANCE * np.linalg.norm(expected)
    assert len(list((root / "tensorboard" / "GanTrainer").iterdir())) == 1


def test_a_worker_that_is_lost_ends_the_run_in_one_sentence(root: Path) -> None:
    command = ["step", "GanTrainer", "--root", root, "--set", "gan.generator_steps=1000000"]
    state = root / "GanTrainer" / ".system" / "stateful_working_dir"
    with workers(2, *command) as (chief, follower):
        end = time.monotonic() + 900.0
        while not list(state.glob("*/checkpoints/*.npz")) and time.monotonic() < end:
            assert chief.poll() is None
            time.sleep(0.05)
        follower.kill()
        _, said = chief.communicate(timeout=900)
    assert chief.returncode == 1
    assert "lungnet: Another worker was lost (" in said
    assert "Traceback" not in said
    assert len(list((root / "GanTrainer" / "generator").iterdir())) == 1
    assert list(state.glob("*/checkpoints/*.npz"))  # with which the same command goes on


def test_a_cluster_that_is_not_named(lungnet: Callable, tmp_path: Path, monkeypatch) -> None:
    arrays = blobs(tmp_path / "blobs.npz")
    command = ["run", "--arrays", arrays, "--root", tmp_path / "root"]
    command += ["--set", "distribution.strategy=multi_worker"]
    monkeypatch.delenv("TF_CONFIG", raising=False)
    result = lungnet(*command)
    assert result.code == 1
    assert "variable TF_CONFIG, and it is not set" in result.err
    assert "Traceback" not in result.err
    assert not list((tmp_path / "root").glob("*/*/1"))


def test_a_follower_whose_chief_never_begins(lungnet: Callable, tmp_path: Path, monkeypatch) -> None:
    arrays = blobs(tmp_path / "blobs.npz")
    monkeypatch.setenv("TF_CONFIG", tf_config([1, 2], 1))
    command = ["run", "--arrays", arrays, "--root", tmp_path / "root"]
    result = lungnet(*command, "--set", "distribution={strategy='multi_worker', timeout_s=0.3}")
    assert result.code == 1
    assert "Worker 1 of 2: follows the chief, 127.0.0.1:1" in result.err
    assert f"No run has begun in {tmp_path / 'root'} for 0.3 s" in result.err

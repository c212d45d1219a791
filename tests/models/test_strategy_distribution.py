"""Trainings on two devices and on two workers beside the same trainings on one device."""

import json
import os
import subprocess
import sys
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.loopback_cluster import free_ports, tf_config
from tests.models.distributed_trainings import GAN, TOLERANCE

PROGRAM = Path(__file__).with_name("distributed_trainings.py")
TRAININGS = ("gan", "cae", "fine_tuning", "normalised", "calm")
#: The critic's last bias moves all scores alike: its gradient is the rounding error of a zero, which Adam
#: makes a step of at most the learning rate of. No other weight depends on it; the generator's loss does.
FREE_BIAS = {"gan": 15, "resumed": 15}
LEVEL = GAN.learning_rate * GAN.generator_steps * GAN.critic_steps


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `distributed_trainings` writes, all its processes side by side."""
    folder, ports = tmp_path_factory.mktemp("trained"), free_ports(2)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    processes = [
        subprocess.Popen(
            [sys.executable, PROGRAM, folder, strategy],
            env={**environment, **more},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for strategy, more in (
            ("mirrored", {}),
            ("multi_worker", {"TF_CONFIG": tf_config(ports, 0)}),
            ("multi_worker", {"TF_CONFIG": tf_config(ports, 1)}),
        )
    ]
    printed = [process.communicate(timeout=1200)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0], "\n".join(printed)
    return folder


def read(folder: Path, training: str) -> tuple[list[np.ndarray], dict[str, Any]]:
    with np.load(folder / f"{training}.npz") as file:
        weights = [file[name] for name in file.files]
    return weights, json.loads((folder / f"{training}.json").read_text())


@pytest.mark.parametrize(
    ("where", "training"),
    [
        *product(("mirrored", "worker-0"), TRAININGS),
        ("worker-0", "resumed"),  # the same GAN, interrupted
    ],
)
def test_several_devices_agree_with_one(trained: Path, where: str, training: str) -> None:
    weights, history = read(trained / where, training)
    expected, curves = read(trained / "none", "gan" if training == "resumed" else training)
    for number, (one, other) in enumerate(zip(expected, weights, strict=True)):
        if number == FREE_BIAS.get(training):
            assert np.abs(one - other) <= LEVEL
        else:
            assert np.linalg.norm(one - other) <= TOLERANCE * np.linalg.norm(one), number
    assert history.keys() == curves.keys()
    for name, values in curves.items():
        atol = LEVEL if name == "generator_loss" else 1e-6
        np.testing.assert_allclose(history[name], values, rtol=TOLERANCE, atol=atol, err_msg=name)


def test_weights_have_moved_by_more_than_the_tolerance(trained: Path) -> None:
    """Or agreement would say nothing."""
    (first, *_), _ = read(trained / "none", "gan")
    (later, *_), _ = read(trained / "none", "fine_tuning")
    (before, *_), _ = read(trained / "none", "cae")
    assert np.abs(first).max() > 0.0
    assert np.linalg.norm(later - before) > 10 * TOLERANCE * np.linalg.norm(before)


@pytest.mark.parametrize("training", [*TRAININGS, "resumed"])
def test_all_workers_have_the_same_result(trained: Path, training: str) -> None:
    (chief, curves), (worker, same) = (read(trained / f"worker-{n}", training) for n in (0, 1))
    for one, other in zip(chief, worker, strict=True):
        np.testing.assert_array_equal(one, other)
    assert same == curves


def test_early_stopping_ends_all_workers(trained: Path) -> None:
    """Or one would wait for the other without end."""
    places = ("none", "mirrored", "worker-0", "worker-1")
    (epochs,) = {len(read(trained / where, "calm")[1]["validation_loss"]) for where in places}
    assert epochs < 6  # calm.max_iterations of these trainings


def test_only_the_chief_keeps_checkpoints(trained: Path) -> None:
    assert list((trained / "checkpoints-0").glob("*.npz"))
    assert not (trained / "checkpoints-1").exists()


def test_a_worker_with_other_data_refuses_and_the_chief_notices(trained: Path) -> None:
    chief, worker = ((trained / f"worker-{n}" / "lost.txt").read_text() for n in (0, 1))
    assert worker.startswith("This worker trains on other data")
    assert chief.startswith("Another worker was lost")
    assert "goes on from the last checkpoint" in chief

"""Cores left by affinity and by control groups."""

import os
from pathlib import Path

import pytest

from lungnet.cores import usable_cores


@pytest.fixture
def sixteen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(16)))


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text + "\n")
    return path


def test_affinity_alone(sixteen: None, tmp_path: Path):
    assert usable_cores(tmp_path / "none", tmp_path / "none") == 16


def test_here():
    assert 1 <= usable_cores() <= (os.cpu_count() or 1)


@pytest.mark.parametrize(
    ("quota", "cores"), [("400000 100000", 4), ("150000 100000", 2), ("5000 100000", 1), ("max 100000", 16)]
)
def test_quota_of_a_container(sixteen: None, tmp_path: Path, quota: str, cores: int):
    own = write(tmp_path / "own", "0::/")
    write(tmp_path / "cgroup/cpu.max", quota)
    assert usable_cores(tmp_path / "cgroup", own) == cores


def test_the_tightest_group_above_counts(sixteen: None, tmp_path: Path):
    own = write(tmp_path / "own", "0::/slurm/job/step")
    write(tmp_path / "cgroup/slurm/cpu.max", "300000 100000")
    write(tmp_path / "cgroup/slurm/job/step/cpu.max", "800000 100000")
    assert usable_cores(tmp_path / "cgroup", own) == 3


def test_version_1(sixteen: None, tmp_path: Path):
    write(tmp_path / "cpu/cpu.cfs_quota_us", "250000")
    write(tmp_path / "cpu/cpu.cfs_period_us", "100000")
    assert usable_cores(tmp_path, tmp_path / "none") == 3
    write(tmp_path / "cpu/cpu.cfs_quota_us", "-1")
    assert usable_cores(tmp_path, tmp_path / "none") == 16

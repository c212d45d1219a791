"""How many processor cores this process may use, which is often fewer than the machine has."""

import math
import os
from pathlib import Path


def usable_cores(cgroup: Path = Path("/sys/fs/cgroup"), own: Path = Path("/proc/self/cgroup")) -> int:
    """Counts the cores that affinity (`taskset`, Slurm) and control groups (containers) leave.

    Args:
        cgroup: where control groups are mounted, version 2 or 1.
        own: says in which control group this process is.

    Returns:
        At least 1. A quota of 1.5 cores counts as 2.
    """
    affinity = getattr(os, "sched_getaffinity", None)
    cores = len(affinity(0)) if affinity else os.cpu_count() or 1
    for quota in (*_quotas_v2(cgroup, own), *_quotas_v1(cgroup)):
        cores = min(cores, max(1, math.ceil(quota)))
    return cores


def _quotas_v2(cgroup: Path, own: Path) -> list[float]:
    """Cores granted by `cpu.max` ("<quota> <period>" or "max <period>") of the group and those above it."""
    quotas = []
    for line in _text(own).splitlines():
        if line.startswith("0::/"):
            group = cgroup / line.removeprefix("0::/")
            folders = [group, *(above for above in group.parents if above.is_relative_to(cgroup))]
            for folder in folders:
                quota, _, period = _text(folder / "cpu.max").strip().partition(" ")
                if quota.isdigit() and period.isdigit() and int(period):
                    quotas.append(int(quota) / int(period))
    return quotas


def _quotas_v1(cgroup: Path) -> list[float]:
    quota = _text(cgroup / "cpu" / "cpu.cfs_quota_us").strip()
    period = _text(cgroup / "cpu" / "cpu.cfs_period_us").strip()
    # A quota of -1 is none.
    return [int(quota) / int(period)] if quota.isdigit() and period.isdigit() and int(period) else []


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except OSError:
        return ""

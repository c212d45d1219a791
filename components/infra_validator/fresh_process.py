"""Starts a process that knows nothing of this one, and says in a sentence how it ended."""

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import lungnet

#: What a process needs of the surroundings, and no more: no setting of TensorFlow's, Keras' or lungnet's.
_KEPT = (
    *("PATH", "HOME", "USER", "LANG", "LC_ALL", "TMPDIR", "PYTHONPATH"),
    *("LD_LIBRARY_PATH", "CUDA_VISIBLE_DEVICES", "NVIDIA_VISIBLE_DEVICES", "OMP_NUM_THREADS"),
)
_OUTPUT = "output.txt"


def run_fresh(command: Sequence[str], folder: Path, timeout_s: float) -> str | None:
    """Runs a command to its end or to the time limit.

    Args:
        command: what to run; `sys.executable` is a good first word.
        folder: absolute; in which it runs, and which gets what it prints (`output.txt`).
        timeout_s: after which it is killed.

    Returns:
        None if it ended well, else why not: a clause without a full stop.
    """
    with (folder / _OUTPUT).open("wb") as output:
        try:
            ended = subprocess.run(
                list(command),
                cwd=folder,
                env=_surroundings(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                timeout=timeout_s,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return f"it did not answer within {timeout_s:g} s"
    if ended.returncode < 0:
        return f"it was ended by {_signal_name(-ended.returncode)}"
    if ended.returncode > 0:
        return _last_line(folder / _OUTPUT) or f"it ended with status {ended.returncode}"
    return None


def python_module(module: str, *arguments: str) -> list[str]:
    """The command that runs a module in this Python, with the folder of the call not on its path."""
    return [sys.executable, "-P", "-m", module, *arguments]


def _surroundings() -> dict[str, str]:
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    # lungnet may run from a checkout that is not installed.
    here = str(Path(lungnet.__file__).resolve().parents[1])
    kept["PYTHONPATH"] = os.pathsep.join([here, *filter(None, [kept.get("PYTHONPATH")])])
    return kept


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _last_line(path: Path) -> str:
    lines = path.read_text("utf-8", errors="replace").strip().splitlines()
    return lines[-1].strip() if lines else ""

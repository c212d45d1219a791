import signal
import subprocess
import sys
from pathlib import Path

import pytest

from lungnet.errors import InputError
from lungnet.pipeline.root_lock import root_lock

HOLD = """
import sys
from pathlib import Path
from lungnet.pipeline.root_lock import root_lock
with root_lock(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.readline()
"""


@pytest.fixture
def holder(tmp_path: Path):
    """Another process that holds the lock until it is told to let go."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_a_second_one_is_refused_and_told_who_is_first(holder: subprocess.Popen[str], tmp_path: Path):
    message = rf"Another run works on .* \(process {holder.pid} since .*\); wait for its end, pass --wait"
    with pytest.raises(InputError, match=message), root_lock(tmp_path):
        pass


def test_waiting_ends_with_the_first_one(holder: subprocess.Popen[str], tmp_path: Path):
    assert holder.stdin is not None
    holder.stdin.write("\n")
    holder.stdin.flush()
    with root_lock(tmp_path, wait=True):
        assert holder.wait(10) == 0


def test_a_killed_process_holds_nothing(holder: subprocess.Popen[str], tmp_path: Path):
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    with root_lock(tmp_path):
        pass


def test_it_can_be_taken_again(tmp_path: Path):
    for _ in range(2):
        with root_lock(tmp_path):
            pass
    assert not (tmp_path / "lock_holder").exists()

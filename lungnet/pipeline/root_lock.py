"""One run at a time on a pipeline root."""

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from lungnet.errors import InputError

_WHO = "lock_holder"


@contextlib.contextmanager
def root_lock(system: Path, wait: bool = False) -> Iterator[None]:
    """Holds the lock of a pipeline root; the system lets go of it when the process ends, however it ends.

    Args:
        system: `Layout.system` of the root; exists.
        wait: waits for a run that is under way, instead of refusing.

    Raises:
        InputError: another run works on the root, or the lock cannot be taken.
    """
    lock = FileLock(system / "lock")
    try:
        lock.acquire(timeout=-1 if wait else 0)
    except Timeout:
        raise InputError(
            f"Another run works on {system.parent} ({_holder(system)}); wait for its end, pass --wait, "
            "or take another --root."
        ) from None
    except OSError as error:
        raise InputError(f"Cannot lock the pipeline root {system.parent}: {error.strerror}.") from error
    try:
        now = time.strftime("%Y-%m-%d %H:%M:%S")
        with contextlib.suppress(OSError):  # says who, decides nothing
            (system / _WHO).write_text(f"process {os.getpid()} since {now}", "utf-8")
        yield
    finally:
        with contextlib.suppress(OSError):
            (system / _WHO).unlink(missing_ok=True)
        lock.release()


def _holder(system: Path) -> str:
    try:
        return (system / _WHO).read_text("utf-8")
    except OSError:
        return "its process is unknown"

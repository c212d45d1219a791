"""Places for whole CT series: how many are here at a time, where they lie, and the thread that scans them."""

import asyncio
import contextlib
import fcntl
import functools
import shutil
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from pathlib import Path
from typing import IO, Any, TypeVar

from lungnet.serving.server.refusal import Refusal
from lungnet.serving.server.scan_limits import ScanLimits
from lungnet.serving.server.uploads import UploadFolder

Made = TypeVar("Made")

#: Between two looks whether another process has ended its scan.
_LOOK_SECONDS = 0.05


class Scanning:
    """Scans one series after the other.

    Args:
        limits: of series.
        uploads: where they lie.
        turn: file that processes lock which scan by turns, for each scan takes all cores; None for one
            process.

    Attributes:
        limits: as given.
    """

    def __init__(self, limits: ScanLimits, uploads: UploadFolder, turn: Path | None = None) -> None:
        self.limits, self._uploads, self._turn = limits, uploads, turn
        self._executor = ThreadPoolExecutor(1, "scan")
        self._under_way = 0

    @contextlib.contextmanager
    def place(self) -> Iterator["Place"]:
        """Gives a series its place, with a folder that is removed with it.

        The place is free when the scan has ended, also where nobody waits for that any more.

        Raises:
            Refusal: all places are taken (503).
        """
        if self._under_way >= self.limits.max_scans:
            raise _unavailable("Too many scans are under way; try again.", "busy", self.limits)
        place = Place(self._uploads.new(), self._executor, self.limits, self._turn)
        self._under_way += 1
        try:
            yield place
        finally:
            place.when_idle(functools.partial(self._leave, place.folder))

    def close(self) -> None:
        """Ends the thread when it has done what it does, and removes all uploads."""
        self._executor.shutdown(cancel_futures=True)
        self._uploads.close()

    def _leave(self, folder: Path) -> None:
        self._under_way -= 1
        shutil.rmtree(folder, ignore_errors=True)


class Place:
    """The place of one series; see `Scanning.place`.

    Attributes:
        folder: empty at first.
    """

    def __init__(
        self, folder: Path, executor: Executor, limits: ScanLimits, turn: Path | None = None
    ) -> None:
        self.folder = folder
        self._executor, self._limits, self._turn = executor, limits, turn
        self._job: asyncio.Future[Any] | None = None

    async def run(self, work: Callable[[float], Made]) -> Made:
        """Lets the thread of scans do the work, after what came before.

        Args:
            work: given the `time.monotonic` at which nobody waits for it any more.

        Raises:
            Refusal: there was no time (503), or as `work` raises.
        """
        until = time.monotonic() + self._limits.scan_seconds
        job = asyncio.get_running_loop().run_in_executor(self._executor, self._in_time, work, until)
        self._job = job
        try:
            async with asyncio.timeout(self._limits.scan_seconds):
                return await asyncio.shield(job)
        except TimeoutError as error:
            seconds = f"{self._limits.scan_seconds:g}"
            raise _unavailable(f"No answer within {seconds} s; try again.", "late", self._limits) from error

    def when_idle(self, leave: Callable[[], None]) -> None:
        """Calls `leave` once no work is under way."""
        if self._job is None or self._job.done():
            leave()
            return

        def done(job: asyncio.Future[Any]) -> None:
            if not job.cancelled():
                job.exception()  # nobody waits for it any more
            leave()

        self._job.add_done_callback(done)

    def _in_time(self, work: Callable[[float], Made], until: float) -> Made:
        with contextlib.nullcontext() if self._turn is None else self._turn.open("a") as turn:
            while time.monotonic() <= until:
                if turn is None or _is_ours(turn):
                    return work(until)
                time.sleep(_LOOK_SECONDS)
        # It has waited for others all the while.
        raise _unavailable("There was no time for this scan; try again.", "late", self._limits)


def _is_ours(turn: IO[str]) -> bool:
    """Takes a turn if nobody has it; it ends when the file is closed, and with the process."""
    try:
        fcntl.flock(turn, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _unavailable(message: str, reason: str, limits: ScanLimits) -> Refusal:
    return Refusal(503, message, reason, limits.retry_after_seconds)

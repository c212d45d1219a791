"""Parts of a work side by side, each on one core of the CPU."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from lungnet.cores import usable_cores

Part = TypeVar("Part")


class SideBySide:
    """Threads for work that leaves the interpreter's lock, as ONNX Runtime's does.

    Batches on a core each take less than one after the other on all cores, where each operator waits for its
    slowest part and what one batch needs does not stay in a core's cache.

    Args:
        threads: parts that run at a time, None for as many as there are cores; with 1 they run in the
            caller's thread.

    Attributes:
        cores: how many there are.

    Raises:
        ValueError: `threads` is less than 1.
    """

    def __init__(self, threads: int | None = None) -> None:
        if threads is not None and threads < 1:
            raise ValueError(f"threads must be at least 1 or None. Received: threads={threads}")
        self.cores = threads or usable_cores()
        self._threads = ThreadPoolExecutor(self.cores, "side-by-side") if self.cores > 1 else None

    def run(self, work: Callable[[Part], None], parts: Sequence[Part]) -> None:
        """Does the work for each part; raises the first error there was."""
        if self._threads is None or len(parts) < 2:
            for part in parts:
                work(part)
            return
        for _ in self._threads.map(work, parts):
            pass


#: The caller's thread.
ALONE = SideBySide(1)

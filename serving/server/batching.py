"""Requests that wait for the model are run together."""

import asyncio
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor

import numpy as np

from lungnet.serving.classifier import Prediction
from lungnet.serving.server.limits import ServerLimits
from lungnet.serving.server.waiting import Patches, Patience, Piece, Waiting, busy, hand_out

#: Patches that one batch in the event loop holds: a few milliseconds.
LOOP_BATCH = 32


class Batcher:
    """Gathers what comes in while the model is busy into its next batches; nobody waits for others to come.

    It belongs to one event loop, whose thread calls it. What waits is shared out evenly among the batches
    that may run side by side: on a CPU, two batches on a core each take less than one after the other on
    both. Where there is one core for this process, small batches run in the event loop itself: handing them
    to a thread and back takes more than it gains.

    Args:
        predict: int16 `(n, 40, 40)` to their prediction.
        executor: with as many threads as batches may run.
        limits: patches in a batch, patches waiting, seconds that they may wait.
        on_batch: called with the number of patches of each batch.
        side_by_side: batches that may run at a time.
        in_loop: run batches of at most `LOOP_BATCH` patches in the event loop.
    """

    def __init__(
        self,
        predict: Callable[[Patches], Prediction],
        executor: Executor,
        limits: ServerLimits,
        on_batch: Callable[[int], None] = lambda patches: None,
        side_by_side: int = 1,
        in_loop: bool = False,
    ) -> None:
        self._predict, self._executor = predict, executor
        self._limits, self._on_batch = limits, on_batch
        self._queue: deque[Waiting] = deque()
        self._side_by_side, self._running = side_by_side, 0
        self._loop_batch = min(LOOP_BATCH, limits.max_batch) if in_loop else 0
        self._starting = False
        self._lock = threading.Lock()
        self._patience = Patience(limits)
        self.waiting = 0

    async def submit(self, patches_hu: Patches) -> Prediction:
        """Waits for the prediction of these patches; more than fit a batch are predicted in pieces.

        Raises:
            Refusal: too many patches wait already, or these waited too long (503).
        """
        size, loop = self._limits.max_batch, asyncio.get_running_loop()
        self._check_room(len(patches_hu))
        pieces = [
            Piece(patches_hu[start : start + size], loop.create_future())
            for start in range(0, len(patches_hu), size)
        ]
        for piece in pieces:
            self.put(piece)
        try:
            if len(pieces) == 1:
                return await pieces[0].future
            made = await asyncio.gather(*(piece.future for piece in pieces))
            return Prediction(*map(np.concatenate, zip(*made, strict=True)))
        finally:
            for piece in pieces:  # whoever asked has left, or a piece has failed
                piece.answered = True
                piece.future.cancel()

    def put(self, waiting: Waiting) -> None:
        """Lets patches wait that fit one batch.

        Raises:
            Refusal: too many patches wait already (503).
        """
        count = len(waiting.patches_hu)
        self._check_room(count)
        loop = asyncio.get_running_loop()
        self._patience.begin(waiting, loop)
        with self._lock:
            self._queue.append(waiting)
            self.waiting += count
            start = not self._starting and self._running < self._side_by_side
            if start:
                self._starting = True
        if start:  # once all that has arrived with this one has been read
            loop.call_soon(self._start, loop)

    def _check_room(self, patches: int) -> None:
        if self.waiting + patches > self._limits.max_waiting:
            raise busy("Too many requests are waiting; try again.", "busy", self._limits)

    def _start(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._loop_batch and self._run_in_loop(loop):
            return
        with self._lock:
            self._starting = False
            room = self._room()
            idle = min(self._side_by_side - self._running, len(self._queue))
            self._running += idle
        for _ in range(idle):
            self._executor.submit(self._work, loop, room)

    def _run_in_loop(self, loop: asyncio.AbstractEventLoop) -> bool:
        """Runs one small batch; returns whether what is left needs no thread."""
        with self._lock:
            if self._queue and len(self._queue[0].patches_hu) > self._loop_batch:
                return False
            batch = self._take(self._loop_batch)
            more = self._starting = bool(self._queue)
        if batch:
            hand_out(batch, self._judge(batch))
        if more:  # let the loop read and write in between
            loop.call_soon(self._start, loop)
        return True

    def _work(self, loop: asyncio.AbstractEventLoop, room: int) -> None:
        """Runs one batch after the other, in a thread that need not wait for the event loop in between."""
        while True:
            with self._lock:
                batch = self._take(room)
                if not batch:
                    self._running -= 1
                    return
            loop.call_soon_threadsafe(hand_out, batch, self._judge(batch))
            room = self._room()

    def _judge(self, batch: list[Waiting]) -> Prediction | Exception:
        patches = [waiting.patches_hu for waiting in batch]
        joined = patches[0] if len(patches) == 1 else np.concatenate(patches)
        self._on_batch(len(joined))
        try:
            return self._predict(joined)
        except Exception as error:
            return error

    def _room(self) -> int:
        """An even share of what waits."""
        return min(self._limits.max_batch, -(-self.waiting // self._side_by_side))

    def _take(self, room: int) -> list[Waiting]:
        """The oldest requests that fit a batch of so many patches together; the first does in any case."""
        batch: list[Waiting] = []
        held = 0
        while self._queue:
            waiting = self._queue[0]
            count = len(waiting.patches_hu)
            if not waiting.answered:  # whoever asked may have left
                if batch and held + count > room:
                    break
                batch.append(waiting)
                held += count
            self._queue.popleft()
            self.waiting -= count
        return batch

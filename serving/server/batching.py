"""Requests that wait for the model are run together."""

import abc
import asyncio
import logging
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor

import numpy as np
import numpy.typing as npt

from lungnet.serving.classifier import Prediction
from lungnet.serving.server.limits import ServerLimits
from lungnet.serving.server.refusal import Refusal

logger = logging.getLogger(__name__)

Patches = npt.NDArray[np.int16]
#: Patches that one batch in the event loop holds: a few milliseconds.
LOOP_BATCH = 32


class Waiting(abc.ABC):
    """Patches that wait for the model, and who asked.

    Args:
        patches_hu: int16 `(n, 40, 40)`.

    Attributes:
        patches_hu: as given.
        answered: nobody waits for an answer any more.
    """

    __slots__ = ("answered", "patches_hu")

    def __init__(self, patches_hu: Patches) -> None:
        self.patches_hu = patches_hu
        self.answered = False

    @abc.abstractmethod
    def answer(self, batch: Prediction, start: int, end: int) -> None:
        """Takes the prediction of a batch in which these patches lie from start to end.

        This or `refuse` is called once, by the event loop.
        """

    @abc.abstractmethod
    def refuse(self, error: Exception) -> None:
        """Takes why there is none."""


class _Piece(Waiting):
    """Patches that somebody awaits."""

    __slots__ = ("future",)

    def __init__(self, patches_hu: Patches, future: asyncio.Future[Prediction]) -> None:
        super().__init__(patches_hu)
        self.future = future

    def answer(self, batch: Prediction, start: int, end: int) -> None:
        if not self.future.done():
            self.future.set_result(Prediction(batch.probability[start:end], batch.cluster[start:end]))

    def refuse(self, error: Exception) -> None:
        if not self.future.done():
            self.future.set_exception(error)


class _Patience:
    """Refuses what is not answered in time, with one timer for all that waits."""

    def __init__(self, limits: ServerLimits) -> None:
        self._limits = limits
        self._until: deque[tuple[float, Waiting]] = deque()
        self._timer: asyncio.TimerHandle | None = None

    def begin(self, waiting: Waiting, loop: asyncio.AbstractEventLoop) -> None:
        """Begins to wait for an answer."""
        until = self._until
        while until and until[0][1].answered:
            until.popleft()
        until.append((loop.time() + self._limits.answer_seconds, waiting))
        if self._timer is None:
            self._arm(loop)

    def _arm(self, loop: asyncio.AbstractEventLoop) -> None:
        while self._until and self._until[0][1].answered:
            self._until.popleft()
        self._timer = loop.call_at(self._until[0][0], self._end, loop) if self._until else None

    def _end(self, loop: asyncio.AbstractEventLoop) -> None:
        while self._until and self._until[0][0] <= loop.time():
            _, waiting = self._until.popleft()
            message = f"No answer within {self._limits.answer_seconds:g} s; try again."
            _hand_out([waiting], _busy(message, "late", self._limits))
        self._arm(loop)


class Batcher:
    """Gathers what comes in while the model is busy into its next batches; nobody waits for others to come.

    It belongs to one event loop, whose thread calls it. What waits is shared out evenly among the batches
    that may run side by side: on a CPU, two batches on a core each take less than one after the other on
    both. Where there is one core, small batches run in the event loop itself: to hand them to a thread and
    back takes longer than what else could be done meanwhile.

    Args:
        predict: int16 `(n, 40, 40)` to their prediction; called by `executor`.
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
        self._patience = _Patience(limits)
        self.waiting = 0

    async def submit(self, patches_hu: Patches) -> Prediction:
        """Waits for the prediction of these patches; more than fit a batch are predicted in pieces.

        Raises:
            Refusal: too many patches wait already, or these waited too long (503).
        """
        size, loop = self._limits.max_batch, asyncio.get_running_loop()
        self._check_room(len(patches_hu))
        pieces = [
            _Piece(patches_hu[start : start + size], loop.create_future())
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
            raise _busy("Too many requests are waiting; try again.", "busy", self._limits)

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
            self._starting = bool(self._queue)
        if batch:
            _hand_out(batch, self._judge(batch))
        if self._starting:  # let the loop read and write in between
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
            loop.call_soon_threadsafe(_hand_out, batch, self._judge(batch))
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


def _busy(message: str, reason: str, limits: ServerLimits) -> Refusal:
    return Refusal(503, message, reason, limits.retry_after_seconds)


def _hand_out(batch: list[Waiting], made: Prediction | Exception) -> None:
    end = 0
    for waiting in batch:
        start, end = end, end + len(waiting.patches_hu)
        if waiting.answered:
            continue
        waiting.answered = True
        try:
            if isinstance(made, Exception):
                waiting.refuse(made)
            else:
                waiting.answer(made, start, end)
        except Exception:  # it is of one request alone
            logger.exception("An answer could not be given.")

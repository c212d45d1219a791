"""Requests that wait for the model are run together."""

import asyncio
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor

import numpy as np
import numpy.typing as npt

from lungnet.serving.classifier import Prediction
from lungnet.serving.server.limits import ServerLimits
from lungnet.serving.server.refusal import Refusal

Patches = npt.NDArray[np.int16]
Answer = asyncio.Future[Prediction]
Waiting = tuple[Patches, Answer]


class _Patience:
    """Refuses what is not answered in time, with one timer for all that waits."""

    def __init__(self, limits: ServerLimits) -> None:
        self._limits = limits
        self._until: deque[tuple[float, Answer]] = deque()
        self._timer: asyncio.TimerHandle | None = None

    def begin(self, answer: Answer, loop: asyncio.AbstractEventLoop) -> None:
        """Begins to wait for an answer."""
        self._forget_answered()
        self._until.append((loop.time() + self._limits.answer_seconds, answer))
        if self._timer is None:
            self._arm(loop)

    def _forget_answered(self) -> None:
        while self._until and self._until[0][1].done():
            self._until.popleft()

    def _arm(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = loop.call_at(self._until[0][0], self._end, loop) if self._until else None

    def _end(self, loop: asyncio.AbstractEventLoop) -> None:
        while self._until and self._until[0][0] <= loop.time():
            _, answer = self._until.popleft()
            if not answer.done():
                message = f"No answer within {self._limits.answer_seconds:g} s; try again."
                answer.set_exception(_busy(message, "late", self._limits))
        self._forget_answered()
        self._arm(loop)


class Batcher:
    """Gathers what comes in while the model is busy into its next batches; nobody waits for others to come.

    It belongs to one event loop, whose thread calls it. What waits is shared out evenly among the batches
    that may run side by side: on a CPU, two batches on a core each take less than one after the other on
    both.

    Args:
        predict: int16 `(n, 40, 40)` to their prediction; called by `executor`.
        executor: with as many threads as batches may run.
        limits: patches in a batch, patches waiting, seconds that they may wait.
        on_batch: called with the number of patches of each batch.
        side_by_side: batches that may run at a time.
    """

    def __init__(
        self,
        predict: Callable[[Patches], Prediction],
        executor: Executor,
        limits: ServerLimits,
        on_batch: Callable[[int], None] = lambda patches: None,
        side_by_side: int = 1,
    ) -> None:
        self._predict, self._executor = predict, executor
        self._limits, self._on_batch = limits, on_batch
        self._queue: deque[Waiting] = deque()
        self._side_by_side, self._running = side_by_side, 0
        self._starting = False
        self._lock = threading.Lock()
        self._patience = _Patience(limits)
        self.waiting = 0

    async def submit(self, patches_hu: Patches) -> Prediction:
        """Waits for the prediction of these patches; more than fit a batch are predicted in pieces.

        Raises:
            Refusal: too many patches wait already, or these waited too long (503).
        """
        size = self._limits.max_batch
        pieces = [patches_hu[start : start + size] for start in range(0, len(patches_hu), size)]
        self._make_room(len(patches_hu))
        answers = [self._append(piece) for piece in pieces]
        try:
            if len(answers) == 1:
                return await answers[0]
            return Prediction(*map(np.concatenate, zip(*await asyncio.gather(*answers), strict=True)))
        finally:
            for answer in answers:
                answer.cancel()  # whoever asked has left, or a piece has failed

    def put(self, patches_hu: Patches) -> Answer:
        """Lets patches wait that run in one batch, and returns where their prediction or refusal will be.

        Raises:
            Refusal: too many patches wait already (503).
        """
        self._make_room(len(patches_hu))
        return self._append(patches_hu)

    def _make_room(self, patches: int) -> None:
        if self.waiting + patches > self._limits.max_waiting:
            raise _busy("Too many requests are waiting; try again.", "busy", self._limits)

    def _append(self, patches_hu: Patches) -> Answer:
        loop = asyncio.get_running_loop()
        answer: Answer = loop.create_future()
        self._patience.begin(answer, loop)
        with self._lock:
            self._queue.append((patches_hu, answer))
            self.waiting += len(patches_hu)
            start = not self._starting and self._running < self._side_by_side
            self._starting = self._starting or start
        if start:  # once all that has arrived with this one has been read
            loop.call_soon(self._start, loop)
        return answer

    def _start(self, loop: asyncio.AbstractEventLoop) -> None:
        with self._lock:
            self._starting = False
            room = self._room()
            idle = min(self._side_by_side - self._running, len(self._queue))
            self._running += idle
        for _ in range(idle):
            self._executor.submit(self._work, loop, room)

    def _work(self, loop: asyncio.AbstractEventLoop, room: int) -> None:
        """Runs one batch after the other, in a thread that need not wait for the event loop in between."""
        while batch := self._take(room):
            patches = [patches for patches, _ in batch]
            joined = patches[0] if len(patches) == 1 else np.concatenate(patches)
            self._on_batch(len(joined))
            try:
                made: Prediction | Exception = self._predict(joined)
            except Exception as error:
                made = error
            loop.call_soon_threadsafe(_hand_out, batch, made)
            room = self._room()

    def _room(self) -> int:
        """An even share of what waits."""
        return min(self._limits.max_batch, -(-self.waiting // self._side_by_side))

    def _take(self, room: int) -> list[Waiting]:
        """The oldest requests that fit a batch of so many patches together; the first does in any case."""
        batch: list[Waiting] = []
        held = 0
        with self._lock:
            while self._queue:
                patches, answer = self._queue[0]
                if not answer.done():  # whoever asked may have left
                    if batch and held + len(patches) > room:
                        break
                    batch.append((patches, answer))
                    held += len(patches)
                self._queue.popleft()
                self.waiting -= len(patches)
            if not batch:
                self._running -= 1
        return batch


def _busy(message: str, reason: str, limits: ServerLimits) -> Refusal:
    return Refusal(503, message, reason, limits.retry_after_seconds)


def _hand_out(batch: list[Waiting], made: Prediction | Exception) -> None:
    start = 0
    for patches, answer in batch:
        part = slice(start, start + len(patches))
        start += len(patches)
        if answer.done():
            continue
        if isinstance(made, Exception):
            answer.set_exception(made)
        else:
            answer.set_result(Prediction(made.probability[part], made.cluster[part]))

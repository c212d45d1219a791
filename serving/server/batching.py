"""Requests that wait for the model are run together."""

import asyncio
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor, Future

import numpy as np
import numpy.typing as npt

from lungnet.serving.classifier import Prediction
from lungnet.serving.server.limits import ServerLimits
from lungnet.serving.server.refusal import Refusal

Patches = npt.NDArray[np.int16]
Waiting = tuple[Patches, "asyncio.Future[Prediction]"]


class Batcher:
    """Gathers what comes in while the model is busy into its next batches; nobody waits for others to come.

    It belongs to one event loop, whose thread calls it. What waits is shared out evenly among the batches
    that may run side by side: on a CPU, two batches on a core each take less than
    one after the other on both.

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
        self.waiting = 0

    async def submit(self, patches_hu: Patches) -> Prediction:
        """Waits for the prediction of these patches; more than fit a batch are predicted in pieces.

        Raises:
            Refusal: too many patches wait already, or these waited too long (503).
        """
        limits = self._limits
        if self.waiting + len(patches_hu) > limits.max_waiting:
            raise _busy("Too many requests are waiting; try again.", "busy", limits)
        loop = asyncio.get_running_loop()
        starts = range(0, len(patches_hu), limits.max_batch)
        futures = [self._enqueue(patches_hu[start : start + limits.max_batch], loop) for start in starts]
        timer = loop.call_later(limits.answer_seconds, _late, futures, limits)
        try:
            if len(futures) == 1:
                return await futures[0]
            return Prediction(*map(np.concatenate, zip(*await asyncio.gather(*futures), strict=True)))
        finally:
            timer.cancel()
            for future in futures:
                future.cancel()  # whoever asked has left, or a piece has failed

    def _enqueue(self, patches_hu: Patches, loop: asyncio.AbstractEventLoop) -> "asyncio.Future[Prediction]":
        future: asyncio.Future[Prediction] = loop.create_future()
        self._queue.append((patches_hu, future))
        self.waiting += len(patches_hu)
        if not self._starting and self._running < self._side_by_side:
            # Once all that has arrived with this one has been read.
            self._starting = True
            loop.call_soon(self._start, loop)
        return future

    def _start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Runs batches until there is nothing to run or nowhere to run it."""
        self._starting = False
        room = min(self._limits.max_batch, -(-self.waiting // self._side_by_side))
        while self._running < self._side_by_side and (batch := self._next(room)):
            patches = [patches for patches, _ in batch]
            joined = patches[0] if len(patches) == 1 else np.concatenate(patches)
            self._on_batch(len(joined))
            self._running += 1
            running = self._executor.submit(self._predict, joined)
            running.add_done_callback(
                lambda made, batch=batch: loop.call_soon_threadsafe(self._end, loop, batch, made)  # type: ignore[misc]
            )

    def _end(self, loop: asyncio.AbstractEventLoop, batch: list[Waiting], made: Future[Prediction]) -> None:
        self._running -= 1
        self._start(loop)  # the model first, so that it does not wait for answers to be written
        error = made.exception()
        if error is None:
            _hand_out(batch, made.result())
            return
        for _, future in batch:
            if not future.done():
                future.set_exception(error)

    def _next(self, room: int) -> list[Waiting]:
        """The oldest requests that fit a batch of so many patches together; the first does in any case."""
        batch: list[Waiting] = []
        held = 0
        while self._queue:
            patches, future = self._queue[0]
            if not future.done():  # whoever asked may have left
                if batch and held + len(patches) > room:
                    break
                batch.append((patches, future))
                held += len(patches)
            self._queue.popleft()
            self.waiting -= len(patches)
        return batch


def _late(futures: "list[asyncio.Future[Prediction]]", limits: ServerLimits) -> None:
    for future in futures:
        if not future.done():
            message = f"No answer within {limits.answer_seconds:g} s; try again."
            future.set_exception(_busy(message, "late", limits))


def _busy(message: str, reason: str, limits: ServerLimits) -> Refusal:
    return Refusal(503, message, reason, limits.retry_after_seconds)


def _hand_out(batch: list[Waiting], made: Prediction) -> None:
    start = 0
    for patches, future in batch:
        part = slice(start, start + len(patches))
        start += len(patches)
        if not future.done():
            future.set_result(Prediction(made.probability[part], made.cluster[part]))

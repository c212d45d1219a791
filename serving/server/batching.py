"""Requests that wait for the model are run together."""

import asyncio
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor

import numpy as np
import numpy.typing as npt

from lungnet.serving.classifier import Prediction
from lungnet.serving.server.limits import ServerLimits
from lungnet.serving.server.refusal import Refusal

Patches = npt.NDArray[np.int16]
Waiting = tuple[Patches, "asyncio.Future[Prediction]"]


class Batcher:
    """Gathers what comes in while the model is busy into its next batch; nobody waits for others to come.

    It belongs to one event loop, whose thread calls it.

    Args:
        predict: int16 `(n, 40, 40)` to their prediction; called by `executor`, one batch at a time.
        executor: with a thread.
        limits: patches in a batch, patches waiting.
        on_batch: called with the number of patches of each batch.
    """

    def __init__(
        self,
        predict: Callable[[Patches], Prediction],
        executor: Executor,
        limits: ServerLimits,
        on_batch: Callable[[int], None] = lambda patches: None,
    ) -> None:
        self._predict, self._executor = predict, executor
        self._limits, self._on_batch = limits, on_batch
        self._queue: deque[Waiting] = deque()
        self._runner: asyncio.Task[None] | None = None
        self.waiting = 0

    async def submit(self, patches_hu: Patches) -> Prediction:
        """Waits for the prediction of these patches.

        Raises:
            Refusal: too many patches wait already (503).
        """
        if self.waiting + len(patches_hu) > self._limits.max_waiting:
            raise Refusal(
                503,
                "Too many requests are waiting; try again.",
                "busy",
                self._limits.retry_after_seconds,
            )
        future: asyncio.Future[Prediction] = asyncio.get_running_loop().create_future()
        self._queue.append((patches_hu, future))
        self.waiting += len(patches_hu)
        if self._runner is None:
            self._runner = asyncio.create_task(self._run())
        return await future

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while batch := self._next():
                patches = [patches for patches, _ in batch]
                joined = patches[0] if len(patches) == 1 else np.concatenate(patches)
                self._on_batch(len(joined))
                try:
                    made = await loop.run_in_executor(self._executor, self._predict, joined)
                except Exception as error:
                    for _, future in batch:
                        if not future.done():
                            future.set_exception(error)
                else:
                    _hand_out(batch, made)
        finally:
            self._runner = None

    def _next(self) -> list[Waiting]:
        """The oldest requests that fit a batch together; one that is larger than that runs alone."""
        batch: list[Waiting] = []
        held = 0
        while self._queue:
            patches, future = self._queue[0]
            if not future.cancelled():  # whoever asked may have left
                if batch and held + len(patches) > self._limits.max_batch:
                    break
                batch.append((patches, future))
                held += len(patches)
            self._queue.popleft()
            self.waiting -= len(patches)
        return batch


def _hand_out(batch: list[Waiting], made: Prediction) -> None:
    start = 0
    for patches, future in batch:
        part = slice(start, start + len(patches))
        start += len(patches)
        if not future.done():
            future.set_result(Prediction(made.probability[part], made.cluster[part]))

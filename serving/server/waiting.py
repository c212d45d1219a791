"""Patches that wait for the model, and how they get their answers."""

import abc
import asyncio
import logging
from collections import deque

import numpy as np
import numpy.typing as npt

from lungnet.serving.classifier import Prediction
from lungnet.serving.server.limits import ServerLimits
from lungnet.serving.server.refusal import Refusal

logger = logging.getLogger(__name__)

Patches = npt.NDArray[np.int16]


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


class Piece(Waiting):
    """Patches that somebody awaits.

    Args:
        patches_hu: of `Waiting`.
        future: what is awaited.
    """

    __slots__ = ("future",)

    def __init__(self, patches_hu: Patches, future: asyncio.Future[Prediction]) -> None:
        super().__init__(patches_hu)
        self.future = future

    def answer(self, batch: Prediction, start: int, end: int) -> None:
        """Ends the waiting."""
        if not self.future.done():
            self.future.set_result(Prediction(batch.probability[start:end], batch.cluster[start:end]))

    def refuse(self, error: Exception) -> None:
        """Ends the waiting with an error."""
        if not self.future.done():
            self.future.set_exception(error)


class Patience:
    """Refuses what is not answered in time, with one timer for all that waits.

    Args:
        limits: how long it may wait.
    """

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
            hand_out([waiting], busy(message, "late", self._limits))
        self._arm(loop)


def busy(message: str, reason: str, limits: ServerLimits) -> Refusal:
    """Returns what those are told that there is no room or time for."""
    return Refusal(503, message, reason, limits.retry_after_seconds)


def hand_out(batch: list[Waiting], made: Prediction | Exception) -> None:
    """Gives each of a batch its part of a prediction, or all of them the reason why there is none."""
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

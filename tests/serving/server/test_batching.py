"""Requests that wait are run together, each gets its own answer, and too many are turned away."""

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from lungnet.serving import Prediction
from lungnet.serving.server import ServerLimits
from lungnet.serving.server.batching import Batcher, Waiting
from lungnet.serving.server.refusal import Refusal


class Model:
    """Answers with a pixel of each patch, once it is let."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.batches: list[int] = []

    def __call__(self, patches_hu: npt.NDArray[np.int16]) -> Prediction:
        assert self.go.wait(30)
        self.batches.append(len(patches_hu))
        if (patches_hu[:, 0, 0] < 0).any():
            raise RuntimeError("a negative patch")
        return Prediction(patches_hu[:, 0, 0].astype(np.float32), np.arange(len(patches_hu)))


def patches(*values: int) -> npt.NDArray[np.int16]:
    return np.array(values, np.int16)[:, None, None] * np.ones((1, 40, 40), np.int16)


@pytest.fixture
def executor() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as one:
        yield one


@pytest.fixture
def run() -> Iterator[Callable[[Coroutine[Any, Any, Any]], Any]]:
    with asyncio.Runner() as runner:
        yield runner.run


LIMITS = ServerLimits(max_batch=4, max_waiting=8, max_patches=6)


def test_what_comes_while_the_model_is_busy_is_its_next_batch(executor, run):
    model = Model()
    seen: list[int] = []

    async def ask() -> list[list[float]]:
        batcher = Batcher(model, executor, LIMITS, seen.append)
        first = asyncio.create_task(batcher.submit(patches(1)))
        await asyncio.sleep(0.01)  # the model has it
        others = [asyncio.create_task(batcher.submit(patches(*values))) for values in ((2, 3), (4,), (5, 6))]
        await asyncio.sleep(0.01)
        assert batcher.waiting == 5
        model.go.set()
        made = await asyncio.gather(first, *others)
        assert batcher.waiting == 0
        again = await batcher.submit(patches(7))
        return [one.probability.tolist() for one in (*made, again)]

    assert run(ask()) == [[1], [2, 3], [4], [5, 6], [7]]
    assert model.batches == seen == [1, 3, 2, 1]  # at most 4, and no request is cut


def test_more_than_fit_a_batch_are_predicted_in_pieces(executor, run):
    model = Model()
    model.go.set()

    async def ask() -> None:
        batcher = Batcher(model, executor, LIMITS)
        made = await asyncio.gather(
            batcher.submit(patches(1, 2, 3, 4, 5, 6)), batcher.submit(patches(7)), batcher.submit(patches(8))
        )
        assert [one.probability.tolist() for one in made] == [[1, 2, 3, 4, 5, 6], [7], [8]]
        assert made[0].cluster.tolist() == [0, 1, 2, 3, 0, 1]
        with pytest.raises(RuntimeError, match="a negative patch"):
            await batcher.submit(patches(1, 2, 3, 4, -5, 6))
        assert (await batcher.submit(patches(9))).probability == 9 and batcher.waiting == 0

    run(ask())
    assert model.batches == [4, 4, 4, 2, 1]


def test_what_waits_is_shared_out_among_batches_side_by_side(run):
    both = threading.Barrier(2)
    seen: list[int] = []

    def predict(patches_hu: npt.NDArray[np.int16]) -> Prediction:
        if len(seen) < 2:
            seen.append(len(patches_hu))
            both.wait(30)  # neither ends before the other has begun
        return Prediction(patches_hu[:, 0, 0].astype(np.float32), np.zeros(len(patches_hu), np.int64))

    async def ask(executor: ThreadPoolExecutor) -> None:
        batcher = Batcher(predict, executor, LIMITS, side_by_side=2)
        made = await asyncio.gather(*(batcher.submit(patches(value)) for value in range(6)))
        assert [one.probability.tolist() for one in made] == [[0], [1], [2], [3], [4], [5]]

    with ThreadPoolExecutor(2) as executor:
        run(ask(executor))
    assert seen == [3, 3]


def test_who_waits_too_long_is_told_so_and_takes_no_room(executor, run):
    model = Model()

    async def ask() -> None:
        limits = ServerLimits(max_batch=4, max_waiting=8, max_patches=6, answer_seconds=0.05)
        batcher = Batcher(model, executor, limits)
        asked = [batcher.submit(patches(*values)) for values in ((1,), (2, 3, 4, 5, 6))]
        for refusal in await asyncio.gather(*asked, return_exceptions=True):
            assert isinstance(refusal, Refusal)
            assert (refusal.status, refusal.reason) == (503, "late")
            assert refusal.message == "No answer within 0.05 s; try again."
        model.go.set()
        assert (await batcher.submit(patches(7))).probability == 7
        assert batcher.waiting == 0

    run(ask())


def test_too_many_are_turned_away_at_once(executor, run):
    model = Model()

    async def ask() -> None:
        batcher = Batcher(model, executor, LIMITS)
        running = asyncio.create_task(batcher.submit(patches(1)))
        await asyncio.sleep(0.01)
        waiting = [asyncio.create_task(batcher.submit(patches(*range(4)))) for _ in range(2)]
        await asyncio.sleep(0.01)
        with pytest.raises(Refusal, match="Too many requests are waiting") as raised:
            await batcher.submit(patches(9))
        assert (raised.value.status, raised.value.headers) == (503, {"Retry-After": "1"})
        model.go.set()
        await asyncio.gather(running, *waiting)
        assert (await batcher.submit(patches(9))).probability == 9

    run(ask())


def test_who_has_left_is_not_answered_and_takes_no_room(executor, run):
    model = Model()

    async def ask() -> None:
        batcher = Batcher(model, executor, LIMITS)
        running = asyncio.create_task(batcher.submit(patches(1)))
        await asyncio.sleep(0.01)
        left = asyncio.create_task(batcher.submit(patches(2, 3)))
        stays = asyncio.create_task(batcher.submit(patches(4)))
        await asyncio.sleep(0.01)
        left.cancel()
        running.cancel()
        model.go.set()
        assert (await stays).probability == 4
        assert batcher.waiting == 0

    run(ask())
    assert model.batches == [1, 1]


def test_a_failure_is_of_its_batch_alone(executor, run):
    model = Model()
    model.go.set()

    async def ask() -> None:
        batcher = Batcher(model, executor, LIMITS)
        with pytest.raises(RuntimeError, match="a negative patch"):
            await batcher.submit(patches(-1))
        assert (await batcher.submit(patches(2))).probability == 2

    run(ask())


def test_small_batches_run_in_the_event_loop_and_larger_ones_beside_it(run):
    seen: list[tuple[str, int]] = []

    def predict(patches_hu: npt.NDArray[np.int16]) -> Prediction:
        seen.append((threading.current_thread().name, len(patches_hu)))
        if (patches_hu[:, 0, 0] < 0).any():
            raise RuntimeError("a negative patch")
        return Prediction(patches_hu[:, 0, 0].astype(np.float32), np.zeros(len(patches_hu), np.int64))

    async def ask(executor: ThreadPoolExecutor) -> None:
        batcher = Batcher(predict, executor, ServerLimits(), in_loop=True)
        small = [batcher.submit(patches(*range(20))) for _ in range(3)]
        for made in await asyncio.gather(*small):
            assert made.probability.tolist() == list(range(20))
        here = threading.current_thread().name
        assert seen == [(here, 20)] * 3  # two of them do not fit a batch together
        seen.clear()
        few, many, last = await asyncio.gather(
            batcher.submit(patches(1)), batcher.submit(patches(*range(200))), batcher.submit(patches(2))
        )
        assert (few.probability.tolist(), last.probability.tolist()) == ([1], [2])
        assert many.probability.tolist() == list(range(200))
        assert seen[0] == (here, 1) and {name for name, _ in seen[1:]} == {"aside_0"}
        with pytest.raises(RuntimeError, match="a negative patch"):
            await batcher.submit(patches(-1))
        assert (await batcher.submit(patches(3))).probability == 3 and batcher.waiting == 0

    with ThreadPoolExecutor(1, "aside") as executor:
        run(ask(executor))


def test_what_cannot_be_answered_is_of_one_request_alone(executor, run, caplog: pytest.LogCaptureFixture):
    model = Model()
    model.go.set()

    class Broken(Waiting):
        def answer(self, batch: Prediction, start: int, end: int) -> None:
            raise RuntimeError("the connection is in no state to take it")

        def refuse(self, error: Exception) -> None:
            raise AssertionError

    async def ask() -> None:
        batcher = Batcher(model, executor, LIMITS)
        batcher.put(Broken(patches(1)))
        assert (await batcher.submit(patches(2))).probability == 2

    run(ask())
    assert model.batches == [2] and "in no state" in caplog.text

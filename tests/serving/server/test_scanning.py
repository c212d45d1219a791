"""Series have places, and processes take turns."""

import asyncio
import contextlib
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from lungnet.serving.server.refusal import Refusal
from lungnet.serving.server.scan_limits import ScanLimits
from lungnet.serving.server.scanning import Scanning
from lungnet.serving.server.uploads import UploadFolder


def test_processes_scan_by_turns(tmp_path: Path):
    """Two `Scanning`, each with a file of its own on the same path, as processes have them."""
    under_way: list[int] = []
    most: list[int] = []

    def work(until: float) -> None:
        under_way.append(1)
        most.append(len(under_way))
        time.sleep(0.1)
        under_way.pop()

    async def scan(one: Scanning) -> None:
        with one.place() as place:
            await place.run(work)

    async def both() -> None:
        await asyncio.gather(*(scan(one) for one in servers for _ in range(2)))

    with contextlib.ExitStack() as stack:
        servers = [
            stack.enter_context(
                contextlib.closing(
                    Scanning(ScanLimits(), UploadFolder(tmp_path / "uploads"), tmp_path / "turn")
                )
            )
            for _ in range(2)
        ]
        asyncio.run(both())
    assert most == [1, 1, 1, 1]


def test_a_turn_that_does_not_come_is_said(tmp_path: Path):
    limits, go, begun = ScanLimits(scan_seconds=0.3), threading.Event(), threading.Event()
    first, second = (
        Scanning(one, UploadFolder(tmp_path / "uploads"), tmp_path / "turn") for one in (ScanLimits(), limits)
    )

    def hold(until: float) -> None:
        begun.set()
        assert go.wait(30)

    async def long() -> None:
        with first.place() as place:
            await place.run(hold)

    async def late() -> None:
        with second.place() as place, pytest.raises(Refusal) as raised:
            await place.run(lambda until: pytest.fail("it was not its turn"))
        assert (raised.value.status, raised.value.reason) == (503, "late")

    with contextlib.closing(first), contextlib.closing(second), ThreadPoolExecutor(1) as executor:
        holding = executor.submit(asyncio.run, long())
        assert begun.wait(30)
        asyncio.run(late())
        go.set()
        holding.result(30)

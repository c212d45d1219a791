import threading

import pytest

from lungnet.cores import usable_cores
from lungnet.serving.side_by_side import SideBySide


@pytest.mark.parametrize("threads", [1, 2, 5])
@pytest.mark.parametrize("count", [0, 1, 2, 40])
def test_each_part_is_done_once(threads, count):
    done: list[int] = []
    SideBySide(threads).run(done.append, range(count))
    assert sorted(done) == list(range(count))


def test_parts_run_at_the_same_time():
    together = threading.Barrier(3, timeout=60)

    def meet(part: int) -> None:
        together.wait()

    SideBySide(3).run(meet, range(3))


def test_one_thread_is_the_callers():
    found = []
    SideBySide(1).run(lambda part: found.append(threading.current_thread()), range(3))
    assert set(found) == {threading.current_thread()}


def test_an_error_reaches_the_caller():
    def fail(part):
        raise KeyError(part)

    with pytest.raises(KeyError, match="0"):
        SideBySide(2).run(fail, [0, 0])


def test_cores():
    assert SideBySide().cores == usable_cores()
    assert SideBySide(7).cores == 7
    with pytest.raises(ValueError, match="threads must be at least 1 or None"):
        SideBySide(0)

import logging
from pathlib import Path

import numpy as np
import pytest

from lungnet.config import GanConfig
from lungnet.models.checkpoints import Checkpoints, checkpoint_due, training_id


class Count:
    """A part that counts; its array is as large as the tests want it."""

    def __init__(self, size: int = 3) -> None:
        self.value = 0
        self.array = np.zeros(size, np.float32)

    def step(self) -> None:
        self.value += 1
        self.array = self.array + np.float32(0.1)

    def state(self):
        return {"value": self.value, "array": self.array}

    def restore(self, state):
        self.value = state["value"]
        if state["array"].shape != self.array.shape:
            raise ValueError("another shape")
        self.array = state["array"]


def run(folder: Path | None, steps: int, training: str = "0" * 16, size: int = 3) -> tuple[int, Count]:
    """Counts on to `steps`, with a checkpoint each time; returns where it began, and the part."""
    part = Count(size)
    checkpoints = Checkpoints(folder, training, {"count": part})
    done = checkpoints.resume()
    assert part.value == done
    for step in range(done + 1, steps + 1):
        part.step()
        checkpoints.save(step)
    return done, part


def newest(folder: Path) -> Path:
    return max(folder.iterdir())


def test_the_newest_of_the_last_two_is_taken_up(tmp_path):
    assert run(tmp_path / "new", 5)[0] == 0
    assert [path.name.split("-")[1] for path in sorted((tmp_path / "new").iterdir())] == [
        "000000004",
        "000000005",
    ]
    done, part = run(tmp_path / "new", 7)
    assert done == 5
    np.testing.assert_array_equal(part.array, run(None, 7)[1].array)
    assert part.array.dtype == np.float32
    assert run(tmp_path / "new", 7)[0] == 7  # a training that has ended is not done again


def test_without_a_folder_nothing_is_kept(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run(None, 3)
    assert list(tmp_path.iterdir()) == []


def test_what_is_written_by_chance_twice_is_one_file(tmp_path):
    run(tmp_path, 2)
    kept = newest(tmp_path)
    part = Count()
    checkpoints = Checkpoints(tmp_path, "0" * 16, {"count": part})
    checkpoints.resume()
    checkpoints.save(2)
    assert newest(tmp_path) == kept
    assert len(list(tmp_path.iterdir())) == 2


def halve(content: bytes) -> bytes:
    return content[: len(content) // 2]


def turn_a_bit(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


@pytest.mark.parametrize("damage", [halve, turn_a_bit, lambda content: b""])
def test_a_damaged_checkpoint_gives_way_to_the_one_before(tmp_path, caplog, damage):
    run(tmp_path, 5)
    newest(tmp_path).write_bytes(damage(newest(tmp_path).read_bytes()))
    done, part = run(tmp_path, 6)
    assert done == 4
    assert "is damaged" in caplog.text
    np.testing.assert_array_equal(part.array, run(None, 6)[1].array)
    assert len(list(tmp_path.iterdir())) == 2  # the damaged one is gone


def test_no_single_byte_can_be_altered_unnoticed(tmp_path):
    run(tmp_path, 1)
    path = newest(tmp_path)
    content = path.read_bytes()
    for place in range(0, len(content), 13):
        path.write_bytes(content[:place] + bytes([content[place] ^ 0x10]) + content[place + 1 :])
        assert run(tmp_path, 0)[0] == 0
    path.write_bytes(content)
    assert run(tmp_path, 0)[0] == 1


def test_if_both_are_damaged_the_training_begins_anew(tmp_path):
    run(tmp_path, 5)
    for path in tmp_path.iterdir():
        path.write_bytes(b"PK")
    done, part = run(tmp_path, 6)
    assert done == 0
    assert part.value == 6


def test_checkpoints_of_another_training_are_left_alone(tmp_path, caplog):
    run(tmp_path, 5, "a" * 16)
    others = set(tmp_path.iterdir())
    assert run(tmp_path, 3, "b" * 16)[0] == 0
    assert "2 checkpoints are of a training with other settings or data" in caplog.text
    assert others < set(tmp_path.iterdir())
    assert run(tmp_path, 5, "a" * 16)[0] == 5


def test_one_that_does_not_fit_is_not_used_and_leaves_nothing_behind(tmp_path, caplog):
    run(tmp_path, 5, size=3)
    done, part = run(tmp_path, 2, size=4)  # had set its value before it saw the shape
    assert done == 0
    assert part.value == 2
    assert "does not fit and is not used: another shape" in caplog.text
    assert run(tmp_path, 2, size=4)[0] == 2


def test_other_parts_do_not_fit(tmp_path, caplog):
    run(tmp_path, 5)
    assert Checkpoints(tmp_path, "0" * 16, {"other": Count()}).resume() == 0
    assert "its parts are count" in caplog.text


def test_what_was_being_written_when_killed_is_cleared_up(tmp_path):
    run(tmp_path, 1)
    half = tmp_path / f".{newest(tmp_path).name}.x1.tmp"
    half.mkdir()
    (half / newest(tmp_path).name).write_bytes(b"PK")
    foreign = tmp_path / ".other.tmp"
    foreign.mkdir()
    assert run(tmp_path, 1)[0] == 1
    assert not half.exists()
    assert foreign.exists()


def test_going_on_is_logged(tmp_path, caplog):
    run(tmp_path, 3)
    with caplog.at_level(logging.INFO, "lungnet.models.checkpoints"):
        run(tmp_path, 3)
    assert "goes on from the checkpoint at 3" in caplog.text


def test_nothing_is_pickled(tmp_path):
    part = Count()
    part.array = np.array([{}])
    with pytest.raises(TypeError, match="count/array holds Python objects"):
        Checkpoints(tmp_path, "0" * 16, {"count": part}).save(1)
    assert list(tmp_path.iterdir()) == []


def test_checkpoints_are_due_by_work():
    assert [step for step in range(1, 8) if checkpoint_due(step, 3)] == [3, 6]
    # Epochs of 4 updates pass 10 in the third, 20 in the fifth, 30 in the eighth.
    assert [epoch for epoch in range(1, 9) if checkpoint_due(epoch, 10, updates=4)] == [3, 5, 8]
    assert [epoch for epoch in range(1, 4) if checkpoint_due(epoch, 10, updates=50)] == [1, 2, 3]


def test_an_id_follows_name_settings_and_data():
    x = np.arange(6, dtype=np.int16)
    same = training_id("gan", [x, None], config=GanConfig(), window_hu=(0, 1))
    assert same == training_id("gan", [x.copy(), None], window_hu=[0, 1], config=GanConfig())
    others = [
        training_id("cae", [x, None], config=GanConfig(), window_hu=(0, 1)),
        training_id("gan", [x, None], config=GanConfig(width=3), window_hu=(0, 1)),
        training_id("gan", [x, None], config=GanConfig(), window_hu=(0, 2)),
        training_id("gan", [x + 1, None], config=GanConfig(), window_hu=(0, 1)),
        training_id("gan", [x.reshape(2, 3), None], config=GanConfig(), window_hu=(0, 1)),
        training_id("gan", [x.view(np.uint16), None], config=GanConfig(), window_hu=(0, 1)),
        training_id("gan", [None, x], config=GanConfig(), window_hu=(0, 1)),
        training_id("gan", [x], config=GanConfig(), window_hu=(0, 1)),
    ]
    assert len({same, *others}) == 9

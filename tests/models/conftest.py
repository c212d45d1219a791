"""What the tests of trainings share."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from lungnet.models import Trained


def assert_same(trained: Trained, expected: Trained) -> None:
    """The same curves and the same weights, bit for bit."""
    assert trained.history == expected.history
    for left, right in zip(trained.model.get_weights(), expected.model.get_weights(), strict=True):
        np.testing.assert_array_equal(left, right)


def tensorboard_points(folder: Path) -> dict[str, list[int]]:
    """Steps of all points that TensorBoard finds in a folder, by curve and image, in its order."""
    events = EventAccumulator(str(folder), size_guidance={"tensors": 0}).Reload()
    return {tag: [event.step for event in events.Tensors(tag)] for tag in events.Tags()["tensors"]}


class Killed(BaseException):
    """Ends a training where a signal would."""


@pytest.fixture
def train_with_interruptions(tmp_path: Path) -> Callable[..., Any]:
    """A function that trains with interruptions: `(train, stops) -> (result, first reports)`.

    `train` takes `progress` and `checkpoint_dir`. It is ended where it reports each of `stops`, too late or
    too early for a checkpoint, and started again; at last it may end by itself. The work done at the first
    report of each attempt after the first, if it made one, shows that it did not begin anew.
    """

    def run(train: Callable[..., Any], stops: list[int]) -> tuple[Any, list[int]]:
        reports: list[list[int]] = []

        def attempt(stop: int | None) -> Any:
            seen: list[int] = []
            reports.append(seen)

            def progress(done: int, total: int, text: str) -> None:
                seen.append(done)
                if done == stop:
                    raise Killed

            return train(progress=progress, checkpoint_dir=tmp_path / "checkpoints")

        for stop in stops:
            with pytest.raises(Killed):
                attempt(stop)
        return attempt(None), [seen[0] for seen in reports[1:] if seen]

    return run

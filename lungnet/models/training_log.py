"""What a training shows while it runs: progress, curves and images in TensorBoard, and its history."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from lungnet.models.curve_descriptions import describe
from lungnet.models.image_grids import side_by_side
from lungnet.models.packed_states import State

#: End of the name of a training's event files, which tells them from others in the folder.
_SUFFIX = ".training"
#: Sorts before every event file whose name has the time, and TensorBoard reads in that order.
_RESTORED = f"events.out.tfevents.0{_SUFFIX}"

#: Called as `progress(done, total, text)`.
Progress = Callable[[int, int, str], None]


class Trained(NamedTuple):
    """What a training returns.

    Attributes:
        model: the trained model.
        history: curves by name, one value per report; "step" counts the updates made by then.
    """

    model: keras.Model
    history: dict[str, list[float]]


class TrainingLog:
    """Collects a training's curves and passes them on to TensorBoard.

    Use it as a context manager; the event file is closed at the end. It is a part of a training's
    checkpoints, with curves and event files: once restored, TensorBoard shows what an undisturbed
    training shows, whatever an attempt that was killed left in the folder or whether it is another folder.

    Args:
        tensorboard_dir: where the event file goes; None writes none.
        progress: called at every report, if given.
        group: comes before every name in TensorBoard, with a slash; the history does without it.
    """

    def __init__(
        self,
        tensorboard_dir: str | os.PathLike[str] | None = None,
        progress: Progress | None = None,
        group: str = "",
    ) -> None:
        self.history: dict[str, list[float]] = {}
        self._progress = progress
        self._group = f"{group}/" if group else ""
        self._folder = Path(tensorboard_dir) if tensorboard_dir else None
        self._left_behind = set(self._event_files())
        self._writer: Any = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._close()

    def state(self) -> State:
        """Returns the curves and what the event files of this log hold."""
        if self._writer is not None:
            self._writer.flush()
        own = [path for path in self._event_files() if path not in self._left_behind]
        # Event files are sequences of records: one after the other they are an event file again.
        events = b"".join(path.read_bytes() for path in own)
        history = {name: list(values) for name, values in self.history.items()}
        return {"history": history, "events": np.frombuffer(events, np.uint8)}

    def restore(self, state: State) -> None:
        """Takes on what `state` gave, in place of all that a training has left in the folder."""
        self.history = {name: list(values) for name, values in state["history"].items()}
        self._close()
        for path in self._event_files():
            path.unlink()
        self._left_behind = set()
        if self._folder is not None and len(state["events"]):
            self._folder.mkdir(parents=True, exist_ok=True)
            (self._folder / _RESTORED).write_bytes(state["events"].tobytes())

    def _event_files(self) -> list[Path]:
        return sorted(self._folder.glob(f"events.out.tfevents.*{_SUFFIX}")) if self._folder else []

    def _close(self) -> None:
        if self._writer is not None:
            self._writer.close()
        self._writer = None

    def _writing(self, step: int) -> Any:
        """Returns the context in which `tf.summary` writes; the event file is made with its first entry."""
        if self._writer is None:
            self._writer = tf.summary.create_file_writer(str(self._folder), filename_suffix=_SUFFIX)
        return self._writer.as_default(step=step)

    def scalars(self, step: int, values: Mapping[str, Any], prefix: str = "") -> None:
        """Adds one value to each curve; `prefix` comes before its name, with a slash."""
        named = {f"{prefix}/{name}" if prefix else name: float(value) for name, value in values.items()}
        step_name = f"{prefix}/step" if prefix else "step"
        for name, value in {step_name: float(step), **named}.items():
            self.history.setdefault(name, []).append(value)
        if self._folder is not None:
            with self._writing(step):
                for name, value in named.items():
                    tf.summary.scalar(self._group + name, value, description=describe(name))
            self._writer.flush()

    def images(
        self, step: int, name: str, *groups: npt.ArrayLike, columns: int = 8, description: str | None = None
    ) -> None:
        """Shows groups of images side by side as one.

        Args:
            step: of the training.
            name: of the image.
            groups: each `(n, rows, columns[, 1])` in [0, 1].
            columns: images in a row of each group.
            description: in Markdown.
        """
        if self._folder is not None:
            with self._writing(step):
                grid = side_by_side(*groups, columns=columns)
                tf.summary.image(self._group + name, grid, description=description)
            self._writer.flush()

    def progress(self, done: int, total: int, text: str) -> None:
        """Tells the caller how far the training is."""
        if self._progress is not None:
            self._progress(done, total, text)


class Means:
    """Averages what single updates return, from one report to the next."""

    def __init__(self) -> None:
        self._sums: dict[str, float] = {}
        self._count = 0

    def add(self, values: Mapping[str, Any]) -> None:
        """Adds the values of one update."""
        for name, value in values.items():
            self._sums[name] = self._sums.get(name, 0.0) + float(value)
        self._count += 1

    def take(self) -> dict[str, float]:
        """Returns the means since the last time and starts anew."""
        means = {name: value / self._count for name, value in self._sums.items()}
        self._sums, self._count = {}, 0
        return means

    def state(self) -> State:
        """Returns the sums since the last report and how many values they are of."""
        return {"sums": dict(self._sums), "count": self._count}

    def restore(self, state: State) -> None:
        """Takes on what `state` gave."""
        self._sums, self._count = dict(state["sums"]), state["count"]


def is_due(step: int, total: int, reports: int) -> bool:
    """Says whether step `step` of `total` (both from 1) is one of about `reports` even ones, or the last."""
    return step == total or step % max(1, total // reports) == 0

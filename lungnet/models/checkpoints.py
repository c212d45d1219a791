"""Whole states of a training on disk, so that a training that was killed goes on where it stood.

Going on gives what an undisturbed training gives, bit for bit, where the same training run twice does:
TensorFlow's kernels for the CPU do so here with one number of threads; those for a GPU must be asked to
(`TF_DETERMINISTIC_OPS=1` in the environment, or `tf.config.experimental.enable_op_determinism()`).
"""

import contextlib
import hashlib
import logging
import os
import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel

import lungnet
from lungnet.files import atomic_path
from lungnet.hashing import canonical_json
from lungnet.models.packed_states import State, pack_states, unpack_states

#: To be raised when a state is written in another form. Older ones are then of another training.
_FORMAT = 1
_NAME = re.compile(r"(?P<training>[0-9a-f]{16})-(?P<done>\d{9})-(?P<digest>[0-9a-f]{16})\.npz")

logger = logging.getLogger(__name__)


class Part(Protocol):
    """Something that changes while a training runs."""

    def state(self) -> State:
        """Returns all that `restore` needs: arrays and JSON values by name."""
        ...

    def restore(self, state: State) -> None:
        """Takes on a state that `state` gave in this or another process.

        Raises:
            KeyError, ValueError: the state does not fit.
        """
        ...


def training_id(name: str, arrays: Sequence[npt.NDArray[Any] | None], **settings: Any) -> str:
    """Says which training a checkpoint belongs to; one of another version of lungnet is another.

    Args:
        name: of the kind of training.
        arrays: on which its result depends, None for one that is not given.
        settings: on which it depends as well: configurations and JSON values.

    Returns:
        16 hexadecimal digits, which differ where anything differs.
    """
    values = {
        key: value.model_dump(mode="json") if isinstance(value, BaseModel) else value
        for key, value in settings.items()
    }
    digest = hashlib.sha256(canonical_json([_FORMAT, lungnet.__version__, name, values]).encode())
    for array in arrays:
        if array is None:
            digest.update(b"\nnone")
            continue
        digest.update(f"\n{array.dtype.str}{array.shape}\n".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()[:16]


def checkpoint_due(done: int, interval: int, updates: int = 1) -> bool:
    """Says whether the work's unit number `done` (from 1) reaches a multiple of `interval` updates.

    Args:
        done: units of work.
        interval: updates from one checkpoint to the next; what matters is work, never time.
        updates: of each unit, an epoch for instance.
    """
    return done * updates // interval > (done - 1) * updates // interval


class Checkpoints:
    """The last two whole states of one training.

    A state is a file `<training>-<work done>-<digest of the content>.npz` of arrays and JSON, without
    pickles. It appears under its name when it is whole; one whose content is not what its name says is
    passed over. So are the checkpoints of another training that lie in the folder: they are left alone.

    Args:
        folder: where the states lie; None keeps none.
        training: from `training_id`.
        parts: everything that the rest of the training depends on, by name, in the state in which the
            training begins.

    Example:
        done = Checkpoints(folder, training_id("toy", [], seed=0), {"means": means}).resume()
    """

    def __init__(
        self, folder: str | os.PathLike[str] | None, training: str, parts: Mapping[str, Part]
    ) -> None:
        self._folder = None if folder is None else Path(folder)
        self.training = training
        self._parts = parts

    def resume(self) -> int:
        """Puts the newest state that is whole and fits into the parts, or else that of the beginning.

        Returns:
            The work done by then, 0 at the beginning.
        """
        if self._folder is None:
            return 0
        self._clear_up()
        beginning = self.states()
        for path, done in self._files():
            state = _read(path)
            if state is None:
                logger.warning("The checkpoint %s is damaged; the one before it is tried.", path.name)
                continue
            try:
                self.restore(state)
            except (KeyError, ValueError) as error:
                logger.warning("The checkpoint %s does not fit and is not used: %s", path.name, error)
                continue
            logger.info("Training goes on from the checkpoint at %d.", done)
            return done
        self.restore(beginning)
        return 0

    def save(self, done: int) -> None:
        """Writes the state after `done` units of work and drops all but this one and the one before.

        Raises:
            OSError, InputError: the folder cannot be written.
        """
        if self._folder is None:
            return
        content = pack_states(self.states())
        digest = hashlib.sha256(content).hexdigest()[:16]
        path = self._folder / f"{self.training}-{done:09d}-{digest}.npz"
        with atomic_path(path) as temporary:
            temporary.write_bytes(content)
        before = [other for other, at in self._files() if at < done]
        for other, _ in self._files():
            if other not in (path, *before[:1]):
                other.unlink(missing_ok=True)

    def states(self) -> dict[str, State]:
        """Returns the present state of each part."""
        return {name: part.state() for name, part in self._parts.items()}

    def restore(self, state: Mapping[str, State]) -> None:
        """Takes on what `states` gave in this or another process.

        Raises:
            KeyError, ValueError: it does not fit.
        """
        if state.keys() != self._parts.keys():
            raise ValueError(f"its parts are {', '.join(sorted(state))}")
        for name, part in self._parts.items():
            part.restore(state[name])

    def _files(self) -> list[tuple[Path, int]]:
        """Files of this training and the work done at each, the newest first."""
        found = []
        with contextlib.suppress(FileNotFoundError):
            for path in Path(self._folder or "").iterdir():
                match = _NAME.fullmatch(path.name)
                if match and match["training"] == self.training:
                    found.append((path, int(match["done"])))
        return sorted(found, key=lambda entry: (entry[1], entry[0].stat().st_mtime_ns), reverse=True)

    def _clear_up(self) -> None:
        """Removes what a killed process had begun to write; says so if there are other trainings' states."""
        others = 0
        with contextlib.suppress(FileNotFoundError):
            for path in Path(self._folder or "").iterdir():
                if path.name.startswith(f".{self.training}-") and path.suffix == ".tmp":
                    shutil.rmtree(path, ignore_errors=True)
                match = _NAME.fullmatch(path.name)
                others += match is not None and match["training"] != self.training
        if others:
            logger.warning(
                "%d checkpoints are of a training with other settings or data and are not used.", others
            )


def _read(path: Path) -> dict[str, dict[str, Any]] | None:
    """Returns the state in a file, None if its content is not what was written."""
    try:
        content = path.read_bytes()
    except OSError as error:
        logger.warning("The checkpoint %s cannot be read: %s.", path.name, error.strerror)
        return None
    if hashlib.sha256(content).hexdigest()[:16] != path.stem.rpartition("-")[2]:
        return None
    return unpack_states(content)

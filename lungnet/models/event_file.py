"""Event files of steps that write theirs in one go."""

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import tensorflow as tf


@contextmanager
def fresh_event_file(folder: str | os.PathLike[str]) -> Iterator[None]:
    """Opens an event file in which `tf.summary` writes at step 0 during the block.

    It takes the place of whatever event files an attempt that was killed has left in the folder.

    Args:
        folder: made if it does not exist.
    """
    for left_behind in Path(folder).glob("events.out.tfevents.*"):
        left_behind.unlink()
    with closing(tf.summary.create_file_writer(os.fspath(folder))) as writer, writer.as_default(step=0):
        yield

"""Holds back what libraries print while they are loaded."""

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator


@contextlib.contextmanager
def stderr_held_back() -> Iterator[None]:
    """Turns the file descriptor of stderr aside; what came is shown if the block fails.

    `TF_CPP_MIN_LOG_LEVEL` does not reach what is printed before the logging of TensorFlow's libraries is
    set up.
    """
    sys.stderr.flush()
    with tempfile.TemporaryFile() as held_back:
        stderr = os.dup(2)
        os.dup2(held_back.fileno(), 2)
        try:
            yield
        except Exception:
            held_back.seek(0)
            os.write(stderr, held_back.read())
            raise
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)

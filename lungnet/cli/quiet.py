"""Imports TensorFlow without the lines that its libraries print while they load."""

import importlib
import os
import sys
import tempfile

from lungnet.errors import InputError


def import_tensorflow() -> None:
    """Imports TensorFlow with the process's stderr held back; it is shown if the import fails.

    `TF_CPP_MIN_LOG_LEVEL` does not reach what is printed before the logging of TensorFlow's libraries is
    set up, so the file descriptor itself is turned aside meanwhile.

    Raises:
        InputError: TensorFlow is not installed; the message has the pip line.
    """
    if "tensorflow" in sys.modules:
        return
    sys.stderr.flush()
    with tempfile.TemporaryFile() as held_back:
        stderr = os.dup(2)
        os.dup2(held_back.fileno(), 2)
        try:
            importlib.import_module("tensorflow")
        except ModuleNotFoundError as error:
            raise InputError(
                f"Training needs packages that are not installed ({error.name} is missing): "
                "pip install 'lungnet[train,cpu]'"
            ) from error
        except Exception:
            held_back.seek(0)
            os.write(stderr, held_back.read())
            raise
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)

"""Imports TensorFlow without the lines that its libraries print while they load."""

import importlib
import sys

from lungnet.errors import InputError
from lungnet.pipeline.held_back import stderr_held_back


def import_tensorflow() -> None:
    """Imports TensorFlow with the process's stderr held back; it is shown if the import fails.

    Raises:
        InputError: TensorFlow is not installed; the message has the pip line.
    """
    if "tensorflow" in sys.modules:
        return
    try:
        with stderr_held_back():
            importlib.import_module("tensorflow")
    except ModuleNotFoundError as error:
        raise InputError(
            f"Training needs packages that are not installed ({error.name} is missing): "
            "pip install 'lungnet[train,cpu]'"
        ) from error

"""Classes by name, as specs and files of pipelines have them: `"module:class"`."""

import importlib
from typing import Any


def import_path(cls: type) -> str:
    """Returns the path by which another process finds a class.

    Example:
        >>> from lungnet.pipeline import Examples
        >>> import_path(Examples)
        'lungnet.pipeline.artifacts:Examples'
    """
    return f"{cls.__module__}:{cls.__qualname__}"


def load_class(path: str) -> Any:
    """Imports the class that `path` names."""
    module, _, name = path.partition(":")
    return getattr(importlib.import_module(module), name)

"""Many calls of one function that need nothing of each other, and their results on disk.

A task's result is a file that appears when it is whole. So whatever runs the tasks (this process, a pool
of processes, Apache Beam) hands nothing back through memory, a run that was killed goes on where it was,
and results are read in an order of their own, whichever came first.
"""

import hashlib
import importlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lungnet.files import atomic_path


@dataclass(frozen=True)
class Task:
    """One call.

    Attributes:
        key: names the result; unique among the tasks, and the same in every attempt.
        label: what to call the task in a message.
        arguments: JSON values, by the names of the function's parameters.
    """

    key: str
    label: str
    arguments: dict[str, Any] = field(default_factory=dict)

    def to_json(self) -> str:
        """Returns the task in one line."""
        return json.dumps(vars(self), separators=(",", ":"))

    @classmethod
    def from_json(cls, line: str | bytes) -> "Task":
        """Reads what `to_json` wrote."""
        return cls(**json.loads(line))


@dataclass(frozen=True)
class TaskResults:
    """The results of one function's tasks.

    ```
    <folder>/3f/9a0c...     bytes that the function returned, under a hash of the task's key
    ```
    """

    folder: Path

    def path(self, key: str) -> Path:
        """Where the result of a task lies."""
        name = hashlib.sha256(key.encode()).hexdigest()
        return self.folder / name[:2] / name[2:32]

    def __contains__(self, key: str) -> bool:
        return self.path(key).exists()

    def read(self, key: str) -> bytes:
        """Returns the result of a task that was run."""
        return self.path(key).read_bytes()

    def write(self, key: str, result: bytes) -> None:
        """Keeps a result, whole or not at all."""
        with atomic_path(self.path(key)) as temporary:
            temporary.write_bytes(result)


def perform(function: str, task: Task, results: TaskResults) -> None:
    """Runs one task in this process and keeps its result.

    Args:
        function: `"module:function"`; called with the task's arguments it returns bytes that depend on
            nothing else.
        task: what to call it with.
        results: where the result goes.
    """
    module, _, name = function.partition(":")
    call: Callable[..., bytes] = getattr(importlib.import_module(module), name)
    results.write(task.key, call(**task.arguments))

"""Where things lie in a pipeline root, as TFX has them.

```
<root>/metadata.sqlite                                                 lineage, where no other store is named
<root>/<Component>/<output_key>/<execution_id>/...                     artifacts
<root>/<Component>/.system/executor_execution/<execution_id>/          while the step runs
<root>/<Component>/.system/stateful_working_dir/<cache_key>/           checkpoints, until the step is complete
<root>/tensorboard/<Component>/<execution_id>/                         event files
<root>/.system/                                                        lock, name, remembered digests
```
"""

import os
import secrets
import shutil
from dataclasses import dataclass
from pathlib import Path

from lungnet.errors import InputError
from lungnet.files import write_text

_SYSTEM = ".system"
_KEY_DIGITS = 16


@dataclass(frozen=True)
class Layout:
    """Folders of one pipeline root.

    Attributes:
        root: the pipeline root.
    """

    root: Path

    @property
    def system(self) -> Path:
        """What belongs to the root as a whole."""
        return self.root / _SYSTEM

    def staging(self, component_id: str, execution_id: int) -> Path:
        """Where an executor writes, until all of it is whole."""
        return self._executions(component_id) / str(execution_id)

    def stateful(self, component_id: str, cache_key: str) -> Path:
        """What an attempt that did not end leaves to the next one."""
        return self.root / component_id / _SYSTEM / "stateful_working_dir" / cache_key[:_KEY_DIGITS]

    def output(self, component_id: str, key: str, execution_id: int) -> Path:
        """The folder of an output artifact once it is complete."""
        return self.root / component_id / key / str(execution_id)

    def tensorboard(self, component_id: str, execution_id: int | str) -> Path:
        """Event files of an execution, or of what has the key of one on a cluster."""
        return self.root / "tensorboard" / component_id / str(execution_id)

    def pipeline_name(self) -> str:
        """The name of this root in a lineage store; made once, and kept when the folder is moved.

        Raises:
            InputError: the root cannot be written.
        """
        path = self.system / "pipeline_name"
        if not path.is_file():
            write_text(path, f"{self.root.resolve().name}-{secrets.token_hex(4)}\n")
        try:
            return path.read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"Cannot read {path}: {error}.") from error

    def remove_execution(self, component_id: str, execution_id: int) -> None:
        """Removes staged and placed outputs of an execution that did not end well.

        One that has staged nothing has placed nothing: what lies under its number is somebody else's.
        """
        staging = self.staging(component_id, execution_id)
        if not staging.is_dir():
            return
        for placed in (self.root / component_id).glob(f"*/{execution_id}"):
            if placed.parent.name != _SYSTEM:
                shutil.rmtree(placed, ignore_errors=True)
        shutil.rmtree(staging, ignore_errors=True)

    def remove_staging(self) -> None:
        """Removes what was written and never put in place; only where nothing runs."""
        for pattern in (f"*/{_SYSTEM}/executor_execution/*", ".*.tmp", f"{_SYSTEM}/.*.tmp"):
            for folder in self.root.glob(pattern):
                shutil.rmtree(folder, ignore_errors=True)

    def remove_checkpoints(self, component_id: str, cache_key: str) -> None:
        """Removes what attempts have left for one another, once the step is complete."""
        shutil.rmtree(self.stateful(component_id, cache_key), ignore_errors=True)

    def relative(self, path: Path) -> str:
        """A path below the root as the lineage store has it."""
        return path.relative_to(self.root).as_posix()

    def check_writable(self) -> None:
        """Makes the root if need be.

        Raises:
            InputError: it cannot be written.
        """
        try:
            self.system.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(f"Cannot write the pipeline root {self.root}: {error.strerror}.") from error
        if not os.access(self.system, os.W_OK):
            raise InputError(f"Cannot write the pipeline root {self.root}: permission denied.")

    def _executions(self, component_id: str) -> Path:
        return self.root / component_id / _SYSTEM / "executor_execution"

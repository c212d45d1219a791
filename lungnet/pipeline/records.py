"""What the pipeline root knows of executions: where outputs lie, and which of them are whole.

```
<root>/<Component>/<output_key>/<execution_id>/...                      artifacts
<root>/<Component>/.system/executor_execution/<execution_id>/execution.json   written last
<root>/<Component>/.system/stateful_working_dir/<execution_id>/         while the step runs
```
"""

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lungnet.errors import InputError
from lungnet.files import write_json
from lungnet.pipeline.artifacts import Artifact
from lungnet.pipeline.component import Channel


@dataclass(frozen=True)
class Execution:
    """A number that belongs to one run of one component, and the folders that go with it."""

    root: Path
    component_id: str
    execution_id: int

    @property
    def _system(self) -> Path:
        return self.root / self.component_id / ".system"

    @property
    def record(self) -> Path:
        """The file that says that the execution is complete."""
        return self._system / "executor_execution" / str(self.execution_id) / "execution.json"

    @property
    def staging(self) -> Path:
        """Where the executor writes, until all of it is whole."""
        return self._system / "stateful_working_dir" / str(self.execution_id)

    @property
    def tensorboard(self) -> Path:
        """Event files of the execution."""
        return self.root / "tensorboard" / self.component_id / str(self.execution_id)

    def output(self, key: str) -> Path:
        """The folder of an output artifact once it is complete."""
        return self.root / self.component_id / key / str(self.execution_id)


def begin(root: Path, component_id: str) -> Execution:
    """Takes the next free execution number of a component.

    Raises:
        InputError: the root cannot be written.
    """
    taken = root / component_id / ".system" / "executor_execution"
    try:
        taken.mkdir(parents=True, exist_ok=True)
        number = 1 + max((int(p.name) for p in taken.iterdir() if p.name.isdigit()), default=0)
        while True:
            try:
                (taken / str(number)).mkdir()
                return Execution(root, component_id, number)
            except FileExistsError:  # another process took it
                number += 1
    except OSError as error:
        raise InputError(f"Cannot write the pipeline root {root}: {error.strerror}.") from error


def commit(
    execution: Execution,
    inputs: Mapping[str, list[Artifact]],
    outputs: Mapping[str, Artifact],
    exec_properties: Mapping[str, Any],
) -> dict[str, Artifact]:
    """Moves staged outputs into place, then writes the record that makes them count."""
    placed: dict[str, Artifact] = {}
    for key, artifact in outputs.items():
        target = execution.output(key)
        target.parent.mkdir(parents=True, exist_ok=True)
        artifact.uri.replace(target)
        placed[key] = type(artifact)(target, artifact.properties)
    relative = execution.root
    write_json(
        execution.record,
        {
            "component": execution.component_id,
            "execution_id": execution.execution_id,
            "exec_properties": dict(exec_properties),
            "inputs": {key: [_describe(a, relative) for a in several] for key, several in inputs.items()},
            "outputs": {key: _describe(a, relative) for key, a in placed.items()},
        },
    )
    return placed


def abandon(execution: Execution) -> None:
    """Removes what an execution that did not end well has left, its number included."""
    shutil.rmtree(execution.staging, ignore_errors=True)
    shutil.rmtree(execution.record.parent, ignore_errors=True)
    shutil.rmtree(execution.tensorboard, ignore_errors=True)


def latest(root: Path, channel: Channel) -> Artifact:
    """Finds the newest complete artifact of a channel.

    Raises:
        InputError: the component has not run to its end in this root.
    """
    records = (root / channel.component_id / ".system" / "executor_execution").glob("*/execution.json")
    newest = max(records, key=lambda path: int(path.parent.name), default=None)
    if newest is None:
        raise InputError(
            f"{channel.component_id} has not run in {root}: its output {channel.key!r} is needed first."
        )
    try:
        output = json.loads(newest.read_text("utf-8"))["outputs"][channel.key]
        artifact = channel.type(root / output["uri"], dict(output["properties"]))
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{newest} is not a record of {channel.component_id}.") from error
    if not artifact.uri.is_dir():
        raise InputError(f"{artifact.uri} is gone: run {channel.component_id} again.")
    return artifact


def _describe(artifact: Artifact, root: Path) -> dict[str, Any]:
    return {
        "type": artifact.TYPE_NAME,
        "uri": artifact.uri.relative_to(root).as_posix(),
        "properties": artifact.properties,
    }

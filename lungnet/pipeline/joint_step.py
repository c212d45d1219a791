"""A step that several machines do together, each in a process of its own."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from lungnet.errors import InputError
from lungnet.pipeline.artifacts import Artifact
from lungnet.pipeline.executor import BaseExecutor, ExecutorContext, ProgressFunction
from lungnet.pipeline.import_path import import_path, load_class

#: Parameter of components that several machines can do together; its value is a `DistributionConfig`.
PARAMETER = "distribution"


class Folder(BaseModel):
    """An artifact for another process.

    Attributes:
        type: its import path.
        uri: absolute, or relative to the pipeline root.
        properties: JSON values.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    type: str
    uri: str
    properties: dict[str, Any] = {}

    def artifact(self, root: Path) -> Artifact:
        """Returns the artifact where the pipeline root is `root`."""
        found: Artifact = load_class(self.type)(root / self.uri, dict(self.properties))
        return found


class JointStep(BaseModel):
    """What a process must be told to do its part of a step.

    Attributes:
        number: of the execution.
        component_id: name in the pipeline.
        executor: import path.
        inputs: key -> its artifacts.
        outputs: key -> import path of the artifact's type.
        exec_properties: of the component.
        runtime: of the executor's context.
        seed: of the run.
        sources: digest of the executor's sources, as `sources_digest` has it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    number: int
    component_id: str
    executor: str
    inputs: dict[str, tuple[Folder, ...]]
    outputs: dict[str, str]
    exec_properties: dict[str, Any]
    runtime: dict[str, Any]
    seed: int
    sources: str

    @staticmethod
    def folders(inputs: Mapping[str, Sequence[Artifact]], root: Path) -> dict[str, tuple[Folder, ...]]:
        """Describes artifacts for machines that have the pipeline root elsewhere."""

        def described(artifact: Artifact) -> Folder:
            path = artifact.uri
            uri = path.relative_to(root) if path.is_relative_to(root) else path.resolve()
            return Folder(
                type=import_path(type(artifact)), uri=uri.as_posix(), properties=artifact.properties
            )

        return {key: tuple(described(artifact) for artifact in several) for key, several in inputs.items()}


class Order(BaseModel):
    """A joint step and where this machine has its folders; all paths are absolute.

    Attributes:
        step: what to do.
        root: pipeline root.
        outputs: key -> folder, which exists and is empty.
        work_dir, checkpoint_dir, tensorboard_dir: of the executor's context.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    step: JointStep
    root: str
    outputs: dict[str, str]
    work_dir: str
    checkpoint_dir: str
    tensorboard_dir: str

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Reads what `model_dump_json` gave.

        Raises:
            InputError: it is something else.
        """
        try:
            return cls.model_validate_json(text)
        except ValidationError as error:
            raise InputError(f"This is no joint step of this lungnet: {error.errors()[0]['msg']}.") from error

    def perform(self, progress: ProgressFunction) -> dict[str, dict[str, Any]]:
        """Runs the executor in this process and returns the properties of each output."""
        step, root = self.step, Path(self.root)
        context = ExecutorContext(
            work_dir=Path(self.work_dir),
            checkpoint_dir=Path(self.checkpoint_dir),
            tensorboard_dir=Path(self.tensorboard_dir),
            seed=step.seed,
            progress=progress,
            runtime=dict(step.runtime),
        )
        inputs = {key: [one.artifact(root) for one in several] for key, several in step.inputs.items()}
        outputs = {key: load_class(kind)(Path(self.outputs[key])) for key, kind in step.outputs.items()}
        executor: type[BaseExecutor] = load_class(step.executor)
        executor(context).Do(
            inputs, {key: [artifact] for key, artifact in outputs.items()}, step.exec_properties
        )
        return json.loads(json.dumps({key: artifact.properties for key, artifact in outputs.items()}))

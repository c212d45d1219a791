"""A step that several machines do together, each in a process of its own."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from lungnet.config import Config
from lungnet.errors import InputError
from lungnet.pipeline.artifacts import Artifact
from lungnet.pipeline.component import Component
from lungnet.pipeline.executor import BaseExecutor, ExecutorContext, ProgressFunction
from lungnet.pipeline.import_path import import_path, load_class
from lungnet.pipeline.remote_step import sources_digest

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

    @classmethod
    def of(cls, artifact: Artifact, root: Path) -> Self:
        """Describes an artifact; one in the pipeline root is found wherever the root is."""
        path = artifact.uri
        uri = path.relative_to(root) if path.is_relative_to(root) else path.resolve()
        return cls(type=import_path(type(artifact)), uri=uri.as_posix(), properties=artifact.properties)

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

    @classmethod
    def of(
        cls,
        component: Component,
        config: Config,
        number: int,
        inputs: Mapping[str, Sequence[Artifact]],
        root: Path,
        runtime: Mapping[str, Any],
    ) -> Self:
        """Describes a step for machines that may have the pipeline root under another path.

        Args:
            component: the step.
            config: of the run.
            number: of the execution.
            inputs: by key.
            root: pipeline root on this machine.
            runtime: of the executor's context.
        """
        return cls(
            number=number,
            component_id=component.id,
            executor=component.EXECUTOR,
            inputs={
                key: tuple(Folder.of(artifact, root) for artifact in several)
                for key, several in inputs.items()
            },
            outputs={key: import_path(kind) for key, kind in component.SPEC.outputs.items()},
            exec_properties=component.exec_properties(config),
            runtime=dict(runtime),
            seed=config.seed,
            sources=sources_digest(component.EXECUTOR),
        )


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
    def of(cls, step: JointStep, root: Path, outputs: Mapping[str, Path], context: ExecutorContext) -> Self:
        """Says where this machine has the root, the outputs' folders and those of a context."""
        return cls(
            step=step,
            root=str(root.resolve()),
            outputs={key: str(folder.resolve()) for key, folder in outputs.items()},
            work_dir=str(context.work_dir),
            checkpoint_dir=str(context.checkpoint_dir),
            tensorboard_dir=str(context.tensorboard_dir),
        )

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

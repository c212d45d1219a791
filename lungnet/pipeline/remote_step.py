"""Steps as data, for processes that have neither the pipeline nor its configuration."""

from collections.abc import Mapping
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from lungnet.errors import InputError
from lungnet.hashing import canonical_json, fingerprint
from lungnet.pipeline.component import Channel, Component
from lungnet.pipeline.import_path import import_path
from lungnet.pipeline.pipeline import Pipeline
from lungnet.pipeline.sources import library_versions, source_digests

#: Variable with a folder on a volume for checkpoints and event files, which else go with the process.
STATE = "LUNGNET_STATE"
#: Variable with a JSON object of settings that must not change results, such as `{"workers": 8}`.
RUNTIME = "LUNGNET_RUNTIME"


class RemoteStep(BaseModel):
    """What a process must be told to run one step; parameters' values and artifacts come from its engine.

    Attributes:
        component_id: name in the pipeline.
        executor: import path.
        inputs: key -> its artifacts in order, each with its name on the engine and its type's import path.
        outputs: key -> import path of the artifact's type.
        parameters: those whose value is JSON.
        external: those whose value is the path of data outside the pipeline.
        runtime: `ComponentSpec.runtime`.
        seed: of the run.
        sources: digest of the executor's sources, as `sources_digest` has it.
        ingredients: digest of everything that this step and those before it depend on, data outside the
            pipeline excepted.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    component_id: str
    executor: str
    inputs: dict[str, tuple[tuple[str, str], ...]]
    outputs: dict[str, str]
    parameters: tuple[str, ...]
    external: tuple[str, ...]
    runtime: dict[str, Any]
    seed: int
    sources: str
    ingredients: str

    def to_json(self) -> str:
        """Returns the step in one line, the same for equal steps."""
        return canonical_json(self.model_dump(mode="json"))

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Reads what `to_json` gave.

        Raises:
            InputError: it is something else, or of another version of lungnet.
        """
        try:
            return cls.model_validate_json(text)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            raise InputError(
                f"This is no step that this lungnet was told to run ({where or 'JSON'}: {first['msg']})."
            ) from error


def sources_digest(executor: str) -> str:
    """Digests the import closure of an executor (`"module:class"`).

    Raises:
        ModuleNotFoundError: there is no such module.
    """
    return fingerprint(source_digests(executor.partition(":")[0]))


def made_channels(pipeline: Pipeline, component: Component) -> dict[str, tuple[Channel, ...]]:
    """Returns a component's inputs without those that a resolver would find in a lineage store.

    Raises:
        InputError: the component cannot do without one of them.
    """
    ids = {one.id for one in pipeline.components}
    made = {
        key: tuple(channel for channel in channels if channel.component_id in ids)
        for key, channels in component.inputs.items()
    }
    for key, channels in made.items():
        if not channels and key not in component.SPEC.optional:
            (found, *_) = component.inputs[key]
            raise InputError(
                f"{component.id} needs {key!r} from {found.component_id}, which finds it in a lineage store; "
                "steps on a cluster have none."
            )
    return {key: channels for key, channels in made.items() if channels}


def input_names(channels: Mapping[str, tuple[Channel, ...]]) -> dict[str, list[str]]:
    """Names the artifacts of each input: the key itself, numbered from 1 where there are several.

    Example:
        >>> one = Channel("Gen", "examples", object)
        >>> input_names({"examples": (one,), "classifiers": (one, one)})
        {'examples': ['examples'], 'classifiers': ['classifiers_1', 'classifiers_2']}
    """
    return {
        key: [key] if len(several) == 1 else [f"{key}_{number + 1}" for number in range(len(several))]
        for key, several in channels.items()
    }


def remote_steps(pipeline: Pipeline) -> dict[str, RemoteStep]:
    """Describes every component of a pipeline, by id.

    Raises:
        InputError: a component cannot do without what a resolver would find.
    """
    steps: dict[str, RemoteStep] = {}
    for component in pipeline.components:
        channels = made_channels(pipeline, component)
        names = input_names(channels)
        external = tuple(component.external())
        values = {
            name: value
            for name, value in component.exec_properties(pipeline.config).items()
            if name not in external
        }
        sources = sources_digest(component.EXECUTOR)
        steps[component.id] = RemoteStep(
            component_id=component.id,
            executor=component.EXECUTOR,
            inputs={
                key: tuple(zip(names[key], (import_path(one.type) for one in several), strict=True))
                for key, several in channels.items()
            },
            outputs={key: import_path(kind) for key, kind in component.SPEC.outputs.items()},
            parameters=tuple(values),
            external=external,
            runtime=dict(component.SPEC.runtime),
            seed=pipeline.config.seed,
            sources=sources,
            ingredients=fingerprint(
                {
                    "component": component.id,
                    "version": component.SPEC.version,
                    "executor": component.EXECUTOR,
                    "sources": sources,
                    "libraries": library_versions(),
                    "parameters": values,
                    "inputs": {
                        key: [[steps[one.component_id].ingredients, one.key] for one in several]
                        for key, several in channels.items()
                    },
                }
            ),
        )
    return steps


def waits(pipeline: Pipeline) -> dict[str, list[str]]:
    """Says which components a component waits for although it takes nothing from them.

    Run in order, a component that fails keeps all those after it from running. Where only data decides the
    order, one whose outputs nobody takes, such as a validator, would keep nobody: those after it wait for
    it.

    Returns:
        Component id -> ids, without those for which an input's producer waits already.
    """
    taken: dict[str, set[str]] = {
        component.id: {
            channel.component_id
            for several in made_channels(pipeline, component).values()
            for channel in several
        }
        for component in pipeline.components
    }
    used = set[str]().union(*taken.values())
    before: dict[str, set[str]] = {}
    waiting: dict[str, list[str]] = {}
    passed: list[str] = []
    for component in pipeline.components:
        settled = set(taken[component.id]).union(*(before[one] for one in taken[component.id]))
        waiting[component.id] = [one for one in passed if one not in settled]
        before[component.id] = settled | set(passed)
        if component.id not in used:
            passed.append(component.id)
    return waiting

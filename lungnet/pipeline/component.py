"""Components as data: what a step takes, makes and depends on, and where its executor is."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from lungnet.config import Config
from lungnet.errors import InputError
from lungnet.pipeline.artifacts import Artifact


class _Required:
    def __repr__(self) -> str:
        return "REQUIRED"


REQUIRED: Any = _Required()

#: `Parameter.config` of a parameter that is the whole configuration.
WHOLE = "*"


@dataclass(frozen=True)
class Parameter:
    """A value that can change what a step makes.

    Attributes:
        config: dotted path in `Config` that supplies it, `WHOLE` for all of it, or empty if the pipeline's
            author gives the value.
        default: of a parameter that the author may leave out.
        type: of a value that the author gives.
        external: the value is the path of a file or folder outside the pipeline, which counts by its
            content.
    """

    config: str = ""
    default: Any = REQUIRED
    type: type = str
    external: bool = False


def _path(parameter: Parameter) -> list[str]:
    return parameter.config.split(".") if parameter.config not in ("", WHOLE) else []


@dataclass(frozen=True)
class ComponentSpec:
    """What a component takes and makes.

    Attributes:
        inputs: key -> artifact type. Keys in `several` take a list of channels.
        outputs: key -> artifact type.
        parameters: name -> where its value comes from.
        optional: input keys that may be left out.
        several: input keys that take more than one channel.
        runtime: name -> default of what may differ between machines and must not change what is made.
        version: to be raised when the component makes something else of the same inputs and parameters.

    Raises:
        TypeError: a type is no artifact type, or a path does not lead to a field of `Config`.
    """

    inputs: Mapping[str, type[Artifact]]
    outputs: Mapping[str, type[Artifact]]
    parameters: Mapping[str, Parameter] = dataclasses.field(default_factory=dict)
    optional: frozenset[str] = frozenset()
    several: frozenset[str] = frozenset()
    runtime: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    version: int = 1

    def __post_init__(self) -> None:
        for key, kind in {**self.inputs, **self.outputs}.items():
            if not (isinstance(kind, type) and issubclass(kind, Artifact)):
                raise TypeError(f"{key!r} must name an artifact type. Received: {kind!r}")
        for key in self.optional | self.several:
            if key not in self.inputs:
                raise TypeError(f"{key!r} is no input of the component. Received: {sorted(self.inputs)}")
        for name, parameter in self.parameters.items():
            section: Any = Config
            for part in _path(parameter):
                if part not in section.model_fields:
                    raise TypeError(f"Parameter {name!r}: Config has no field {parameter.config!r}.")
                section = section.model_fields[part].annotation


@dataclass(frozen=True)
class Channel:
    """One output of a component, before it exists."""

    component_id: str
    key: str
    type: type[Artifact]


class Component:
    """Base of all components. A subclass gives `SPEC` and `EXECUTOR`.

    Attributes:
        SPEC: inputs, outputs and parameters.
        EXECUTOR: `"module:class"`; imported when the step runs, never to wire a pipeline.

    Args:
        component_id: name in the pipeline root; the class's name by default.
        arguments: channels for the inputs, values for the parameters.

    Raises:
        InputError: an input or parameter is missing, unknown or of the wrong type.

    Example:
        >>> from lungnet.components import GanTrainer, StatisticsGen   # doctest: +SKIP
        >>> GanTrainer(examples=example_gen.outputs["examples"])       # doctest: +SKIP
    """

    SPEC: ClassVar[ComponentSpec]
    EXECUTOR: ClassVar[str]

    def __init_subclass__(cls) -> None:
        if not isinstance(getattr(cls, "SPEC", None), ComponentSpec):
            raise TypeError(f"{cls.__name__} needs a SPEC of type ComponentSpec.")
        if ":" not in getattr(cls, "EXECUTOR", ""):
            raise TypeError(f'{cls.__name__} needs an EXECUTOR written "module:class".')

    def __init__(self, *, component_id: str | None = None, **arguments: Any) -> None:
        self.id = component_id or type(self).__name__
        self.inputs: dict[str, tuple[Channel, ...]] = {}
        self.arguments: dict[str, Any] = {}
        for name, value in arguments.items():
            if name in self.SPEC.inputs:
                self.inputs[name] = self._channels(name, value)
            elif name in self.SPEC.parameters and not self.SPEC.parameters[name].config:
                self.arguments[name] = value
            else:
                known = [*self.SPEC.inputs, *(n for n, p in self.SPEC.parameters.items() if not p.config)]
                raise InputError(f"{self.id} takes no {name!r}; expected one of {', '.join(known)}.")
        for name in self.SPEC.inputs:
            if name not in self.inputs and name not in self.SPEC.optional:
                raise InputError(f"{self.id} needs the input {name!r} ({self.SPEC.inputs[name].TYPE_NAME}).")
        for name, parameter in self.SPEC.parameters.items():
            if not parameter.config and parameter.default is REQUIRED and name not in self.arguments:
                raise InputError(f"{self.id} needs the parameter {name!r}.")

    def _channels(self, name: str, value: Channel | Sequence[Channel]) -> tuple[Channel, ...]:
        channels = (value,) if isinstance(value, Channel) else tuple(value)
        if len(channels) != 1 and name not in self.SPEC.several:
            raise InputError(f"{self.id} takes one channel as {name!r}. Received: {len(channels)}")
        expected = self.SPEC.inputs[name]
        for channel in channels:
            if not issubclass(channel.type, expected):
                raise InputError(
                    f"{self.id} takes {expected.TYPE_NAME} as {name!r}. "
                    f"Received: {channel.type.TYPE_NAME} from {channel.component_id}"
                )
        return channels

    @property
    def outputs(self) -> dict[str, Channel]:
        """The channels that later components take."""
        return {key: Channel(self.id, key, kind) for key, kind in self.SPEC.outputs.items()}

    def exec_properties(self, config: Config) -> dict[str, Any]:
        """The parameters' values as JSON: from `config`, from the author, or by default."""
        values = config.model_dump(mode="json")
        properties: dict[str, Any] = {}
        for name, parameter in self.SPEC.parameters.items():
            if parameter.config:
                value: Any = values
                for part in _path(parameter):
                    value = value[part]
                properties[name] = value
            else:
                properties[name] = self.arguments.get(name, parameter.default)
        return properties

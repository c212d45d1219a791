"""Components as data: what a step takes, makes and depends on, and where its executor is."""

import dataclasses
import functools
import operator
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from lungnet.config import Config
from lungnet.errors import InputError
from lungnet.pipeline.artifacts import Artifact


class _Required:
    def __repr__(self) -> str:
        return "REQUIRED"


REQUIRED: Any = _Required()

#: `Parameter.config` of a parameter that holds every setting this step and those before it depend on.
UPSTREAM = "*"


@dataclass(frozen=True)
class Parameter:
    """A value that can change what a step makes.

    Attributes:
        config: dotted path in `Config` that supplies it, `UPSTREAM` for all that this step and those before
            it depend on, or empty if the pipeline's author gives the value.
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
    return parameter.config.split(".") if parameter.config not in ("", UPSTREAM) else []


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
        TypeError: a type is no artifact type, a path does not lead to a field of `Config`, or a default
            is not of its parameter's type.
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
            self._check_default(name, parameter)
            section: Any = Config
            for part in _path(parameter):
                if part not in section.model_fields:
                    raise TypeError(f"Parameter {name!r}: Config has no field {parameter.config!r}.")
                section = section.model_fields[part].annotation

    @staticmethod
    def _check_default(name: str, parameter: Parameter) -> None:
        if parameter.default is REQUIRED:
            return
        if parameter.config:
            raise TypeError(f"Parameter {name!r}: its default is that of Config's {parameter.config!r}.")
        if not isinstance(parameter.default, parameter.type):
            raise TypeError(
                f"Parameter {name!r} takes {parameter.type.__name__}. Received: default={parameter.default!r}"
            )


@dataclass(frozen=True)
class Channel:
    """One output of a component, before it exists.

    Attributes:
        component_id, key: which output of which component.
        type: of its artifacts.
        producer: the component or resolver itself, where it is at hand.
    """

    component_id: str
    key: str
    type: type[Artifact]
    producer: Any = dataclasses.field(default=None, compare=False, repr=False)


class Component:
    """Base of all components. A subclass gives `SPEC` and `EXECUTOR`.

    Attributes:
        SPEC: inputs, outputs and parameters. A component whose variants differ in them sets it on the
            instance before `super().__init__`.
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
            if parameter.config:
                continue
            if parameter.default is REQUIRED and name not in self.arguments:
                raise InputError(f"{self.id} needs the parameter {name!r}.")
            value = self.arguments.get(name)
            if name in self.arguments and not isinstance(value, parameter.type):
                raise InputError(
                    f"{self.id} takes {parameter.type.__name__} as {name!r}. Received: {value!r}"
                )

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
        return {key: Channel(self.id, key, kind, self) for key, kind in self.SPEC.outputs.items()}

    def exec_properties(self, config: Config) -> dict[str, Any]:
        """The parameters' values as JSON: from `config`, from the author, or by default."""
        values = config.model_dump(mode="json")
        properties: dict[str, Any] = {}
        for name, parameter in self.SPEC.parameters.items():
            if parameter.config == UPSTREAM:
                properties[name] = _part(values, self.paths())
            elif parameter.config:
                properties[name] = functools.reduce(operator.getitem, _path(parameter), values)
            else:
                properties[name] = self.arguments.get(name, parameter.default)
        return properties

    def external(self) -> dict[str, Path]:
        """The parameters that are files or folders outside the pipeline."""
        return {
            name: Path(self.arguments[name])
            for name, parameter in self.SPEC.parameters.items()
            if parameter.external and name in self.arguments
        }

    def paths(self) -> set[tuple[str, ...]]:
        """Where in the configuration this component and those before it look."""
        paths = {tuple(_path(parameter)) for parameter in self.SPEC.parameters.values()} - {()}
        for channels in self.inputs.values():
            for channel in channels:
                if channel.producer is not None:
                    paths |= channel.producer.paths()
        return paths


def _part(values: Mapping[str, Any], paths: Iterable[tuple[str, ...]]) -> dict[str, Any]:
    """The settings of nested `values` that lie at or below one of `paths`."""
    part: dict[str, Any] = {}
    for name, value in values.items():
        below = [path[1:] for path in paths if path[0] == name]
        if () in below:
            part[name] = value
        elif below:
            part[name] = _part(value, below)
    return part

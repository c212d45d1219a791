"""What the outputs of a step depend on: the cache key, and why it is another one than before."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lungnet.config import Config
from lungnet.hashing import fingerprint
from lungnet.pipeline.artifacts import Artifact
from lungnet.pipeline.component import Component
from lungnet.pipeline.digests import Digests
from lungnet.pipeline.sources import library_versions, source_digests

#: Longer values are not shown in a reason.
_SHOWN = 60


@dataclass(frozen=True)
class Ingredients:
    """Everything that can change what a step makes.

    Attributes:
        version: `ComponentSpec.version`.
        executor: import path.
        sources: module of lungnet -> SHA-256, the import closure of the executor.
        libraries: TensorFlow, Keras and NumPy -> version.
        parameters: name -> JSON value; for paths outside the pipeline the digest of what lies there.
        inputs: key -> digests of the artifacts.
    """

    version: int
    executor: str
    sources: Mapping[str, str]
    libraries: Mapping[str, str]
    parameters: Mapping[str, Any]
    inputs: Mapping[str, Sequence[str]]

    @classmethod
    def of(
        cls,
        component: Component,
        config: Config,
        inputs: Mapping[str, Sequence[Artifact]],
        digests: Digests,
    ) -> "Ingredients":
        """Gathers the ingredients of a component that is about to run.

        Raises:
            InputError: data outside the pipeline are not there or cannot be read.
        """
        parameters = component.exec_properties(config)
        for name, path in component.external().items():
            parameters[name] = digests.of(path)
        return cls(
            version=component.SPEC.version,
            executor=component.EXECUTOR,
            sources=source_digests(component.EXECUTOR.partition(":")[0]),
            libraries=library_versions(),
            parameters=parameters,
            inputs={key: [artifact.digest for artifact in several] for key, several in inputs.items()},
        )

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "Ingredients | None":
        """Reads what `to_json` gave; None where something else was stored."""
        names = {field.name for field in dataclasses.fields(cls)}
        return cls(**values) if set(values) == names else None

    def to_json(self) -> dict[str, Any]:
        """Returns the ingredients as plain data."""
        return dataclasses.asdict(self)

    @property
    def key(self) -> str:
        """The cache key: SHA-256 of the ingredients."""
        return fingerprint(self.to_json())

    def changes_since(self, before: "Ingredients") -> list[str]:
        """Says what is different, in the words of who changed it."""
        changes = []
        if before.version != self.version or before.executor != self.executor:
            changes.append("the component is another version")
        changes += [
            f"parameter {name}: {_shown(old)} -> {_shown(new)}"
            for name, old, new in _leaves(before.parameters, self.parameters)
        ]
        changes += [f"input {key} changed" for key, _, _ in _leaves(before.inputs, self.inputs)]
        changes += [f"source {name} changed" for name, _, _ in _leaves(before.sources, self.sources)]
        changes += [f"{name} {old} -> {new}" for name, old, new in _leaves(before.libraries, self.libraries)]
        return changes


_ABSENT = object()


def _leaves(old: Any, new: Any, name: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Yields (dotted name, old, new) wherever two nested values differ."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in sorted({*old, *new}):
            inner = f"{name}.{key}" if name else str(key)
            yield from _leaves(old.get(key, _ABSENT), new.get(key, _ABSENT), inner)
    elif (list(old) if isinstance(old, tuple) else old) != (list(new) if isinstance(new, tuple) else new):
        yield name, old, new


def _shown(value: Any) -> str:
    text = "none" if value is _ABSENT else str(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."

"""A pipeline is a list of nodes: components, and resolvers that find what earlier runs made."""

import difflib
from collections.abc import Sequence

from lungnet.config import Config
from lungnet.errors import InputError
from lungnet.pipeline.component import Component
from lungnet.pipeline.resolver import LatestBlessedModelResolver

Node = Component | LatestBlessedModelResolver


class Pipeline:
    """Nodes whose inputs are outputs of nodes before them.

    Args:
        nodes: in an order in which they can run.
        config: the run's configuration.

    Attributes:
        nodes: all of them.
        components: those that run.

    Raises:
        InputError: two nodes of one id, or an input that no earlier node makes.
    """

    def __init__(self, nodes: Sequence[Node], config: Config) -> None:
        self.nodes = tuple(nodes)
        self.components = tuple(node for node in self.nodes if isinstance(node, Component))
        self.config = config
        known: set[str] = set()
        for node in self.nodes:
            for channels in node.inputs.values():
                for channel in channels:
                    if channel.component_id not in known:
                        raise InputError(f"{node.id} needs {channel.component_id}, which is not before it.")
            if node.id in known:
                raise InputError(f"Two components are named {node.id!r}.")
            known.add(node.id)

    def component(self, component_id: str) -> Component:
        """Finds a component by its id.

        Raises:
            InputError: there is none; the closest id is named.
        """
        return self.components[self._position(component_id)]

    def select(
        self, only: str | None = None, first: str | None = None, last: str | None = None
    ) -> tuple[Component, ...]:
        """Returns a part of the components: one of them, or those from `first` until `last`.

        Raises:
            InputError: an id that does not exist (the closest one is named), `only` beside another, or
                `last` before `first`.
        """
        if only is not None:
            if first is not None or last is not None:
                raise InputError("One step alone excludes a first and a last one.")
            return (self.component(only),)
        begin = 0 if first is None else self._position(first)
        end = len(self.components) - 1 if last is None else self._position(last)
        if end < begin:
            raise InputError(f"{last} comes before {first}; expected the first step before the last.")
        return self.components[begin : end + 1]

    def _position(self, component_id: str) -> int:
        ids = [component.id for component in self.components]
        if component_id not in ids:
            close = difflib.get_close_matches(component_id, ids, n=1, cutoff=0.4)
            hint = f" (did you mean {close[0]!r}?)" if close else ""
            raise InputError(f"No step {component_id!r}{hint}; expected one of {', '.join(ids)}.")
        return ids.index(component_id)

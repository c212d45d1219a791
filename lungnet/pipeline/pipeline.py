"""A pipeline is a list of components; a runner runs them in order."""

import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lungnet.config import Config
from lungnet.errors import InputError
from lungnet.pipeline import records
from lungnet.pipeline.artifacts import Artifact
from lungnet.pipeline.component import Component
from lungnet.pipeline.executor import ProgressFunction, no_progress
from lungnet.pipeline.launcher import launch


class Pipeline:
    """Components whose inputs are outputs of components before them.

    Args:
        components: in an order in which they can run.
        config: the run's configuration.

    Raises:
        InputError: two components of one id, or an input that no earlier component makes.
    """

    def __init__(self, components: Sequence[Component], config: Config) -> None:
        self.components = tuple(components)
        self.config = config
        known: set[str] = set()
        for component in self.components:
            for channels in component.inputs.values():
                for channel in channels:
                    if channel.component_id not in known:
                        raise InputError(
                            f"{component.id} needs {channel.component_id}, which is not before it."
                        )
            if component.id in known:
                raise InputError(f"Two components are named {component.id!r}.")
            known.add(component.id)

    def component(self, component_id: str) -> Component:
        """Finds a component by its id.

        Raises:
            InputError: there is none; the closest id is named.
        """
        ids = [component.id for component in self.components]
        if component_id not in ids:
            close = difflib.get_close_matches(component_id, ids, n=1, cutoff=0.4)
            hint = f" (did you mean {close[0]!r}?)" if close else ""
            raise InputError(f"No step {component_id!r}{hint}; expected one of {', '.join(ids)}.")
        return self.components[ids.index(component_id)]


@dataclass
class LocalRunner:
    """Runs a pipeline's components in this process, in order.

    Attributes:
        root: folder of everything that the pipeline makes.
        runtime: passed to executors; must not change results.
        on_step: called with a component before it runs; returns the function that its executor reports to.
    """

    root: Path
    runtime: Mapping[str, Any] = field(default_factory=dict)
    on_step: Callable[[Component], ProgressFunction] = lambda component: no_progress

    def run(self, pipeline: Pipeline) -> dict[str, dict[str, Artifact]]:
        """Runs all components and returns their outputs as component id -> key -> artifact."""
        made: dict[str, dict[str, Artifact]] = {}
        for component in pipeline.components:
            inputs = {
                key: [made[channel.component_id][channel.key] for channel in channels]
                for key, channels in component.inputs.items()
            }
            made[component.id] = self._launch(component, inputs, pipeline.config)
        return made

    def run_step(self, pipeline: Pipeline, component_id: str) -> dict[str, Artifact]:
        """Runs one component on the newest complete artifacts of the ones before it.

        Raises:
            InputError: no such component, or an input was never made.
        """
        component = pipeline.component(component_id)
        inputs = {
            key: [records.latest(self.root, channel) for channel in channels]
            for key, channels in component.inputs.items()
        }
        return self._launch(component, inputs, pipeline.config)

    def _launch(
        self, component: Component, inputs: Mapping[str, list[Artifact]], config: Config
    ) -> dict[str, Artifact]:
        return launch(component, inputs, config, self.root, self.on_step(component), self.runtime)

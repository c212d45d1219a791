"""Running components one by one, in a notebook, with their outputs shown."""

import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lungnet.config import Config
from lungnet.pipeline.artifacts import Artifact
from lungnet.pipeline.component import Component
from lungnet.pipeline.executor import ProgressFunction, no_progress
from lungnet.pipeline.interactive_html import artifact_html, result_html
from lungnet.pipeline.pipeline import Node, Pipeline
from lungnet.pipeline.runner import LocalRunner, inputs_of
from lungnet.pipeline.session import Decision, look_at


@dataclass(frozen=True)
class ExecutionResult:
    """What `InteractiveContext.run` did; a notebook shows it as HTML.

    Attributes:
        component_id: of the component.
        inputs: key -> artifacts that it took.
        outputs: key -> artifact.
        exec_properties: its parameters.
        cached: whether the outputs were there already.
        seconds: that it took.
    """

    component_id: str
    inputs: Mapping[str, list[Artifact]]
    outputs: Mapping[str, Artifact]
    exec_properties: Mapping[str, Any]
    cached: bool
    seconds: float

    def __str__(self) -> str:
        how = "cached" if self.cached else f"{self.seconds:.1f} s"
        made = ", ".join(f"{key}: {artifact.uri}" for key, artifact in self.outputs.items())
        return f"{self.component_id} ({how}): {made or 'nothing'}"

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return result_html(
            self.component_id,
            "used again" if self.cached else f"ran for {self.seconds:.1f} s",
            self.inputs,
            self.outputs,
            self.exec_properties,
        )


@dataclass(frozen=True)
class ShownArtifact:
    """An artifact that a notebook shows as HTML: its files, figures and small tables."""

    artifact: Artifact

    def __repr__(self) -> str:
        return f"{self.artifact.TYPE_NAME}: {self.artifact.uri}"

    def _repr_html_(self) -> str:
        return artifact_html(self.artifact)


class InteractiveContext:
    """Runs components one by one on what those before them made.

    The same components make a `Pipeline`, and the same root may be worked on by `lungnet run`.

    Args:
        config: of every component; the paper's by default.
        pipeline_root: folder of everything that is made; a temporary one by default, which is kept.
        metadata: SQLAlchemy URL of the lineage store; a file in the root by default.
        enable_cache: uses outputs again where nothing has changed.
        runtime: passed to executors; must not change results.
        progress: called as a component works.

    Example:
        >>> context = InteractiveContext(load_config("demo"), "runs/notebook")   # doctest: +SKIP
        >>> example_gen = LidcExampleGen(input_base="ct")                        # doctest: +SKIP
        >>> context.run(example_gen)                                             # doctest: +SKIP
        >>> context.run(StatisticsGen(examples=example_gen.outputs["examples"])) # doctest: +SKIP
    """

    def __init__(
        self,
        config: Config | None = None,
        pipeline_root: str | Path | None = None,
        metadata: str | None = None,
        enable_cache: bool = True,
        runtime: Mapping[str, Any] | None = None,
        progress: ProgressFunction = no_progress,
    ) -> None:
        self.config = config or Config()
        self.pipeline_root = Path(pipeline_root or tempfile.mkdtemp(prefix="lungnet-interactive-"))
        self.metadata = metadata
        self.enable_cache = enable_cache
        self.runtime = dict(runtime or {})
        self.progress = progress

    def run(self, component: Component, enable_cache: bool | None = None) -> ExecutionResult:
        """Runs a component on what the components that it is wired to made last in this root.

        Args:
            component: to be run.
            enable_cache: instead of the context's.

        Raises:
            InputError: a component before it has not run, or what the executor says of its input.
        """
        watch = _Watch(self.progress)
        runner = LocalRunner(
            self.pipeline_root,
            runtime=self.runtime,
            on_step=watch,
            metadata=self.metadata,
            force=not (self.enable_cache if enable_cache is None else enable_cache),
        )
        pipeline = Pipeline(_before(component), self.config)
        began = time.monotonic()
        made = runner.run(pipeline, pipeline.select(only=component.id))
        seconds = time.monotonic() - began
        with look_at(self.pipeline_root, self.metadata) as session:
            inputs = inputs_of(session, component, made)
        return ExecutionResult(
            component.id,
            inputs,
            made[component.id],
            component.exec_properties(self.config),
            not watch.decisions[-1].runs,
            seconds,
        )

    def show(self, artifact: Artifact) -> ShownArtifact:
        """Shows an artifact: its files, figures and small tables."""
        return ShownArtifact(artifact)


@dataclass
class _Watch:
    progress: ProgressFunction
    decisions: list[Decision] = field(default_factory=list)

    def __call__(self, decision: Decision) -> ProgressFunction:
        self.decisions.append(decision)
        return self.progress


def _before(node: Node) -> list[Node]:
    """A node behind all those that it is wired to, in an order in which they can run."""
    ordered: list[Node] = []
    for channels in node.inputs.values():
        for channel in channels:
            if channel.producer is not None:
                ordered += [one for one in _before(channel.producer) if one not in ordered]
    return [*ordered, node]

"""Runs pipelines in this process: what must run, in order, and nothing else."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lungnet.pipeline.artifacts import Artifact
from lungnet.pipeline.component import Component
from lungnet.pipeline.executor import ProgressFunction, no_progress
from lungnet.pipeline.joint_run import Chief, leading
from lungnet.pipeline.launcher import launch_in
from lungnet.pipeline.pipeline import Node, Pipeline
from lungnet.pipeline.session import Decision, Session, look_at, work_on

_LOGGER = logging.getLogger(__name__)

#: Component id -> output key -> artifact.
Made = dict[str, dict[str, Artifact]]


@dataclass
class LocalRunner:
    """Runs a pipeline's components in this process, in order.

    A component whose ingredients (parameters, inputs by content, sources, versions) are those of an earlier
    execution, whose outputs are still as they were made, is not run again.

    Attributes:
        root: folder of everything that the pipeline makes.
        runtime: passed to executors; must not change results.
        on_start: called once nobody else can work on the root.
        on_step: called with the decision on a component before it runs or is passed over; returns the
            function that its executor reports to.
        metadata: SQLAlchemy URL of the lineage store; a file in the root by default.
        force: runs what is selected, whatever is there already.
        verify: reads all files again instead of trusting their size and time.
        wait: for another run on this root to end, instead of refusing.
    """

    root: Path
    runtime: Mapping[str, Any] = field(default_factory=dict)
    on_start: Callable[[], None] = lambda: None
    on_step: Callable[[Decision], ProgressFunction] = lambda decision: no_progress
    metadata: str | None = None
    force: bool = False
    verify: bool = False
    wait: bool = False

    def run(self, pipeline: Pipeline, selected: Sequence[Component] | None = None) -> Made:
        """Runs components and returns their outputs, whether made now or before.

        Args:
            pipeline: all of it.
            selected: those to run, from `Pipeline.select`; all by default. What they need of others is what
                these made last.

        Raises:
            InputError: another run works on the root, an input of a selected component was never made, or
                what an executor says of its input.
        """
        with (
            work_on(self.root, self.metadata, self.verify, self.wait) as session,
            leading(session.layout, pipeline.config) as chief,
        ):
            self.on_start()
            made: Made = {}
            for node in _wanted(pipeline, selected):
                inputs = inputs_of(session, node, made)
                if isinstance(node, Component):
                    made[node.id] = self._step(session, node, pipeline, inputs, chief)
                else:
                    made[node.id] = node.resolve(session, *inputs["model"])
            return made

    def plan(self, pipeline: Pipeline, selected: Sequence[Component] | None = None) -> list[Decision]:
        """Says what `run` would do and why, and changes nothing.

        A component behind one that would run has no ingredients yet: it runs unless that one makes the same
        again.

        Raises:
            InputError: as `run`.
        """
        decisions: list[Decision] = []
        with look_at(self.root, self.metadata, self.verify) as session:
            made: Made = {}
            pending: set[str] = set()
            for node in _wanted(pipeline, selected):
                channels = [channel for several in node.inputs.values() for channel in several]
                before = sorted({channel.component_id for channel in channels} & pending)
                if not isinstance(node, Component):
                    if not before:
                        made[node.id] = node.resolve(session, *inputs_of(session, node, made)["model"])
                    continue
                if before:
                    reasons = tuple(f"{one} runs before it" for one in before)
                    decisions.append(Decision(node, None, None, reasons))
                else:
                    inputs = inputs_of(session, node, made)
                    decisions.append(session.decide(node, pipeline.config, inputs, self.force))
                if decisions[-1].reusable is None:
                    pending.add(node.id)
                else:
                    made[node.id] = session.outputs(node, decisions[-1].reusable)
        return decisions

    def _step(
        self,
        session: Session,
        component: Component,
        pipeline: Pipeline,
        inputs: Mapping[str, list[Artifact]],
        chief: Chief | None,
    ) -> dict[str, Artifact]:
        decision = session.decide(component, pipeline.config, inputs, self.force)
        progress = self.on_step(decision)
        if decision.reusable is not None:
            session.store.cached(decision.reusable, session.contexts)
            # It may have been killed between its end and the removal of these.
            session.layout.remove_checkpoints(component.id, decision.reusable.cache_key)
            return session.outputs(component, decision.reusable)
        for reason in decision.reasons:
            _LOGGER.info("%s runs: %s", component.id, reason)
        assert decision.ingredients is not None  # noqa: S101 (a decision on inputs that are there has them)
        return launch_in(
            session, component, inputs, decision.ingredients, pipeline.config, progress, self.runtime, chief
        )


def _wanted(pipeline: Pipeline, selected: Sequence[Component] | None) -> list[Node]:
    """The nodes to go through: selected components, and the resolvers that they listen to."""
    if selected is None:
        return list(pipeline.nodes)
    ids = {component.id for component in selected}
    heard = {
        c.component_id for component in selected for several in component.inputs.values() for c in several
    }
    return [node for node in pipeline.nodes if node.id in (ids if isinstance(node, Component) else heard)]


def inputs_of(session: Session, node: Node, made: Made) -> dict[str, list[Artifact]]:
    """Finds what a node takes: what this run has made, or else what was made last.

    Inputs for which a resolver found nothing are left out.

    Raises:
        InputError: an input was never made.
    """
    inputs: dict[str, list[Artifact]] = {}
    for key, channels in node.inputs.items():
        for channel in channels:
            if channel.component_id not in made:
                inputs.setdefault(key, []).append(session.latest(channel))
            elif channel.key in made[channel.component_id]:
                inputs.setdefault(key, []).append(made[channel.component_id][channel.key])
    return inputs

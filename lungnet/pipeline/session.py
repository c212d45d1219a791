"""What is known of a pipeline root while somebody works on it."""

import contextlib
import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lungnet.config import Config
from lungnet.errors import InputError
from lungnet.pipeline.artifacts import Artifact
from lungnet.pipeline.component import Channel, Component
from lungnet.pipeline.digests import Digests
from lungnet.pipeline.ingredients import Ingredients
from lungnet.pipeline.layout import Layout
from lungnet.pipeline.metadata import MetadataStore
from lungnet.pipeline.metadata_records import (
    CACHED,
    COMPLETE,
    DELETED,
    FAILED,
    FILE_NAME,
    LIVE,
    RUNNING,
    StoredArtifact,
    StoredExecution,
)
from lungnet.pipeline.root_lock import root_lock

_LOGGER = logging.getLogger(__name__)

#: Why a step runs that has never run.
FIRST_RUN = "it has not run yet"


@dataclass(frozen=True)
class Decision:
    """Whether a step runs, and why.

    Attributes:
        component: the step.
        ingredients: of what it would make; None where an input does not exist yet.
        reusable: the execution whose outputs are used again, or None if the step runs.
        reasons: why it runs; empty if it does not.
    """

    component: Component
    ingredients: Ingredients | None
    reusable: StoredExecution | None
    reasons: tuple[str, ...] = ()

    @property
    def runs(self) -> bool:
        """Whether the step runs."""
        return self.reusable is None


@dataclass(frozen=True)
class Session:
    """A pipeline root with its lineage store; made by `work_on` or `look_at`.

    Attributes:
        layout: folders of the root.
        store: lineage.
        digests: of files.
        pipeline: id of the store's context of this root.
        run: id of the context of this run, None if it is only looked at.
    """

    layout: Layout
    store: MetadataStore
    digests: Digests
    pipeline: int
    run: int | None = None

    @property
    def contexts(self) -> list[int]:
        """What executions and artifacts of this run belong to."""
        return [self.pipeline, *([] if self.run is None else [self.run])]

    def decide(
        self,
        component: Component,
        config: Config,
        inputs: Mapping[str, Sequence[Artifact]],
        force: bool = False,
    ) -> Decision:
        """Says whether a component must run on these inputs.

        Args:
            component: the step.
            config: of the run.
            inputs: by key.
            force: runs it whatever is there.

        Raises:
            InputError: data outside the pipeline are not there or cannot be read.
        """
        ingredients = Ingredients.of(component, config, inputs, self.digests)
        if force:
            return Decision(component, ingredients, None, ("asked for",))
        damage: list[str] = []
        for execution in self.store.executions(self.pipeline, component.id, cache_key=ingredients.key):
            found = self._damage(component, execution)
            if not found:
                return Decision(component, ingredients, execution)
            damage += found
        return Decision(component, ingredients, None, tuple(damage or self._reasons(component, ingredients)))

    def outputs(self, component: Component, execution: StoredExecution) -> dict[str, Artifact]:
        """Returns the outputs of an execution as artifacts of the component's types."""
        stored = self.store.outputs(execution.id)
        return {key: self.artifact(kind, stored[key][0]) for key, kind in component.SPEC.outputs.items()}

    def artifact(self, kind: type[Artifact], stored: StoredArtifact) -> Artifact:
        """Returns a stored artifact with its folder."""
        return kind(self.layout.root / stored.uri, dict(stored.properties), stored.id, stored.digest)

    def latest(self, channel: Channel) -> Artifact:
        """Finds the artifact of a channel that was made or used last.

        Raises:
            InputError: the component has not run to its end in this root, or its files are gone.
        """
        found = self.store.executions(self.pipeline, channel.component_id, states=(COMPLETE, CACHED), limit=1)
        stored = self.store.outputs(found[0].id).get(channel.key) if found else None
        if not stored:
            raise InputError(
                f"{channel.component_id} has not run in {self.layout.root}: its output {channel.key!r} is "
                "needed first."
            )
        artifact = self.artifact(channel.type, stored[0])
        if not artifact.uri.is_dir():
            raise InputError(f"{artifact.uri} is gone: run {channel.component_id} again.")
        return artifact

    def _damage(self, component: Component, execution: StoredExecution) -> list[str]:
        """What became of the outputs of an execution since it made them; marks them in the store."""
        damage: list[str] = []
        for key, artifacts in self.store.outputs(execution.id).items():
            for artifact in artifacts:
                folder, found = self.layout.root / artifact.uri, len(damage)
                if not folder.is_dir():
                    damage.append(f"output {key} ({artifact.uri}) is gone")
                elif self.digests.of(folder) != artifact.digest:
                    damage.append(f"output {key} ({artifact.uri}) was altered")
                else:
                    delivered = self.artifact(component.SPEC.outputs[key], artifact).delivered()
                    damage += [f"{path} is gone" for path in delivered if not path.exists()]
                state = LIVE if len(damage) == found else DELETED
                if self.run is not None and state != artifact.state:
                    self.store.mark(artifact.id, state)
        return damage

    def _reasons(self, component: Component, ingredients: Ingredients) -> list[str]:
        states = (COMPLETE, FAILED)
        found = self.store.executions(self.pipeline, component.id, states=states, limit=1)
        if not found:
            return [FIRST_RUN]
        before = Ingredients.from_json(found[0].properties)
        changes = ["what was stored of its last run cannot be compared"]
        if before is not None:
            changes = ingredients.changes_since(before)
        if found[0].last_known_state == FAILED:
            changes = [f"its last run did not end well: {found[0].error}", *changes]
        return changes or ["its outputs are gone"]


@contextlib.contextmanager
def work_on(
    root: Path, metadata: str | None = None, verify: bool = False, wait: bool = False
) -> Iterator[Session]:
    """Gives a session that may run steps, and clears away what a killed run has left.

    Args:
        root: made if need be.
        metadata: SQLAlchemy URL of the lineage store; a file in the root by default.
        verify: reads every file again instead of trusting size and time.
        wait: for another run on this root to end.

    Raises:
        InputError: the root cannot be written, another run works on it, or the store cannot be used.
    """
    layout = Layout(root)
    layout.check_writable()
    with (
        root_lock(layout.system, wait),
        MetadataStore(metadata or root / FILE_NAME) as store,
        Digests(layout.system / "digests.sqlite", verify) as digests,
    ):
        pipeline = store.context("pipeline", layout.pipeline_name())
        for execution in store.executions(pipeline, states=(RUNNING,)):
            _LOGGER.warning("%s was killed in its last run and begins again.", execution.name)
            layout.remove_execution(execution.name, execution.id)
            store.end(execution.id, FAILED, "killed")
        layout.remove_staging()
        run = store.context("pipeline_run", f"{layout.pipeline_name()} {time.time_ns()}")
        yield Session(layout, store, digests, pipeline, run)


@contextlib.contextmanager
def look_at(root: Path, metadata: str | None = None, verify: bool = False) -> Iterator[Session]:
    """Gives a session that changes nothing; a root that does not exist yet is an empty one.

    Raises:
        InputError: the store cannot be used.
    """
    layout = Layout(root)
    url: str | Path = metadata or root / FILE_NAME
    if isinstance(url, Path) and not url.is_file():
        url = "sqlite://"
    named = (layout.system / "pipeline_name").is_file()
    memory = layout.system / "digests.sqlite" if named else None
    with MetadataStore(url) as store, Digests(memory, verify) as digests:
        pipeline = store.context("pipeline", layout.pipeline_name()) if named else -1
        yield Session(layout, store, digests, pipeline)


def latest(root: Path, channel: Channel, metadata: str | None = None) -> Artifact:
    """As `Session.latest`, for those who only want to look."""
    with look_at(root, metadata) as session:
        return session.latest(channel)

"""Nodes that find an artifact of an earlier run instead of making one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lungnet.pipeline.artifacts import Artifact
from lungnet.pipeline.component import Channel
from lungnet.pipeline.metadata_records import SERIES, StoredArtifact

if TYPE_CHECKING:  # a pipeline is wired, and compiled, where no lineage store is installed
    from lungnet.pipeline.metadata import MetadataStore
    from lungnet.pipeline.session import Session


class LatestBlessedModelResolver:
    """Finds the model that was blessed last before a candidate was made.

    Models are comparable only if both learnt from, and were judged on, the same splits: one that has trained
    on what the candidate is judged on would win unfairly. So only models are found that go back to the same
    examples. "Before the candidate" makes the answer one that later runs do not change.

    Args:
        model: the candidate's channel.
        component_id: name in the pipeline.
    """

    def __init__(self, model: Channel, component_id: str = "LatestBlessedModelResolver") -> None:
        self.id = component_id
        self.inputs = {"model": (model,)}

    @property
    def outputs(self) -> dict[str, Channel]:
        """`model`: none or one."""
        (model,) = self.inputs["model"]
        return {"model": Channel(self.id, "model", model.type, self)}

    def paths(self) -> set[tuple[str, ...]]:
        """Where in the configuration it looks: nowhere."""
        return set()

    def resolve(self, session: Session, candidate: Artifact) -> dict[str, Artifact]:
        """Returns the model under its key, or nothing where there is none."""
        store = session.store
        origin = _first_examples(store, candidate.id)
        found: list[StoredArtifact] = []
        for blessing in store.artifacts(session.pipeline, "ModelBlessing"):
            judge = store.producer(blessing.id) if blessing.properties.get("blessed") else None
            if judge is None:
                continue
            model = store.inputs(judge.id)["classifiers"][0]
            before = model.id < candidate.id and model.digest != candidate.digest
            if before and (session.layout.root / model.uri).is_dir():
                found.append(model)
        for model in sorted(found, key=lambda one: one.id, reverse=True):
            if _first_examples(store, model.id) == origin:
                return {"model": session.artifact(type(candidate), model)}
        return {}


def _first_examples(store: MetadataStore, artifact: int) -> set[str]:
    """Digests of the examples from outside the pipeline that an artifact goes back to."""
    found: set[str] = set()
    seen: set[int] = set()
    waiting = [artifact]
    while waiting:
        execution = store.producer(waiting.pop())
        if execution is None or execution.id in seen:
            continue
        seen.add(execution.id)
        inputs = [one for several in store.inputs(execution.id).values() for one in several]
        made_here = [one for one in inputs if one.type != SERIES]
        waiting += [one.id for one in made_here]
        if not made_here:
            outputs = store.outputs(execution.id).values()
            found |= {one.digest for several in outputs for one in several if one.type == "Examples"}
    return found

"""What led to an artifact: the executions behind it and what they took, down to the CT series."""

import difflib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lungnet.errors import InputError
from lungnet.pipeline.metadata_records import SERIES, StoredArtifact, StoredExecution
from lungnet.pipeline.session import Session

#: Types that somebody is most likely to ask about, the likeliest first.
_ASKED_FOR = ("PushedModel", "OnnxModel", "Classifier")


@dataclass(frozen=True)
class Lineage:
    """An artifact and all that it goes back to.

    Attributes:
        target: the artifact.
        artifacts: id -> artifact, the target and all before it except CT series.
        makers: artifact id -> the execution that made it; None for what came from outside.
        inputs: execution id -> key -> artifacts, without CT series.
        series_uids: execution id -> the CT series that it read from outside the pipeline.
    """

    target: StoredArtifact
    artifacts: dict[int, StoredArtifact]
    makers: dict[int, StoredExecution | None]
    inputs: dict[int, dict[str, list[StoredArtifact]]]
    series_uids: dict[int, list[str]]

    def before(self, artifact: int) -> Iterator[tuple[str, StoredArtifact]]:
        """Yields (input key, artifact) of what an artifact was made of."""
        maker = self.makers[artifact]
        for key, several in self.inputs[maker.id].items() if maker else ():
            yield from ((key, one) for one in several)

    def to_json(self) -> dict[str, Any]:
        """Returns everything as plain data."""
        executions = {one.id: one for one in self.makers.values() if one is not None}
        return {
            "target": self.target.id,
            "artifacts": [
                {
                    "id": one.id,
                    "type": one.type,
                    "uri": one.uri,
                    "digest": one.digest,
                    "properties": one.properties,
                    "created": moment(one.create_time),
                    "execution": maker.id if (maker := self.makers[one.id]) else None,
                }
                for one in self.artifacts.values()
            ],
            "executions": [
                {
                    "id": one.id,
                    "component": one.name,
                    "state": one.last_known_state,
                    "ingredients": one.properties,
                    "inputs": {key: [a.id for a in several] for key, several in self.inputs[one.id].items()},
                    "series_uids": self.series_uids[one.id],
                }
                for one in executions.values()
            ],
        }


def trace(session: Session, target: StoredArtifact) -> Lineage:
    """Follows an artifact back to where its story begins."""
    lineage = Lineage(target, {}, {}, {}, {})
    waiting = [target]
    while waiting:
        artifact = waiting.pop()
        if artifact.id in lineage.artifacts:
            continue
        lineage.artifacts[artifact.id] = artifact
        maker = lineage.makers[artifact.id] = session.store.producer(artifact.id)
        if maker is None or maker.id in lineage.inputs:
            continue
        inputs = session.store.inputs(maker.id)
        series = [one for several in inputs.values() for one in several if one.type == SERIES]
        lineage.series_uids[maker.id] = [one.properties["series_uid"] for one in series]
        lineage.inputs[maker.id] = {
            key: several for key, several in inputs.items() if several[0].type != SERIES
        }
        waiting += [one for several in lineage.inputs[maker.id].values() for one in several]
    return lineage


def find_artifact(session: Session, name: str | None) -> StoredArtifact:
    """Finds an artifact of a root.

    Args:
        session: of the root.
        name: its id, its folder (below the root or relative to it), a file in it, or a component, which
            stands for its newest output; by default the newest model that was delivered, else exported, else
            trained.

    Raises:
        InputError: there is none; the closest one is named.
    """
    artifacts = [one for one in session.store.artifacts(session.pipeline, state=None) if one.type != SERIES]
    if not artifacts:
        raise InputError(f"{session.layout.root} has no artifacts yet: nothing has run there to its end.")
    if name is None:
        rank = {kind: place for place, kind in enumerate(_ASKED_FOR)}
        return min(artifacts, key=lambda one: rank.get(one.type, len(rank)))  # the newest are first
    by_uri = {one.uri: one for one in artifacts}
    by_id = {str(one.id): one for one in artifacts}
    if name in by_id:
        return by_id[name]
    for path in (Path(name), session.layout.root / name):
        for folder in (path, *path.parents):
            uri = _relative(folder, session.layout.root)
            if uri in by_uri:
                return by_uri[uri]
    made_by = [one for one in artifacts if one.uri.startswith(f"{name.strip('/')}/")]
    if made_by:
        return made_by[0]
    close = difflib.get_close_matches(name, by_uri, n=1, cutoff=0.3)
    hint = f" (did you mean {close[0]}?)" if close else ""
    raise InputError(
        f"No artifact {name!r} in {session.layout.root}{hint}; expected the id or the folder of one, such as "
        f"{artifacts[0].uri}."
    )


def moment(seconds: float) -> str:
    """Seconds since 1970 as date and time, UTC."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S")


def facts(artifact: StoredArtifact, longest: int = 60) -> str:
    """The properties of an artifact that fit into a line."""
    shown = []
    for name, value in artifact.properties.items():
        text = value if isinstance(value, str) else json.dumps(value)
        if len(text) <= longest:
            shown.append(f"{name}={text}")
    return ", ".join(shown)


def _relative(path: Path, root: Path) -> str:
    try:
        return path.resolve().relative_to(root.resolve()).as_posix()
    except ValueError:
        return ""

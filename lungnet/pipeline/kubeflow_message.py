"""What Kubeflow Pipelines hands to a step, and what it is told in return.

Artifacts lie where their URI says (a path on a volume), or, for `gs://`, `s3://` and `minio://`, where the
launcher of Kubeflow Pipelines has put them and will look for them: below `/gcs`, `/s3` and `/minio`.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from lungnet.errors import InputError
from lungnet.files import write_json
from lungnet.pipeline.artifacts import Artifact
from lungnet.pipeline.import_path import import_path, load_class
from lungnet.pipeline.remote_step import RemoteStep

#: Property of the cluster's artifact that names the type of ours.
TYPE = "lungnet_type"

_MOUNTS = {"gs://": "/gcs/", "s3://": "/s3/", "minio://": "/minio/"}


@dataclass(frozen=True)
class Message:
    """An `ExecutorInput` of Kubeflow Pipelines, read for one step.

    Attributes:
        inputs: key -> artifacts.
        properties: parameter -> value; for data outside the pipeline their path.
        values: every parameter as it came, with those that only tell the cluster's cache what data the steps
            before this one have seen.
        places: output key -> folder that the cluster will look for.
        entries: output key -> what the cluster knows of the artifact.
        answer_file: where the cluster looks for the answer.
    """

    inputs: dict[str, list[Artifact]]
    properties: dict[str, Any]
    values: dict[str, str]
    places: dict[str, Path]
    entries: dict[str, Mapping[str, Any]]
    answer_file: Path

    @classmethod
    def read(cls, step: RemoteStep, executor_input: str) -> Self:
        """Reads the JSON of an `ExecutorInput`.

        Raises:
            InputError: it is not one for this step, storage is of an unknown kind, or data outside the
                pipeline are not where their parameter says.
        """
        try:
            message = json.loads(executor_input)
            given, wanted = message.get("inputs", {}), message["outputs"]
            values = given.get("parameterValues", {})
            properties = {name: json.loads(values[name]) for name in step.parameters}
            return cls(
                inputs={
                    key: [_read(load_class(kind), given["artifacts"][name]) for name, kind in several]
                    for key, several in step.inputs.items()
                },
                properties={**properties, **{name: _seen(name, values[name]) for name in step.external}},
                values=values,
                places={key: local_path(_only(wanted["artifacts"][key])["uri"]) for key in step.outputs},
                entries={key: _only(wanted["artifacts"][key]) for key in step.outputs},
                answer_file=Path(wanted["outputFile"]),
            )
        except (AttributeError, KeyError, IndexError, TypeError, json.JSONDecodeError) as error:
            raise InputError(
                f"{step.component_id}: the input that came from the cluster is not that of this step "
                f"({type(error).__name__}: {error})."
            ) from error

    def answer(self, outputs: Mapping[str, Artifact]) -> None:
        """Tells the cluster the properties of the outputs."""
        written = {}
        for key, artifact in outputs.items():
            metadata = {**artifact.properties, TYPE: import_path(type(artifact))}
            entry = {"name": self.entries[key].get("name", key), "uri": self.entries[key]["uri"]}
            written[key] = {"artifacts": [{**entry, "metadata": metadata}]}
        write_json(self.answer_file, {"artifacts": written})


def local_path(uri: str) -> Path:
    """Returns where the files of an artifact are in the container.

    Raises:
        InputError: storage of this kind is not put into the container by Kubeflow Pipelines.

    Example:
        >>> local_path("minio://mlpipeline/v2/artifacts/examples").as_posix()
        '/minio/mlpipeline/v2/artifacts/examples'
    """
    for scheme, mount in _MOUNTS.items():
        if uri.startswith(scheme):
            return Path(mount + uri.removeprefix(scheme))
    if "://" in uri:
        raise InputError(f"Artifacts at {uri} cannot be reached; expected a path, {', '.join(_MOUNTS)}.")
    return Path(uri)


def _only(several: Mapping[str, Any]) -> Mapping[str, Any]:
    only: Mapping[str, Any] = several["artifacts"][0]
    return only


def _read(kind: type[Artifact], several: Mapping[str, Any]) -> Artifact:
    entry = _only(several)
    properties = {name: _whole(v) for name, v in (entry.get("metadata") or {}).items() if name != TYPE}
    for name, expected in kind.PROPERTIES.items():
        if expected is float and type(properties.get(name)) is int:
            properties[name] = float(properties[name])
    return kind(local_path(entry["uri"]), properties)


def _whole(value: Any) -> Any:
    """Whole numbers as such: the cluster stores every number as a float."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, Mapping):
        return {key: _whole(one) for key, one in value.items()}
    return [_whole(one) for one in value] if isinstance(value, list) else value


def _seen(name: str, path: str) -> str:
    if not Path(path).exists():
        raise InputError(
            f"{name} is {path}, which this container does not see; expected a path on a volume that is "
            "mounted (lungnet compile --volume CLAIM:/PATH)."
        )
    return path

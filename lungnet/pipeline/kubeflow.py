"""Pipelines as files of Kubeflow Pipelines v2 (extra `kubeflow`).

Every component becomes a task that runs `lungnet.pipeline.kubeflow_step` in a container.
"""

import inspect
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import lungnet
from lungnet.errors import InputError
from lungnet.files import atomic_path
from lungnet.hashing import canonical_json, fingerprint
from lungnet.pipeline.artifacts import (
    Artifact,
    Classifier,
    Encoder,
    Examples,
    Features,
    Generator,
    OnnxModel,
    Predictions,
    PushedModel,
)
from lungnet.pipeline.component import Component
from lungnet.pipeline.digests import Digests
from lungnet.pipeline.import_path import load_class
from lungnet.pipeline.pipeline import Pipeline
from lungnet.pipeline.remote_step import RUNTIME, STATE, RemoteStep, made_channels, remote_steps, waits

#: Parameter of the compiled pipeline that says in which state data outside it are.
DATA_VERSION = "data_version"

#: Types of the cluster. It refuses others than its own, so ours are named in a property.
_SYSTEM_TYPES: dict[str, tuple[type[Artifact], ...]] = {
    "system.Dataset": (Examples, Features, Predictions),
    "system.Model": (Generator, Encoder, Classifier, OnnxModel, PushedModel),
}


@dataclass(frozen=True)
class Cluster:
    """Where a compiled pipeline will run.

    Attributes:
        image: container image with the lungnet that compiles, and its extra `train`.
        name: of the pipeline.
        volumes: claim of a persistent volume -> absolute path at which every step sees it.
        state: folder on one of them for checkpoints and event files; None leaves them in the container.
        data_version: names the state of the data outside the pipeline; by default a digest of them, for
            which they must be here and are read.
        runtime: settings that must not change results, for the components that know them.
        secrets: environment variable -> Kubernetes secret that has an entry of its name, for components that
            read data outside the pipeline.
    """

    image: str = f"lungnet:{lungnet.__version__}"
    name: str = "lungnet"
    volumes: Mapping[str, str] = field(default_factory=dict)
    state: str | None = None
    data_version: str | None = None
    runtime: Mapping[str, Any] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)


def compile_kubeflow(pipeline: Pipeline, path: Path, cluster: Cluster | None = None) -> None:
    """Writes `pipeline` as a file that Kubeflow Pipelines v2 and `kfp.local` run.

    Paths of data outside the pipeline become parameters of the file, with the path here as their default.
    Resolvers are left out, for steps on a cluster have no lineage store; so are the optional inputs that they
    would fill. A step that nobody takes anything from, such as a validator, ends before those after it begin.

    The cluster's cache looks at images' names, arguments, parameters and artifacts' names, neither at code
    nor at what is in an artifact. So the arguments of a step have a digest of its sources, parameters and all
    that is before it, and its parameters say what data it goes back to, and in which state they are.

    Args:
        pipeline: to be compiled.
        path: ends in .yaml; replaced if it exists. Equal pipelines give equal bytes.
        cluster: where it will run.

    Raises:
        InputError: the extra `kubeflow` is not installed, the file cannot be written, data outside the
            pipeline are neither here nor given a version, or a component cannot do without what a resolver
            would find.
    """
    if path.suffix not in (".yaml", ".yml"):
        raise InputError(f"{path}: expected a name that ends in .yaml.")
    try:
        from kfp import compiler, components, dsl, kubernetes
    except ModuleNotFoundError as error:
        raise InputError(
            f"Kubeflow Pipelines needs packages that are not installed ({error.name} is missing): "
            "pip install 'lungnet[kubeflow]'"
        ) from error
    cluster = cluster or Cluster()
    data = _Data.of(pipeline, cluster.data_version)
    steps = remote_steps(pipeline)
    waiting = waits(pipeline)

    def wire(*values: Any) -> None:
        channels = dict(zip(data.defaults, values, strict=True))
        tasks: dict[str, Any] = {}
        for component in pipeline.components:
            step = steps[component.id]
            properties = component.exec_properties(pipeline.config)
            arguments: dict[str, Any] = {name: canonical_json(properties[name]) for name in step.parameters}
            arguments |= {name: channels[one] for name, one in data.seen_by(component.id).items()}
            template = _component(step, list(arguments), cluster.image)
            for key, several in made_channels(pipeline, component).items():
                for (name, _), channel in zip(step.inputs[key], several, strict=True):
                    arguments[name] = tasks[channel.component_id].outputs[channel.key]
            task = components.load_component_from_text(canonical_json(template))(**arguments)
            task.after(*(tasks[one] for one in waiting[component.id]))
            for claim, mount in cluster.volumes.items():
                kubernetes.mount_pvc(task, pvc_name=claim, mount_path=mount)
            for name, value in _environment(component, cluster).items():
                task.set_env_variable(name, value)
            for variable, secret in cluster.secrets.items() if step.external else ():
                kubernetes.use_secret_as_env(task, secret_name=secret, secret_key_to_env={variable: variable})
            tasks[component.id] = task

    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    wire.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [
            inspect.Parameter(name, kind, default=value, annotation=str)
            for name, value in data.defaults.items()
        ]
    )
    description = f"lungnet {lungnet.__version__}"
    graph = dsl.pipeline(name=cluster.name, description=description)(wire)
    with atomic_path(path) as temporary:
        compiler.Compiler().compile(graph, str(temporary))


@dataclass(frozen=True)
class _Data:
    """Data outside the pipeline.

    Attributes:
        defaults: parameter of the compiled pipeline -> default.
        own: component id -> {its own parameter -> parameter of the compiled pipeline}.
        before: component id -> parameters of the compiled pipeline that steps before it look at.
    """

    defaults: dict[str, str]
    own: dict[str, dict[str, str]]
    before: dict[str, set[str]]

    @classmethod
    def of(cls, pipeline: Pipeline, version: str | None) -> "_Data":
        paths: dict[str, Path] = {}
        own: dict[str, dict[str, str]] = {}
        before: dict[str, set[str]] = {}
        for component in pipeline.components:
            own[component.id] = {}
            for name, path in component.external().items():
                unique = name if name not in paths else f"{_kubernetes_name(component.id)}_{name}"
                own[component.id][name] = unique.replace("-", "_")
                paths[own[component.id][name]] = path
            takes = made_channels(pipeline, component).values()
            producers = {channel.component_id for several in takes for channel in several}
            before[component.id] = set[str]().union(*(before[p] | set(own[p].values()) for p in producers))
        if not paths:
            return cls({}, own, before)
        if version is None:
            with Digests() as digests:
                found = {name: digests.of(path) for name, path in paths.items()}
            version = fingerprint(found) if len(found) > 1 else next(iter(found.values()))
        defaults = {name: str(path) for name, path in paths.items()}
        return cls({**defaults, DATA_VERSION: version}, own, before)

    def seen_by(self, component_id: str) -> dict[str, str]:
        """Parameter of the task -> parameter of the compiled pipeline."""
        own, before = self.own[component_id], self.before[component_id]
        seen = {**{name: name for name in sorted(before)}, **own}
        return {**seen, DATA_VERSION: DATA_VERSION} if seen else {}


def _component(step: RemoteStep, parameters: list[str], image: str) -> dict[str, Any]:
    """A component of Kubeflow Pipelines in its own file format."""
    name = _kubernetes_name(step.component_id)
    inputs = {name: kind for several in step.inputs.values() for name, kind in several}
    arguments = {
        "--step": step.to_json(),
        "--executor_input": "{{$}}",
        "--protocol": "kfp.dsl.executor_main",  # kfp.local runs nothing that does not name it
    }
    return {
        "components": {
            f"comp-{name}": {
                "executorLabel": f"exec-{name}",
                "inputDefinitions": {
                    "artifacts": {one: _type(kind) for one, kind in inputs.items()},
                    "parameters": {one: {"parameterType": "STRING"} for one in parameters},
                },
                "outputDefinitions": {"artifacts": {key: _type(kind) for key, kind in step.outputs.items()}},
            }
        },
        "deploymentSpec": {
            "executors": {
                f"exec-{name}": {
                    "container": {
                        "image": image,
                        "command": ["python", "-m", "lungnet.pipeline.kubeflow_step"],
                        "args": [part for pair in arguments.items() for part in pair],
                    }
                }
            }
        },
        "pipelineInfo": {"name": name},
        "root": {"dag": {"tasks": {}}},
        "schemaVersion": "2.1.0",
    }


def _type(path: str) -> dict[str, Any]:
    kind = load_class(path)
    title = next((name for name, ours in _SYSTEM_TYPES.items() if issubclass(kind, ours)), "system.Artifact")
    return {"artifactType": {"schemaTitle": title, "schemaVersion": "0.0.1"}}


def _environment(component: Component, cluster: Cluster) -> dict[str, str]:
    """What must not change results, and so is no argument, for arguments count in the cluster's cache."""
    runtime = {name: value for name, value in cluster.runtime.items() if name in component.SPEC.runtime}
    found = {RUNTIME: canonical_json(runtime) if runtime else "", STATE: cluster.state or ""}
    return {name: value for name, value in found.items() if value}


def _kubernetes_name(component_id: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", component_id.lower()).strip("-")

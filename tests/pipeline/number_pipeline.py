"""A pipeline of numbers that the Python with kfp compiles.

It reads a number, has it guarded by a step that fails if START is negative, and adds it to START.
"""

import json
from pathlib import Path

from lungnet.config import Config
from lungnet.pipeline import Artifact, Component, ComponentSpec, Parameter, Pipeline
from lungnet.pipeline.kubeflow import Cluster, compile_kubeflow


class Number(Artifact):
    """`number.txt`"""


class Read(Component):
    SPEC = ComponentSpec(inputs={}, outputs={"number": Number}, parameters={"path": Parameter(external=True)})
    EXECUTOR = "number_steps:ReadExecutor"


class Start(Component):
    SPEC = ComponentSpec(
        inputs={},
        outputs={"number": Number},
        parameters={"start": Parameter(type=int), "seed": Parameter("seed")},
        runtime={"workers": 1},
    )
    EXECUTOR = "number_steps:NumberExecutor"


class Add(Component):
    SPEC = ComponentSpec(
        inputs={"numbers": Number}, outputs={"number": Number}, several=frozenset({"numbers"})
    )
    EXECUTOR = "number_steps:AddExecutor"


def main(out: str, start: str, path: str, cluster: str = "{}") -> None:
    """Compiles it to `out` for a `Cluster` whose fields `cluster` holds as JSON."""
    read = Read(path=path)
    guard = Start(start=int(start), component_id="Guard")
    begin = Start(start=int(start), component_id="Start.one")
    add = Add(numbers=[read.outputs["number"], begin.outputs["number"]])
    last = Add(numbers=[add.outputs["number"]], component_id="Last")
    pipeline = Pipeline([read, guard, begin, add, last], Config(seed=10))
    compile_kubeflow(pipeline, Path(out), Cluster(**json.loads(cluster)))

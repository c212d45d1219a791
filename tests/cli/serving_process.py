"""`lungnet serve` as a process, and a model for it that needs no training."""

import http.client
import json
import os
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import onnx
from onnx import TensorProto, helper


def write_constant(path: Path) -> None:
    """A classifier that answers one half to everything."""
    half, one = (
        helper.make_tensor("value", kind, [1], [value])
        for kind, value in ((TensorProto.FLOAT, 0.5), (TensorProto.INT64, 1))
    )
    nodes = [
        helper.make_node("Shape", ["patches_hu"], ["count"], start=0, end=1),
        helper.make_node("ConstantOfShape", ["count"], ["probability"], value=half),
        helper.make_node("ConstantOfShape", ["count"], ["cluster"], value=one),
    ]
    graph = helper.make_graph(
        nodes,
        "constant",
        [helper.make_tensor_value_info("patches_hu", TensorProto.INT16, ["batch", 40, 40])],
        [
            helper.make_tensor_value_info("probability", TensorProto.FLOAT, ["batch"]),
            helper.make_tensor_value_info("cluster", TensorProto.INT64, ["batch"]),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    facts = {
        "lungnet_version": "0.1.0",
        "task": "malignancy",
        "window_hu": "[-1000, 400]",
        "threshold": "0.5",
    }
    for key, value in facts.items():
        model.metadata_props.add(key=key, value=value)
    path.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(model, path)


def ask(url: str, path: str, body: bytes | None = None, ca: Path | None = None, **headers: str) -> Any:
    """Returns the JSON that comes back."""
    host = url.split("//")[1]
    connection = http.client.HTTPConnection(host, timeout=30)
    if ca is not None:
        context = ssl.create_default_context(cafile=str(ca))
        connection = http.client.HTTPSConnection(host, timeout=30, context=context)
    try:
        connection.request("GET" if body is None else "POST", path, body, headers)
        return json.load(connection.getresponse())
    finally:
        connection.close()


@contextmanager
def serving(*options: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    command = [sys.executable, "-m", "lungnet", "serve", "--port", "0", "--provider", "CPUExecutionProvider"]
    process = subprocess.Popen(
        [*command, *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=dict(os.environ)
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("Serving http"), process.communicate()[1]
        yield line.split()[1], process
    finally:
        process.kill()
        process.communicate()

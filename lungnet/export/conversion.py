"""A SavedModel's signature as an ONNX graph, with the names and the batch axis of the contract."""

import contextlib
import copy
import logging
import re
import warnings
from collections.abc import Iterator
from typing import Any

import onnx
import tensorflow as tf
import tf2onnx

from lungnet.export.parity import INPUT, OUTPUTS

BATCH_AXIS = "batch"
#: Nested calls of a SavedModel leave this in every name.
_CALL_PREFIX = re.compile(r"(Stateful)?PartitionedCall/")
_DOCUMENTATION = {
    "patches_hu": "Axial patches in Hounsfield units at the native pixel spacing of the CT.",
    "probability": "Calibrated probability of the positive class.",
    "cluster": "Cluster of the clustering augmented learning method; -1 where the model has none.",
}


def convert_saved_model(signature: Any, opset: int = 17) -> onnx.ModelProto:
    """Converts a classifier's `serving_default`.

    Args:
        signature: the concrete function, `patches_hu` int16 `(None, 40, 40)` -> `probability`, `cluster`.
        opset: of the graph.

    Returns:
        A checked model with shapes inferred, without metadata. Its first axis is named `batch`; outputs
        come as `probability`, `cluster`.
    """
    patches = tf.TensorSpec((None, *INPUT[2][1:]), tf.int16, name=INPUT[0])

    @tf.function(input_signature=[patches])
    def classify(patches_hu: tf.Tensor) -> dict[str, tf.Tensor]:
        found = signature(patches_hu=patches_hu)
        return {name: found[name] for name, *_ in OUTPUTS}

    with _quiet("tf2onnx"):
        model, _ = tf2onnx.convert.from_function(classify, [patches], opset=opset)
    _drop_captured_inputs(model.graph)
    _order_outputs(model.graph)
    _name_batch_axis(model.graph)
    _shorten_names(model.graph)
    _drop_unused_domains(model)
    model.graph.name = "lungnet"
    for value in (*model.graph.input, *model.graph.output):
        value.doc_string = _DOCUMENTATION.get(value.name, "")
    model = onnx.shape_inference.infer_shapes(model, check_type=True, strict_mode=True)
    onnx.checker.check_model(model, full_check=True)
    return model


@contextlib.contextmanager
def _quiet(name: str) -> Iterator[None]:
    """Holds back the notices of a library that speaks at every conversion."""
    logger = logging.getLogger(name)
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            yield
    finally:
        logger.setLevel(level)


def _drop_captured_inputs(graph: onnx.GraphProto) -> None:
    """tf2onnx folds captured constants into the graph, and still lists them as inputs of it."""
    used = {name for node in graph.node for name in node.input}
    _replace(graph.input, [value for value in graph.input if value.name in used or value.name == INPUT[0]])


def _order_outputs(graph: onnx.GraphProto) -> None:
    by_name = {value.name: value for value in graph.output}
    _replace(graph.output, [by_name[name] for name, *_ in OUTPUTS])


def _name_batch_axis(graph: onnx.GraphProto) -> None:
    """tf2onnx calls it `unk__1`, `unk__2`, ... on each value."""
    for value in (*graph.input, *graph.output):
        value.type.tensor_type.shape.dim[0].dim_param = BATCH_AXIS
    del graph.value_info[:]  # inferred anew from the named axis


def _shorten_names(graph: onnx.GraphProto) -> None:
    """Removes the marks of nested calls from names, unless two names would become one."""
    names = {name for node in graph.node for name in (*node.input, *node.output)}
    short = {name: _CALL_PREFIX.sub("", name) for name in names}
    if len(set(short.values())) != len(short):
        return
    for node in graph.node:
        node.name = _CALL_PREFIX.sub("", node.name)
        _replace(node.input, [short[name] for name in node.input])
        _replace(node.output, [short[name] for name in node.output])
    for tensor in graph.initializer:
        tensor.name = short.get(tensor.name, tensor.name)


def _drop_unused_domains(model: onnx.ModelProto) -> None:
    used = {node.domain for node in model.graph.node}
    _replace(model.opset_import, [entry for entry in model.opset_import if entry.domain in used])


def _replace(field: Any, values: list[Any]) -> None:
    """Gives a repeated protobuf field new content, which may come from the field itself."""
    values = copy.deepcopy(values)
    del field[:]
    field.extend(values)

"""ONNX graphs node by node, with constants as initializers and names that say what a value is."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import helper, numpy_helper


class GraphBuilder:
    """Collects nodes and constants of one graph.

    Example:
        >>> graph = GraphBuilder()
        >>> _ = graph.add("Mul", ["x", graph.constant("two", np.float32(2))], "y")
    """

    def __init__(self) -> None:
        self._nodes: list[onnx.NodeProto] = []
        self._constants: dict[str, onnx.TensorProto] = {}

    def constant(self, name: str, value: npt.ArrayLike) -> str:
        """Adds a constant, once for each name, and returns its name."""
        if name not in self._constants:
            array = np.ascontiguousarray(value).reshape(np.shape(value))  # which keeps scalars scalars
            self._constants[name] = numpy_helper.from_array(array, name)
        return name

    def add(self, operator: str, inputs: Sequence[str], output: str, **attributes: Any) -> str:
        """Adds a node with one output and returns the output's name, which is also the node's."""
        self._nodes.append(helper.make_node(operator, inputs, [output], name=output, **attributes))
        return output

    def cast(self, value: str, dtype: npt.DTypeLike, output: str) -> str:
        """Adds a cast to a NumPy dtype."""
        return self.add("Cast", [value], output, to=helper.np_dtype_to_tensor_dtype(np.dtype(dtype)))

    def model(
        self,
        name: str,
        inputs: Mapping[str, tuple[npt.DTypeLike, Sequence[str | int]]],
        outputs: Mapping[str, tuple[npt.DTypeLike, Sequence[str | int]]],
        documentation: Mapping[str, str],
        opset: int,
    ) -> onnx.ModelProto:
        """Returns the model, checked, with strictly inferred shapes and the oldest IR that its opset allows.

        Args:
            name: of the graph.
            inputs, outputs: by name, dtype and shape (texts are named axes), in the order they are to have.
            documentation: of inputs and outputs, by name.
            opset: of ONNX's own domain.
        """

        def values(described: Mapping[str, tuple[npt.DTypeLike, Sequence[str | int]]]) -> list[Any]:
            return [
                helper.make_tensor_value_info(
                    key,
                    helper.np_dtype_to_tensor_dtype(np.dtype(dtype)),
                    list(shape),
                    documentation.get(key, ""),
                )
                for key, (dtype, shape) in described.items()
            ]

        graph = helper.make_graph(
            self._nodes, name, values(inputs), values(outputs), list(self._constants.values())
        )
        opsets = [helper.make_opsetid("", opset)]
        model = helper.make_model(
            graph, opset_imports=opsets, ir_version=helper.find_min_ir_version_for(opsets)
        )
        model = onnx.shape_inference.infer_shapes(model, check_type=True, strict_mode=True)
        onnx.checker.check_model(model, full_check=True)
        return model

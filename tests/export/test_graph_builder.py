import numpy as np
import onnx
import pytest

from lungnet.export.graph_builder import GraphBuilder
from lungnet.export.runtime import open_model


def model(graph: GraphBuilder, opset: int = 17) -> onnx.ModelProto:
    return graph.model(
        "by_hand",
        {"x": (np.float32, ("batch", 3))},
        {"y": (np.int64, ("batch", 3))},
        {"x": "what goes in", "y": "what comes out"},
        opset,
    )


def test_a_graph_computes():
    graph = GraphBuilder()
    doubled = graph.add("Mul", ["x", graph.constant("two", np.float32(2))], "doubled")
    again = graph.add("Add", [doubled, graph.constant("two", np.float32(2))], "again")
    graph.cast(again, np.int64, "y")
    built = model(graph)
    (y,) = open_model(built.SerializeToString()).run(None, {"x": np.array([[1, 2, 3]], np.float32)})
    assert y.tolist() == [[4, 6, 8]]
    (two,) = built.graph.initializer  # once, and a scalar
    assert list(two.dims) == []
    assert [node.name for node in built.graph.node] == ["doubled", "again", "y"]
    assert built.graph.input[0].doc_string == "what goes in"
    assert built.graph.output[0].type.tensor_type.shape.dim[0].dim_param == "batch"
    assert (built.ir_version, built.opset_import[0].version) == (8, 17)


def test_a_graph_that_does_not_fit_together_is_refused():
    graph = GraphBuilder()
    graph.add("Mul", ["x", graph.constant("two", np.ones((2, 2), np.float32))], "doubled")
    graph.cast("doubled", np.int64, "y")
    with pytest.raises(Exception, match=r"(?i)incompatible|inference"):
        model(graph)

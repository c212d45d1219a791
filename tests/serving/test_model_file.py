import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from lungnet.errors import InputError
from lungnet.serving.model_file import read_model_file


def external_tensor(name: str = "weights") -> onnx.TensorProto:
    tensor = TensorProto(name=name, data_type=TensorProto.FLOAT, dims=[2])
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="/etc/passwd")
    return tensor


def model_of(nodes=(), initializers=()) -> onnx.ModelProto:
    return helper.make_model(helper.make_graph(list(nodes), "g", [], [], list(initializers)))


def test_returns_the_bytes(classifier_file):
    assert read_model_file(classifier_file) == classifier_file.read_bytes()


def test_reads_long_numbers(tmp_path):
    # Dimensions and values of more than 7 bits, packed and unpacked, doubles and floats.
    tensors = [
        numpy_helper.from_array(np.arange(300, dtype=dtype), f"t{dtype}")
        for dtype in ("int64", "float64", "float32")
    ]
    tensors.append(helper.make_tensor("list", TensorProto.FLOAT, [300], np.arange(300.0)))
    node = helper.make_node("Op", [], [], ratio=0.5, shape=[-1, 2**40], text="x" * 200)
    path = tmp_path / "m.onnx"
    path.write_bytes(model_of([node], tensors).SerializeToString())
    assert read_model_file(path) == path.read_bytes()


@pytest.mark.parametrize(
    "model",
    [
        model_of(initializers=[external_tensor()]),
        model_of([helper.make_node("Constant", [], ["c"], value=external_tensor())]),
        model_of(
            [helper.make_node("If", ["c"], [], then_branch=model_of(initializers=[external_tensor()]).graph)]
        ),
        helper.make_model(
            helper.make_graph([], "g", [], []),
            functions=[
                helper.make_function(
                    "d",
                    "f",
                    [],
                    [],
                    [helper.make_node("Constant", [], ["c"], value=external_tensor())],
                    [helper.make_opsetid("", 17)],
                )
            ],
        ),
    ],
    ids=["initializer", "constant", "subgraph", "function"],
)
def test_tensors_in_other_files_are_refused_wherever_they_hide(tmp_path, model):
    path = tmp_path / "m.onnx"
    path.write_bytes(model.SerializeToString())
    with pytest.raises(InputError, match=r"m\.onnx keeps tensors in other files"):
        read_model_file(path)


@pytest.mark.parametrize(
    "content",
    [
        b"seriesuid,coordX,coordY,coordZ\n",
        b"\x00" * 100,
        b"\x89PNG\r\n\x1a\n",
        b"\x3a\xff\x01",  # a graph longer than the file
        b"\x3a\x80",  # a length that does not end
        b"\x08\x08",  # an IR version and nothing else
    ],
)
def test_other_content_is_no_onnx_model(tmp_path, content):
    path = tmp_path / "m.onnx"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"m\.onnx is not an ONNX model: expected a protobuf ModelProto"):
        read_model_file(path)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.99])
def test_truncated_model_is_refused(classifier_file, tmp_path, share):
    content = classifier_file.read_bytes()
    path = tmp_path / "m.onnx"
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(InputError, match="is not an ONNX model"):
        read_model_file(path)


def test_nesting_without_end_is_refused(tmp_path):
    content = b""
    for _ in range(50):
        for field in (6, 5, 1):  # from within: an attribute's graph, a node's attribute, a graph's node
            content = bytes([field << 3 | 2]) + _length(content) + content
    path = tmp_path / "m.onnx"
    path.write_bytes(b"\x3a" + _length(content) + content)
    with pytest.raises(InputError, match="nest more than 100 deep"):
        read_model_file(path)


def _length(content: bytes) -> bytes:
    value, encoded = len(content), b""
    while value > 0x7F:
        encoded += bytes([value & 0x7F | 0x80])
        value >>= 7
    return encoded + bytes([value])


def test_empty_file_missing_file_and_folder(tmp_path):
    (tmp_path / "empty.onnx").touch()
    with pytest.raises(InputError, match="Received: 0 bytes"):
        read_model_file(tmp_path / "empty.onnx")
    with pytest.raises(InputError, match=r"Cannot read the model .*none\.onnx: No such file"):
        read_model_file(tmp_path / "none.onnx")
    with pytest.raises(InputError, match="is not a file; expected an ONNX model"):
        read_model_file(tmp_path)

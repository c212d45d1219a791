import numpy as np
import onnxruntime
import pytest
from google.protobuf import text_format
from onnx import TensorProto
from tritonclient.grpc import model_config_pb2 as protocol

from lungnet.errors import InputError
from lungnet.serving import Batching, write_model_repository
from lungnet.serving.triton import CLASSIFIER, SCANNER, model_config
from tests.serving.conftest import PROPERTIES, build_model, build_scanner


@pytest.fixture
def export(tmp_path):
    folder = tmp_path / "export"
    folder.mkdir()
    (folder / "classifier.onnx").write_bytes(build_model().SerializeToString())
    (folder / "scanner.onnx").write_bytes(build_scanner().SerializeToString())
    return folder


def parsed(path):
    return text_format.Parse(path.read_text("utf-8"), protocol.ModelConfig())


def test_the_configuration_is_the_protocols_and_the_models(export, tmp_path):
    repository = tmp_path / "repository"
    written = write_model_repository(export, repository, Batching(patches=64, slices=2, delay_us=500))
    assert written == {CLASSIFIER: 1, SCANNER: 1}
    for name, size in ((CLASSIFIER, 64), (SCANNER, 2)):
        config = parsed(repository / name / "config.pbtxt")
        assert config.name == name
        assert config.platform == "onnxruntime_onnx"
        assert config.max_batch_size == size
        assert config.dynamic_batching.max_queue_delay_microseconds == 500
        session = onnxruntime.InferenceSession(repository / name / "1" / "model.onnx")
        types = {
            protocol.TYPE_INT16: "tensor(int16)",
            protocol.TYPE_FP32: "tensor(float)",
            protocol.TYPE_INT64: "tensor(int64)",
        }
        for told, real in (
            (config.input, session.get_inputs()),
            (config.output, session.get_outputs()),
        ):
            assert [(one.name, types[one.data_type]) for one in told] == [
                (one.name, one.type) for one in real
            ]
            for one, value in zip(told, real, strict=True):
                # What the client sends or gets, batch included, is what the graph takes or gives.
                shape = one.reshape.shape if one.HasField("reshape") else one.dims
                sizes = [size if isinstance(size, int) else -1 for size in value.shape]
                assert [-1, *shape] == [-1, *sizes[1:]]
    classifier = parsed(repository / CLASSIFIER / "config.pbtxt")
    assert list(classifier.input[0].dims) == [40, 40]
    assert [list(one.dims) for one in classifier.output] == [[1], [1]]
    assert classifier.parameters["threshold"].string_value == PROPERTIES["threshold"]


def test_a_version_for_each_model_and_none_for_the_same(export, tmp_path):
    repository = tmp_path / "repository"
    write_model_repository(export, repository)
    assert write_model_repository(export, repository) == {CLASSIFIER: 1, SCANNER: 1}
    other = build_model({**PROPERTIES, "threshold": "0.25"}).SerializeToString()
    (export / "classifier.onnx").write_bytes(other)
    assert write_model_repository(export, repository) == {CLASSIFIER: 2, SCANNER: 1}
    assert (repository / CLASSIFIER / "2" / "model.onnx").read_bytes() == other
    assert parsed(repository / CLASSIFIER / "config.pbtxt").parameters["threshold"].string_value == "0.25"
    assert sorted(path.name for path in (repository / CLASSIFIER).iterdir()) == ["1", "2", "config.pbtxt"]


def test_what_is_no_version_of_ours_is_stepped_over(export, tmp_path):
    """An empty folder keeps its number; Triton passes by names that begin with a zero."""
    repository = tmp_path / "repository"
    (repository / CLASSIFIER / "1").mkdir(parents=True)
    for name in ("007", "0", "v9", "٣"):
        (repository / SCANNER / name).mkdir(parents=True)
    (repository / SCANNER / "0" / "model.onnx").write_bytes((export / "scanner.onnx").read_bytes())
    for _ in range(2):
        assert write_model_repository(export, repository) == {CLASSIFIER: 2, SCANNER: 1}
    assert (repository / SCANNER / "1" / "model.onnx").is_file()


def test_a_classifier_alone(export, tmp_path):
    (export / "scanner.onnx").unlink()
    assert write_model_repository(export, tmp_path / "repository") == {CLASSIFIER: 1}


def test_text_survives_quoting(tmp_path):
    told = 'a "quoted" \\ line\nand µ'
    path = tmp_path / "classifier.onnx"
    path.write_bytes(build_model({**PROPERTIES, "task": told}).SerializeToString())
    config = text_format.Parse(model_config(path, "m", 8, 0), protocol.ModelConfig())
    assert config.parameters["task"].string_value == told


def test_what_clients_would_refuse_is_not_delivered(export, tmp_path):
    (export / "classifier.onnx").write_bytes(build_model(input_type=TensorProto.FLOAT).SerializeToString())
    with pytest.raises(InputError, match="int16"):
        write_model_repository(export, tmp_path / "repository")
    assert not (tmp_path / "repository").exists()


def test_no_classifier(tmp_path):
    with pytest.raises(InputError, match="Cannot read the model"):
        write_model_repository(tmp_path, tmp_path / "repository")


def test_a_repository_that_cannot_be_written(export, tmp_path):
    (tmp_path / "repository").write_text("a file")
    with pytest.raises(InputError, match="Cannot write the model repository"):
        write_model_repository(export, tmp_path / "repository")


@pytest.mark.parametrize("sizes", [{"patches": 0}, {"slices": 0}, {"delay_us": -1}])
def test_batching_is_checked(sizes):
    with pytest.raises(ValueError, match="Received"):
        Batching(**sizes)


def test_what_is_served_computes_what_the_classifier_says(export, tmp_path):
    write_model_repository(export, tmp_path / "repository")
    session = onnxruntime.InferenceSession(tmp_path / "repository" / CLASSIFIER / "1" / "model.onnx")
    patches = np.full((2, 40, 40), -500, np.int16)
    probability, _ = session.run(None, {"patches_hu": patches})
    np.testing.assert_allclose(probability, 1 / (1 + np.exp(0.5)), rtol=1e-6)

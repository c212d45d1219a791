"""The newest whole version is served; a newer one takes its place while requests go on."""

import json
import re
import threading
from pathlib import Path
from typing import Any

import onnx
import onnxruntime
import pytest

from lungnet.errors import InputError
from lungnet.hashing import file_sha256
from lungnet.serving.server import ModelStore
from lungnet.serving.shipped_model import SHIPPED_MODEL
from tests.serving.conftest import PROPERTIES, SCANNER_PROPERTIES, build_model, build_scanner, never_runs

MADE = {**SCANNER_PROPERTIES, "fingerprint": "beef"}


def opened(folder: Path, **options: Any) -> ModelStore:
    return ModelStore(folder, providers=["CPUExecutionProvider"], **options)


@pytest.fixture
def model(classifier_file: Path) -> onnx.ModelProto:
    return onnx.load(classifier_file)


@pytest.mark.skipif(
    "CUDAExecutionProvider" in onnxruntime.get_available_providers(), reason="this ONNX Runtime has CUDA"
)
def test_a_required_gpu_is_missed_at_the_start(tmp_path: Path, add, model):
    add(tmp_path, 1, model)
    with pytest.raises(InputError, match="A GPU is required"):
        ModelStore(tmp_path, require_gpu=True)


def test_the_newest_whole_version(tmp_path: Path, add, model):
    for number in (9, 10, 2):
        add(tmp_path, number, model)
    (tmp_path / "11").mkdir()  # the Pusher is at work
    (tmp_path / "12.part").mkdir()
    store = opened(tmp_path)
    assert store.current.version == "10"
    assert not store.refresh()
    (tmp_path / "11" / "classifier.onnx").write_bytes(model.SerializeToString())
    assert store.refresh() and store.current.version == "11"


def test_a_broken_version_is_tried_once_and_the_one_before_kept(tmp_path: Path, add, model, caplog):
    reloads: list[bool] = []
    add(tmp_path, 1, model)
    store = opened(tmp_path, on_reload=reloads.append)
    (tmp_path / "2").mkdir()
    (tmp_path / "2" / "classifier.onnx").write_text("no model")
    assert not store.refresh() and not store.refresh()
    assert (store.current.version, reloads) == ("1", [False])
    assert "Version 2 is not served" in caplog.text and "is not an ONNX model" in caplog.text
    add(tmp_path, 3, model)
    assert store.refresh() and store.current.version == "3"
    # What is broken is stepped over at the start, too.
    (tmp_path / "4").mkdir()
    (tmp_path / "4" / "classifier.onnx").write_text("no model")
    assert opened(tmp_path).current.version == "3"


@pytest.mark.parametrize(
    ("build", "sentence"),
    [
        (lambda: build_model({**PROPERTIES, "contract_version": "2"}), "contract_version 1. Received: 2"),
        (
            lambda: build_model({**PROPERTIES, "task": "stroke"}),
            "expected nodule or malignancy. Received: 'stroke'",
        ),
        (lambda: build_model(size=41), "patches_hu"),
        (lambda: build_model(input_type=onnx.TensorProto.FLOAT), "patches_hu"),
        (lambda: build_model(outputs=("probability",)), "cluster"),
        (lambda: external(build_model()), "keeps tensors in other files"),
        (lambda: never_runs(build_model()), "ONNX Runtime cannot run .*classifier.onnx: .*out of"),
    ],
    ids=["version", "task", "shape", "type", "outputs", "external", "never runs"],
)
def test_models_that_are_not_ours(tmp_path: Path, add, model, caplog, build, sentence: str):
    reloads: list[bool] = []
    add(tmp_path, 1, model)
    store = opened(tmp_path, on_reload=reloads.append)
    add(tmp_path, 2, build())
    assert not store.refresh() and store.current.version == "1"
    assert reloads == [False]
    assert re.search(f"Version 2 is not served: .*{sentence}", caplog.text)
    (tmp_path / "1" / "classifier.onnx").unlink()
    with pytest.raises(InputError, match=sentence):
        opened(tmp_path)


def external(model: onnx.ModelProto) -> onnx.ModelProto:
    """A model that would have ONNX Runtime read another file."""
    tensor = model.graph.initializer[0]
    tensor.ClearField("float_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="../../etc/passwd")
    return model


def test_a_file_that_is_not_the_one_described(tmp_path: Path, add, model):
    add(tmp_path, 1, model)
    folder = tmp_path / "1"
    facts = {"sha256": file_sha256(folder / "classifier.onnx")}
    (folder / "model.json").write_text(json.dumps(facts))
    assert opened(tmp_path).current.version == "1"
    (folder / "model.json").write_text(json.dumps({"sha256": "0" * 64}))
    with pytest.raises(InputError, match=r"classifier\.onnx is not the file that model\.json beside it"):
        opened(tmp_path)
    (folder / "model.json").write_text("{")
    with pytest.raises(InputError, match=r"model\.json is damaged"):
        opened(tmp_path)


def test_a_single_model_is_never_exchanged(classifier_file: Path, tmp_path: Path, add, model):
    (tmp_path / "classifier.onnx").write_bytes(classifier_file.read_bytes())
    add(tmp_path, 5, model)
    store = opened(tmp_path)
    assert store.current.version == "1" and not store.refresh()


def test_no_model_at_all(tmp_path: Path):
    for folder in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(InputError, match=r"holds no model; expected classifier\.onnx, or folders named"):
            opened(folder)


def test_reloading_goes_on_after_a_model_that_does_not_run(tmp_path: Path, start, add, model, wait):
    add(tmp_path, 1, model)
    with start(tmp_path) as server:
        add(tmp_path, 2, never_runs(build_model()))
        wait(lambda: b'reloads_total{result="broken"} 1.0' in server.ask("GET", "/metrics").body)
        add(tmp_path, 3, model)
        wait(lambda: server.ask("GET", "/v2/models/classifier/versions/3").status == 200)


@pytest.fixture
def add_both(add):
    """`add_both(folder, number, classifier, scanner)`: the scanner as bytes, the classifier last."""

    def put(folder: Path, number: int, classifier: onnx.ModelProto, scanner: bytes) -> None:
        (folder / str(number)).mkdir()
        (folder / str(number) / "scanner.onnx").write_bytes(scanner)
        onnx.save(classifier, folder / str(number) / "classifier.onnx")

    return put


def scanner_of(**properties: str) -> bytes:
    content: bytes = build_scanner({**SCANNER_PROPERTIES, **properties}).SerializeToString()
    return content


@pytest.mark.parametrize(
    ("scanner", "sentence"),
    [
        (lambda: scanner_of()[:-1000], "scanner.onnx"),
        (lambda: scanner_of()[:100], "scanner.onnx is not an ONNX model"),
        (lambda: build_model().SerializeToString(), "classifies patches and cannot scan slices"),
        (lambda: scanner_of(fingerprint="f00d"), "expected the fingerprint beef. Received: f00d"),
        (lambda: scanner_of(fingerprint="f00d", task="malignancy"), "Received: f00d"),
        (
            lambda: never_runs(build_scanner(MADE)).SerializeToString(),
            "ONNX Runtime cannot run .*scanner.onnx",
        ),
    ],
    ids=["damaged", "cut off", "classifier", "of another model", "of another task's model", "never runs"],
)
def test_a_scanner_that_cannot_be_used_breaks_its_version(
    tmp_path: Path, add_both, caplog, scanner, sentence: str
):
    reloads: list[bool] = []
    made = build_model({**PROPERTIES, "fingerprint": "beef"})
    add_both(tmp_path, 1, made, scanner_of(fingerprint="beef"))
    store = opened(tmp_path, on_reload=reloads.append)
    assert store.current.scanner is not None
    add_both(tmp_path, 2, made, scanner())
    assert not store.refresh() and store.current.version == "1" and store.current.scanner is not None
    assert reloads == [False]
    assert re.search(f"Version 2 is not served: .*{sentence}", caplog.text)
    with pytest.raises(InputError, match=sentence):
        opened(tmp_path / "2")
    assert opened(tmp_path).current.version == "1"


def test_a_version_that_the_pusher_is_at_is_not_called_broken(tmp_path: Path, add, model, caplog):
    reloads: list[bool] = []
    add(tmp_path, 1, model)
    store = opened(tmp_path, on_reload=reloads.append)
    (tmp_path / "2").mkdir()
    (tmp_path / "2" / "scanner.onnx").write_bytes(scanner_of()[:1000])
    assert not store.refresh() and not reloads and not caplog.text
    (tmp_path / "2" / "scanner.onnx").write_bytes(scanner_of())
    onnx.save(model, tmp_path / "2" / "classifier.onnx")
    assert store.refresh() and store.current.scanner is not None


def test_a_scanner_of_a_finer_stride_is_served(tmp_path: Path, add_both, model):
    scanner = build_scanner({**SCANNER_PROPERTIES, "stride": "4"}, stride=4).SerializeToString()
    add_both(tmp_path, 1, model, scanner)
    served = opened(tmp_path).current.scanner
    assert served is not None and served.scanner.config.stride_px == 4


def test_reloading_drops_no_request(tmp_path: Path, start, add, model, wait):
    one = {"inputs": [{"name": "patches_hu", "datatype": "INT16", "shape": [1, 40, 40], "data": [0] * 1600}]}
    add(tmp_path, 1, model)
    with start(tmp_path) as server:
        replies, done = [], threading.Event()

        def keep_asking() -> None:
            while not done.is_set():
                replies.append(server.infer(one))

        threads = [threading.Thread(target=keep_asking) for _ in range(3)]
        for thread in threads:
            thread.start()
        wait(lambda: bool(replies))
        for number in (2, 3, 4):
            add(tmp_path, number, model)
            wait(lambda number=number: replies and replies[-1].json()["model_version"] == str(number))
        done.set()
        for thread in threads:
            thread.join(30)
        assert {reply.status for reply in replies} == {200}
        assert {reply.json()["model_version"] for reply in replies} == {"1", "2", "3", "4"}
        assert (
            'lungnet_model_reloads_total{result="served"} 3.0' in server.ask("GET", "/metrics").body.decode()
        )


def test_the_model_that_comes_with_lungnet_is_served_with_its_scanner():
    served = opened(SHIPPED_MODEL).current
    assert served.version == "1"
    assert served.scanner is not None
    assert served.scanner.scanner.metadata["fingerprint"] == served.classifier.metadata["fingerprint"]

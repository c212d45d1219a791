import json
import logging
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lungnet.components import OnnxExporter, Pusher
from lungnet.config import Config
from lungnet.hashing import file_sha256
from lungnet.pipeline import Artifact, Evaluation, InfraBlessing, ModelBlessing, OnnxModel
from lungnet.serving import NoduleClassifier


@pytest.fixture(scope="session")
def exported_once(tmp_path_factory, classifier_of) -> tuple[Path, dict[str, Any]]:
    from lungnet.export import export_onnx

    path = tmp_path_factory.mktemp("onnx") / "classifier.onnx"
    return path, export_onnx(classifier_of().uri, path).metadata


@pytest.fixture
def model(tmp_path, exported_once) -> OnnxModel:
    """An exported model where a pipeline puts it."""
    path, metadata = exported_once
    uri = tmp_path / "root/OnnxExporter/model/1"
    uri.mkdir(parents=True)
    shutil.copyfile(path, uri / "classifier.onnx")
    return OnnxModel(uri, {"fingerprint": metadata["fingerprint"]})


@pytest.fixture
def push(do, model, tmp_path) -> Callable[..., Artifact]:
    """Pushes the model with blessings for it, but for what is changed."""

    def run(
        model_blessing: dict[str, Any] | None = None,
        infra_blessing: dict[str, Any] | None = None,
        destination: str = "",
        evaluation: Evaluation | None = None,
    ) -> Artifact:
        good = {"blessed": 1, "current_model_id": model.properties["fingerprint"]}
        runs = {"blessed": 1, "model_sha256": file_sha256(model.uri / "classifier.onnx")}
        inputs: dict[str, Artifact] = {
            "model": model,
            "model_blessing": ModelBlessing(tmp_path, good | (model_blessing or {})),
            "infra_blessing": InfraBlessing(tmp_path, runs | (infra_blessing or {})),
        }
        if evaluation is not None:
            inputs["evaluation"] = evaluation
        config = Config.model_validate({"pusher": {"destination": destination}})
        return do(Pusher, inputs, config)["pushed_model"]

    return run


def test_a_model_blessed_twice_is_pushed_beside_the_components(push, model, tmp_path):
    pushed = push()
    serving = tmp_path / "root/serving_model"
    (version,) = serving.iterdir()
    assert pushed.properties == {
        "pushed": 1,
        "pushed_destination": str(version),
        "pushed_version": version.name,
    }
    for folder in (version, pushed.uri):
        assert sorted(path.name for path in folder.iterdir()) == ["classifier.onnx", "model.json"]
        assert (folder / "classifier.onnx").read_bytes() == (model.uri / "classifier.onnx").read_bytes()
    facts = json.loads((version / "model.json").read_text("utf-8"))
    assert facts["sha256"] == file_sha256(version / "classifier.onnx")
    assert facts["fingerprint"] == model.properties["fingerprint"]
    assert (facts["task"], facts["threshold"], facts["file"]) == ("nodule", 0.5, "classifier.onnx")
    assert facts["metadata"]["intended_use"] == "research, not for diagnosis"
    assert str(tmp_path) not in (version / "model.json").read_text("utf-8")


def test_the_model_card_lies_beside_the_model(push, tmp_path):
    evaluation = Evaluation(tmp_path / "evaluation")
    evaluation.uri.mkdir()
    for name in ("model_card.json", "model_card.md", "report.html"):
        (evaluation.uri / name).write_text(name)
    pushed = push(evaluation=evaluation)
    names = ["classifier.onnx", "model.json", "model_card.json", "model_card.md"]
    for folder in (pushed.uri, Path(pushed.properties["pushed_destination"])):
        assert sorted(path.name for path in folder.iterdir()) == names
        assert (folder / "model_card.md").read_text() == "model_card.md"


def test_what_is_pushed_serves(push):
    pushed = push()
    patches_hu = np.full((2, 40, 40), -800, np.int16)
    patches_hu[1, 15:25, 15:25] = 30
    path = Path(pushed.properties["pushed_destination"]) / "classifier.onnx"
    assert (NoduleClassifier(path).predict(patches_hu) > 0.5).tolist() == [False, True]


@pytest.mark.parametrize(
    ("model_blessing", "infra_blessing", "reason"),
    [
        ({"blessed": 0}, {}, "the Evaluator has not blessed the model"),
        ({}, {"blessed": 0}, "the InfraValidator has not blessed the file"),
        ({"current_model_id": "f" * 64}, {}, "the Evaluator has blessed another model"),
        ({}, {"model_sha256": "0" * 64}, "the InfraValidator has blessed another file"),
    ],
)
def test_without_both_blessings_nothing_is_pushed(
    push, tmp_path, caplog, model_blessing, infra_blessing, reason
):
    pushed = push(model_blessing, infra_blessing)
    assert pushed.properties == {"pushed": 0, "reason": reason}
    assert list(pushed.uri.iterdir()) == []
    assert not (tmp_path / "root/serving_model").exists()
    (record,) = caplog.records
    assert (record.levelno, record.getMessage()) == (logging.WARNING, f"Not pushed: {reason}.")


def test_the_same_model_makes_no_second_version(push, tmp_path, caplog):
    first = push()
    caplog.clear()
    with caplog.at_level(logging.INFO):
        again = push()
    assert again.properties == first.properties
    assert len(list((tmp_path / "root/serving_model").iterdir())) == 1
    assert "Not pushed again: the model is version" in caplog.text


def test_another_model_makes_one_and_so_does_a_return_to_the_first(push, model):
    before = (model.uri / "classifier.onnx").read_bytes()
    first = push()
    # An unknown field at the end changes the bytes and nothing else.
    (model.uri / "classifier.onnx").write_bytes(before + b"\xc2\x3e\x00")
    second = push()
    (model.uri / "classifier.onnx").write_bytes(before)
    third = push()
    versions = [int(one.properties["pushed_version"]) for one in (first, second, third)]
    assert versions == sorted(set(versions))


def test_the_destination_is_configuration(push, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    pushed = push(destination="elsewhere/served")
    assert Path(pushed.properties["pushed_destination"]).parent == tmp_path / "elsewhere/served"
    assert not (tmp_path / "root/serving_model").exists()


def test_the_exporter_says_which_classifier_it_exported(do, examples, classifier_of):
    exported = do(OnnxExporter, {"examples": examples, "classifier": classifier_of()})["model"]
    assert exported.properties["fingerprint"] == classifier_of().properties["fingerprint"]
    assert 0.0 <= exported.properties["max_difference"] <= 1e-4
    assert sorted(path.name for path in exported.uri.iterdir()) == ["classifier.onnx", "parity.json"]

import json
from pathlib import Path
from typing import Any

import pytest

from lungnet.errors import InputError
from lungnet.pipeline import Evaluation, OnnxModel
from lungnet.pipeline.import_path import import_path
from lungnet.pipeline.kubeflow_message import TYPE, Message, local_path
from lungnet.pipeline.remote_step import RemoteStep

STEP = RemoteStep(
    component_id="Judge",
    executor="somewhere:Executor",
    inputs={"models": (("models_1", import_path(OnnxModel)), ("models_2", import_path(OnnxModel)))},
    outputs={"evaluation": import_path(Evaluation)},
    parameters=("bound",),
    external=("input_base",),
    runtime={},
    seed=0,
    sources="",
    ingredients="",
)


def artifact(name: str, uri: str, **metadata: Any) -> dict[str, Any]:
    kind = {"schemaTitle": "system.Model", "schemaVersion": "0.0.1"}
    return {"artifacts": [{"name": name, "type": kind, "uri": uri, "metadata": metadata}]}


@pytest.fixture
def executor_input(tmp_path: Path) -> dict[str, Any]:
    """What the step is handed, with every number as the float that it became on its way."""
    return {
        "inputs": {
            "parameterValues": {"bound": '{"auc":0.5}', "input_base": str(tmp_path), "data_version": "1"},
            "artifacts": {
                "models_1": artifact("a", "s3://bucket/a", max_difference=0.0, **{TYPE: "m:OnnxModel"}),
                "models_2": artifact("b", "/volume/b", runs=3.0, share=0.25, sizes=[1.0, {"rows": 2.0}]),
            },
        },
        "outputs": {
            "artifacts": {"evaluation": artifact("evaluation", f"{tmp_path}/out/evaluation")},
            "outputFile": f"{tmp_path}/answer/output_metadata.json",
        },
    }


def test_a_message_is_read(executor_input: dict[str, Any], tmp_path: Path):
    message = Message.read(STEP, json.dumps(executor_input))
    first, second = message.inputs["models"]
    assert (first.uri, second.uri) == (Path("/s3/bucket/a"), Path("/volume/b"))
    assert message.properties == {"bound": {"auc": 0.5}, "input_base": str(tmp_path)}
    assert message.values["data_version"] == "1"
    assert message.places == {"evaluation": tmp_path / "out/evaluation"}


def test_properties_are_those_that_were_set(executor_input: dict[str, Any]):
    first, second = Message.read(STEP, json.dumps(executor_input)).inputs["models"]
    assert first.properties == {"max_difference": 0.0}
    assert isinstance(first.properties["max_difference"], float)  # the type says so
    assert second.properties == {"runs": 3, "share": 0.25, "sizes": [1, {"rows": 2}]}
    assert isinstance(second.properties["runs"], int)
    assert isinstance(second.properties["sizes"][1]["rows"], int)
    first.check_properties()


def test_the_answer_has_the_properties(executor_input: dict[str, Any], tmp_path: Path):
    message = Message.read(STEP, json.dumps(executor_input))
    message.answer({"evaluation": Evaluation(tmp_path, {"auc": {"cnn": 0.9}})})
    assert json.loads((tmp_path / "answer/output_metadata.json").read_text()) == {
        "artifacts": {
            "evaluation": {
                "artifacts": [
                    {
                        "name": "evaluation",
                        "uri": f"{tmp_path}/out/evaluation",
                        "metadata": {"auc": {"cnn": 0.9}, TYPE: "lungnet.pipeline.artifacts:Evaluation"},
                    }
                ]
            }
        }
    }


@pytest.mark.parametrize(
    ("uri", "path"),
    [
        ("gs://bucket/x/y", "/gcs/bucket/x/y"),
        ("s3://bucket/x", "/s3/bucket/x"),
        ("minio://mlpipeline/v2/x", "/minio/mlpipeline/v2/x"),
        ("/volume/x", "/volume/x"),
        ("local/x", "local/x"),
    ],
)
def test_where_artifacts_are(uri: str, path: str):
    assert local_path(uri) == Path(path)


def test_storage_that_the_cluster_does_not_bring_is_refused():
    with pytest.raises(
        InputError, match="oci://image cannot be reached; expected a path, gs://, s3://, minio://"
    ):
        local_path("oci://image")


def test_data_on_no_volume_are_named(executor_input: dict[str, Any]):
    executor_input["inputs"]["parameterValues"]["input_base"] = "/mnt/nowhere"
    with pytest.raises(InputError, match="input_base is /mnt/nowhere, which this container does not see"):
        Message.read(STEP, json.dumps(executor_input))


@pytest.mark.parametrize(
    "change",
    [
        lambda given: given.pop("outputs"),
        lambda given: given["inputs"]["artifacts"].pop("models_2"),
        lambda given: given["inputs"]["artifacts"].update(models_2={"artifacts": []}),
        lambda given: given["inputs"]["parameterValues"].pop("bound"),
        lambda given: given["inputs"]["parameterValues"].update(bound="{"),
        lambda given: given["outputs"].update(artifacts={}),
    ],
)
def test_the_message_of_another_step_is_one_sentence(executor_input: dict[str, Any], change: Any):
    change(executor_input)
    with pytest.raises(
        InputError, match="Judge: the input that came from the cluster is not that of this step"
    ):
        Message.read(STEP, json.dumps(executor_input))


@pytest.mark.parametrize("text", ["{", "[]", "3"])
def test_what_is_no_message_is_one_sentence(text: str):
    with pytest.raises(InputError, match="Judge: the input that came from the cluster"):
        Message.read(STEP, text)

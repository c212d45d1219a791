"""The server as NVIDIA's client of the protocol sees it, and as bytes on the wire."""

import json
import zlib

import numpy as np
import pytest

import lungnet
from lungnet.serving import NoduleClassifier

httpclient = pytest.importorskip(
    "tritonclient.http", reason="no tritonclient here: pip install 'lungnet[test]'"
)


@pytest.fixture
def client(server):
    with httpclient.InferenceServerClient(f"127.0.0.1:{server.port}") as one:
        yield one


def tensor(patches_hu, binary):
    made = httpclient.InferInput("patches_hu", list(patches_hu.shape), "INT16")
    made.set_data_from_numpy(patches_hu, binary_data=binary)
    return made


def test_health_and_metadata(client):
    assert client.is_server_live() and client.is_server_ready()
    assert client.is_model_ready("classifier") and client.is_model_ready("classifier", "7")
    assert not client.is_model_ready("classifier", "8") and not client.is_model_ready("resnet")
    server = client.get_server_metadata()
    assert (server["name"], server["version"]) == ("lungnet", lungnet.__version__)
    assert server["extensions"] == ["binary_tensor_data"]
    model = client.get_model_metadata("classifier")
    assert model["versions"] == ["7"]
    assert model["inputs"] == [{"name": "patches_hu", "datatype": "INT16", "shape": [-1, 40, 40]}]
    assert {one["name"]: one["datatype"] for one in model["outputs"]} == {
        "probability": "FP32",
        "cluster": "INT64",
    }
    assert model["parameters"]["threshold"] == "0.4375"


@pytest.mark.parametrize("binary_in", [True, False])
@pytest.mark.parametrize("binary_out", [True, False])
def test_answers_are_the_models(client, classifier_file, patches_hu, binary_in, binary_out):
    expected = NoduleClassifier(classifier_file, ["CPUExecutionProvider"]).predict_with_clusters(patches_hu)
    wanted = [
        httpclient.InferRequestedOutput(name, binary_data=binary_out) for name in ("cluster", "probability")
    ]
    result = client.infer("classifier", [tensor(patches_hu, binary_in)], outputs=wanted, request_id="one")
    np.testing.assert_array_equal(result.as_numpy("probability"), expected.probability)
    np.testing.assert_array_equal(result.as_numpy("cluster"), expected.cluster)
    assert result.as_numpy("probability").dtype == np.float32 and result.as_numpy("cluster").dtype == np.int64
    response = result.get_response()
    assert (response["id"], response["model_name"], response["model_version"]) == ("one", "classifier", "7")
    assert [one["name"] for one in response["outputs"]] == ["cluster", "probability"]


@pytest.mark.parametrize("algorithm", ["gzip", "deflate"])
def test_compressed_and_with_default_outputs(client, classifier_file, patches_hu, algorithm):
    expected = NoduleClassifier(classifier_file, ["CPUExecutionProvider"]).predict(patches_hu)
    result = client.infer("classifier", [tensor(patches_hu, True)], request_compression_algorithm=algorithm)
    np.testing.assert_array_equal(result.as_numpy("probability"), expected)


def test_a_version_may_be_asked_for(client, patches_hu):
    inputs = [tensor(patches_hu, True)]
    assert client.infer("classifier", inputs, model_version="7").get_response()["model_version"] == "7"
    with pytest.raises(httpclient.InferenceServerException, match="no such version"):
        client.infer("classifier", inputs, model_version="8")
    with pytest.raises(httpclient.InferenceServerException, match="the one that is served is classifier"):
        client.infer("resnet", inputs)


def test_errors_reach_the_client_in_words(client):
    with pytest.raises(httpclient.InferenceServerException, match=r"shape must be \[n, 40, 40\]"):
        client.infer("classifier", [tensor(np.zeros((1, 41, 40), np.int16), True)])


def request(shape=(1, 40, 40), data=None, **more):
    values = [0] * int(np.prod(shape)) if data is None else data
    return {
        "inputs": [{"name": "patches_hu", "datatype": "INT16", "shape": list(shape), "data": values, **more}]
    }


def test_json_by_hand(server):
    nested = np.full((2, 40, 40), 500).tolist()
    reply = server.infer(request((2, 40, 40), nested))
    assert reply.status == 200 and reply.headers["content-type"] == "application/json"
    told = reply.json()
    # The model made by hand: sigmoid(mean HU / 1000 + cluster), cluster = mean HU > 0.
    assert told["outputs"][0]["data"] == pytest.approx([1 / (1 + np.exp(-1.5))] * 2, abs=1e-6)
    assert told["outputs"][1] == {"name": "cluster", "datatype": "INT64", "shape": [2], "data": [1, 1]}
    assert "id" not in told


@pytest.mark.parametrize(
    ("told", "sentence"),
    [
        (b"", "must be a JSON object"),
        (b"[]", "must be a JSON object"),
        (b"{" * 60_000, "must be a JSON object"),
        (b"\xff\xfe", "must be a JSON object"),
        (b'{"inputs": NaN}', "must be a JSON object"),
        ({}, "inputs must be a list of one tensor"),
        ({"inputs": []}, "inputs must be a list of one tensor"),
        ({"inputs": [1]}, "inputs must be a list of one tensor"),
        ({**request(), "id": 7}, "id must be text"),
        ({**request(), "outputs": ["probability"]}, "outputs must be a list of objects"),
        ({**request(), "outputs": [{"name": "logit"}]}, "outputs must name probability and cluster"),
        ({**request(), "outputs": [{"name": "cluster"}] * 2}, "each at most once"),
        ({**request(), "parameters": 3}, "parameters of the request must be an object"),
        (
            {**request(), "parameters": {"binary_data_output": "yes"}},
            "binary_data_output must be true or false",
        ),
        ({"inputs": [{"name": "x"}]}, "must be called patches_hu"),
        (request(datatype="FP32"), "datatype must be INT16"),
        (request(shape=(40, 40)), r"shape must be [n, 40, 40]"),
        (request(shape=(0, 40, 40)), "n of at least 1"),
        (request(data=[0] * 1599), "data must fit the shape"),
        (request((2, 40, 40), [[[0] * 40] * 40]), "data must fit the shape"),
        (request(data=[0.5] * 1600), "data must be whole numbers"),
        (request(data=[True] * 1600), "data must be whole numbers"),
        (request(data=["0"] * 1600), "data must be whole numbers"),
        (request(data=[[0], [0, 0]]), "data must be whole numbers"),
        (request(data=[10**400] * 1600), "data must be whole numbers"),
        (request(data=[40_000] * 1600), "data must lie within -32768 to 32767"),
        (request(parameters={"binary_data_size": 3200}), "binary_data_size must be the 0 bytes that follow"),
    ],
)
def test_malformed_requests_get_a_sentence(server, told, sentence):
    reply = server.infer(told)
    assert reply.status == 400
    assert sentence in reply.json()["error"]


def test_malformed_binary_requests(server):
    text = json.dumps(request(parameters={"binary_data_size": 3200})).encode()
    raw = np.zeros(1600, "<i2").tobytes()
    length = "Inference-Header-Content-Length"
    assert server.infer(text + raw, **{length: str(len(text))}).status == 200
    for body, stated, sentence in (
        (text + raw, "-1", "must be a number of bytes"),
        (text + raw, "1e3", "must be a number of bytes"),
        (text + raw, "9" * 5000, "must be a number of bytes"),
        (text + raw, str(len(text + raw) + 1), "must be a number of bytes"),
        (text + raw, str(len(text) - 1), "must be a JSON object"),
        (text + raw[:-2], str(len(text)), "binary_data_size must be the 3198 bytes"),
        (
            json.dumps(request()).encode() + raw,
            str(len(json.dumps(request()))),
            "no input's binary_data_size",
        ),
    ):
        reply = server.infer(body, **{length: stated})
        assert (reply.status, sentence in reply.json()["error"]) == (400, True)
    two = json.dumps(request((2, 40, 40), [], parameters={"binary_data_size": 3200})).encode()
    reply = server.infer(two + raw, **{length: str(len(two))})
    assert (reply.status, "takes 6400 bytes" in reply.json()["error"]) == (400, True)


def test_compression_that_is_none(server):
    whole = zlib.compress(json.dumps(request()).encode())
    assert server.infer(whole, **{"Content-Encoding": "deflate"}).status == 200
    for body, encoding, status in (
        (whole, "br", 415),
        (whole[:-5], "deflate", 400),
        (whole + b"more", "deflate", 400),
        (b"{}", "gzip", 400),
    ):
        assert server.infer(body, **{"Content-Encoding": encoding}).status == status


def test_paths_that_are_none(server):
    for method, path, status in (
        ("GET", "/", 404),
        ("GET", "/v2/models/classifier/infer", 405),
        ("GET", "/v2/models/..%2f..%2fetc", 404),
        ("POST", "/v2/models/resnet/infer", 404),
        ("GET", "/docs", 404),
    ):
        reply = server.ask(method, path)
        assert reply.status == status
        assert isinstance(reply.json()["error" if path.startswith("/v2") else "detail"], str)


def test_the_description_is_of_these_routes(server):
    told = server.ask("GET", "/openapi.json").json()
    assert set(told["paths"]) == {
        "/v2",
        "/v2/health/live",
        "/v2/health/ready",
        "/metrics",
        "/v2/models/{model_name}",
        "/v2/models/{model_name}/ready",
        "/v2/models/{model_name}/infer",
        "/v2/models/{model_name}/versions/{model_version}",
        "/v2/models/{model_name}/versions/{model_version}/ready",
        "/v2/models/{model_name}/versions/{model_version}/infer",
    }
    assert "requestBody" in told["paths"]["/v2/models/{model_name}/infer"]["post"]

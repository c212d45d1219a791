"""`lungnet serve` as a process."""

import importlib.util
import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("fastapi", reason="no FastAPI here: pip install 'lungnet[server]'")

import onnx
from onnxruntime import get_available_providers

from lungnet.cli.main import cli
from lungnet.errors import InputError
from tests.cli.serving_process import ask, serving
from tests.serving.conftest import build_model, never_runs


def test_a_process_answers_logs_json_and_ends_when_told(model_dir: Path):
    with serving("--model-dir", str(model_dir)) as (url, process):
        assert url.startswith("http://127.0.0.1:")
        tensor = {"name": "patches_hu", "datatype": "INT16", "shape": [2, 40, 40], "data": [0] * 3200}
        body = json.dumps({"inputs": [tensor]}).encode()
        told = ask(url, "/v2/models/classifier/infer", body)
        assert told["outputs"][0]["data"] == [0.5, 0.5]
        assert told["model_version"] == "3"
        assert ask(url, "/v2")["name"] == "lungnet"
        process.send_signal(signal.SIGTERM)  # what is not in the log yet is written
        _, errors = process.communicate(timeout=30)
    lines = [json.loads(line) for line in errors.splitlines()]
    requests = [line for line in lines if line["message"] == "request"]
    assert [line["route"] for line in requests] == ["/v2/models/{model_name}/infer", "/v2"]
    assert requests[0]["patches"] == 2


def test_without_a_folder_it_serves_the_model_that_comes_with_lungnet():
    with serving() as (url, _):
        tensor = {"name": "patches_hu", "datatype": "INT16", "shape": [1, 40, 40], "data": [-800] * 1600}
        told = ask(url, "/v2/models/classifier/infer", json.dumps({"inputs": [tensor]}).encode())
        assert 0.0 <= told["outputs"][0]["data"][0] < 0.5
        assert told["model_version"] == "1"


def test_dicomweb_servers_are_named(model_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    pytest.importorskip("highdicom", reason="no highdicom here: pip install 'lungnet[dicom]'")
    file = tmp_path / "servers.toml"
    file.write_text('[pacs]\nurl = "http://127.0.0.1:1/dicom-web"\n')
    monkeypatch.setenv("LUNGNET_DICOMWEB_PACS_TOKEN", "a secret of the archive's")
    options = ["--dicomweb", "archive=http://127.0.0.1:1", "--dicomweb-file", str(file)]
    with serving("--model-dir", str(model_dir), *options) as (url, process):
        paths = ask(url, "/openapi.json")["paths"]
        body = paths["/scan/dicomweb"]["post"]["requestBody"]["content"]["application/json"]["schema"]
        assert body["properties"]["server"]["enum"] == ["archive", "pacs"]
        asked = {"server": "pacs", "StudyInstanceUID": "1.2", "SeriesInstanceUID": "1.3"}
        told = ask(url, "/scan/dicomweb", json.dumps(asked).encode())
        assert (told["status"], told["detail"]) == (404, "The model that is served scans no whole CTs.")
        process.send_signal(signal.SIGTERM)
        assert "secret" not in process.communicate(timeout=30)[1]


def test_dicomweb_needs_highdicom(model_dir: Path, monkeypatch: pytest.MonkeyPatch, untouched_logging: None):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    asked = [
        "serve",
        "--model-dir",
        str(model_dir),
        "--port",
        "0",
        "--dicomweb",
        "archive=http://127.0.0.1:1",
    ]
    with pytest.raises(InputError, match=r"need highdicom: pip install 'lungnet\[dicom\]'"):
        cli.main(asked, standalone_mode=False)


@pytest.mark.skipif("CUDAExecutionProvider" in get_available_providers(), reason="this ONNX Runtime has CUDA")
def test_a_required_gpu(model_dir: Path, untouched_logging: None):
    asked = ["serve", "--model-dir", str(model_dir), "--port", "0", "--require-gpu"]
    with pytest.raises(InputError, match="A GPU is required"):
        cli.main(asked, standalone_mode=False)


def test_tls_and_a_token(model_dir: Path, tmp_path: Path):
    key, certificate, token = tmp_path / "key.pem", tmp_path / "cert.pem", tmp_path / "token"
    made = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    made += ["-keyout", str(key), "-out", str(certificate), "-subj", "/CN=localhost"]
    try:
        subprocess.run([*made, "-addext", "subjectAltName=IP:127.0.0.1"], check=True, capture_output=True)
    except FileNotFoundError:
        pytest.skip("no openssl here, which makes the certificate")
    token.write_text("sixteen letters and more\n")
    options = ["--tls-cert", str(certificate), "--tls-key", str(key), "--token-file", str(token)]
    with serving("--model-dir", str(model_dir), *options) as (url, _):
        assert url.startswith("https://")
        told = ask(url, "/v2", ca=certificate, Authorization="Bearer sixteen letters and more")
        assert told["name"] == "lungnet"
        assert "token" in ask(url, "/v2", ca=certificate)["error"]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--host", "192.0.2.1"], "Listening on 192.0.2.1 lets others in; expected --token-file"),
        (["--token-file", "nowhere"], "Cannot read a token from nowhere"),
        (["--provider", "Abacus"], "ONNX Runtime has no execution provider Abacus"),
        (["--dicomweb", "archive"], "A DICOMweb server is written NAME=URL"),
        (["--dicomweb", "archive=http://192.0.2.1"], "would go unencrypted to 192.0.2.1"),
        (["--dicomweb-file", "nowhere"], "Cannot read DICOMweb servers from nowhere"),
        (["--tls-cert", "nowhere", "--tls-key", "nowhere"], "Cannot read certificate or key: No such file"),
    ],
)
def test_what_cannot_be_served_is_said(model_dir: Path, options: list[str], sentence: str, untouched_logging):
    with pytest.raises(InputError, match=sentence.replace(".", r"\.")):
        cli.main(["serve", "--model-dir", str(model_dir), "--port", "0", *options], standalone_mode=False)


def test_a_model_that_does_not_run_is_one_sentence(tmp_path: Path):
    onnx.save(never_runs(build_model()), tmp_path / "classifier.onnx")
    command = [sys.executable, "-m", "lungnet", "serve", "--model-dir", str(tmp_path), "--port", "0"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 1
    assert ended.stderr.startswith(f"lungnet: ONNX Runtime cannot run {tmp_path / 'classifier.onnx'}: ")
    assert ended.stderr.count("\n") == 1


def test_a_folder_without_a_model(tmp_path: Path, untouched_logging: None):
    with pytest.raises(InputError, match="holds no model"):
        cli.main(["serve", "--model-dir", str(tmp_path), "--port", "0"], standalone_mode=False)

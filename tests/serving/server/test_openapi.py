"""The description of the server is true of it, whatever Schemathesis makes of it."""

import http.server
import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest

pytest.importorskip("schemathesis", reason="no Schemathesis here: pip install 'lungnet[test]'")

import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.specs.openapi.checks import positive_data_acceptance

from lungnet.serving.server import Access
from lungnet.serving.server.dicomweb_servers import dicomweb_servers
from lungnet.serving.server.scan_limits import ScanLimits
from lungnet.serving.server.scanning import Scanning
from lungnet.serving.server.uploads import UploadFolder
from tests.serving.server.test_scan import zipped

MODEL, PINNED = "/v2/models/{model_name}", "/v2/models/{model_name}/versions/{model_version}"
READ = [
    *("/v2", "/v2/health/live", "/v2/health/ready", "/metrics"),
    *(f"{path}{ready}" for path in (MODEL, PINNED) for ready in ("", "/ready")),
]
SENT = [f"{MODEL}/infer", f"{PINNED}/infer", "/scan", "/scan/dicomweb"]
ROUTES = [*(("GET", path) for path in READ), *(("POST", path) for path in SENT)]

names = st.sampled_from(["a", "b/c", "../d", "e" * 300])
schemathesis.openapi.media_type(
    "application/zip", st.binary(max_size=200) | st.dictionaries(names, st.binary(max_size=200)).map(zipped)
)


@pytest.fixture(scope="module")
def archive() -> Iterator[str]:
    """A DICOMweb server that has nothing."""

    class Empty(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_error(404)

        def log_message(self, *args: Any) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Empty) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def described(start_module, folder, tmp_path_factory, archive):
    """The description of a server with all its routes."""
    scanning = Scanning(ScanLimits(), UploadFolder(tmp_path_factory.mktemp("up") / "loads"))
    servers = dicomweb_servers([f"archive={archive}"], environment={})
    with start_module(folder, scanning=scanning, dicomweb=servers) as server:
        yield schemathesis.openapi.from_url(f"http://127.0.0.1:{server.port}/openapi.json")


def test_all_routes_are_described(described):
    found = [one.ok() for one in described.get_all_operations()]
    assert sorted((one.method.upper(), one.path) for one in found) == sorted(ROUTES)


def check_many(operation: Any, mode: GenerationMode) -> set[int]:
    """Asks what the description allows, or not; returns the statuses."""
    statuses: set[int] = set()

    @settings(
        max_examples=25,
        derandomize=True,
        database=None,
        deadline=None,
        phases=(Phase.explicit, Phase.generate),
        suppress_health_check=list(HealthCheck),
    )
    @given(operation.as_strategy(generation_mode=mode))
    def check(case: Case) -> None:
        if "model_name" in (case.path_parameters or {}) and statuses:
            case.path_parameters["model_name"] = "classifier"  # after one that is not there
        # That two values fit each other, or bytes are an archive, is more than a schema says.
        statuses.add(case.call_and_validate(excluded_checks=[positive_data_acceptance]).status_code)

    check()
    return statuses


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_what_the_description_allows(described, method, path):
    statuses = check_many(described[path][method], GenerationMode.POSITIVE)
    assert statuses <= {200, 400, 404, 413, 422}


@pytest.mark.parametrize("path", [path for path in SENT if path != "/scan"])
def test_what_the_description_forbids(described, path):
    assert min(check_many(described[path]["POST"], GenerationMode.NEGATIVE)) >= 400


def test_answers_are_as_described(described, files):
    tensor = {"name": "patches_hu", "datatype": "INT16", "shape": [2, 40, 40], "data": [7] * 3200}
    asked = {"id": "one", "inputs": [tensor]}
    told = {"inputs": [{**tensor, "parameters": {"binary_data_size": 6400}}]}
    del told["inputs"][0]["data"]
    text = json.dumps(told).encode()
    binary = {"Inference-Header-Content-Length": str(len(text))}
    for path, parameters in (
        (SENT[0], {"model_name": "classifier"}),
        (SENT[1], {"model_name": "classifier", "model_version": "1"}),
    ):
        infer = described[path]["POST"]
        one = infer.Case(path_parameters=parameters, body=asked, media_type="application/json")
        assert one.call_and_validate().status_code == 200
        one = infer.Case(
            path_parameters=parameters,
            headers=binary,
            body=text + bytes(6400),
            media_type="application/octet-stream",
        )
        assert one.call_and_validate().status_code == 200
    for accept in ("application/json", "application/dicom"):
        one = described["/scan"]["POST"].Case(
            headers={"Accept": accept}, body=zipped(files), media_type="application/zip"
        )
        reply = one.call_and_validate()
        assert (reply.status_code, reply.headers["content-type"]) == (200, [accept])


def test_the_token_is_described(start, folder):
    token = "a token that is long enough"  # noqa: S105
    with start(folder, access=Access(token=token)) as server:
        known = {"Authorization": f"Bearer {token}"}
        url = f"http://127.0.0.1:{server.port}/openapi.json"
        described = schemathesis.openapi.from_url(url, headers=known)
        for path in READ:
            parameters = {"model_name": "classifier", "model_version": "1"} if "{" in path else {}
            one = described[path]["GET"].Case(path_parameters=parameters)
            # Among the checks is one that leaves the token out.
            assert one.call_and_validate(headers=known).status_code == 200

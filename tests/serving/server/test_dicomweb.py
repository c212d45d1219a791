"""DICOMweb servers that answer whatever they like, on this machine."""

import http.server
import json
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pydicom
import pytest

pytest.importorskip("highdicom", reason="no highdicom here: pip install 'lungnet[dicom]'")

from lungnet.serving.server.dicomweb_servers import dicomweb_servers
from lungnet.serving.server.scan_limits import ScanLimits
from lungnet.serving.server.scanning import Scanning
from lungnet.serving.server.uploads import UploadFolder
from tests.serving.server.conftest import Running, left, refused

Answer = tuple[int, dict[str, str], bytes]
JSON = {"Content-Type": "application/dicom+json"}
PARTS = {"Content-Type": 'multipart/related; type="application/dicom"; boundary=b'}
SECRET = "a secret of the archive's"  # noqa: S105


class Archive:
    """Answers each request with what a test puts here, and keeps what it was asked."""

    def __init__(self, study: str, series: str, files: list[bytes]) -> None:
        self.study, self.series = study, series
        self.asked: list[tuple[str, str, dict[str, str], bytes]] = []
        self.query: Answer = (200, JSON, json.dumps([self.described(len(files))]).encode())
        self.instances: Answer = (200, PARTS, parts(files))
        self.stored: Answer | None = None
        self.go_on = threading.Event()
        self.held = ""  # the method whose answers stop in their middle until they may go on

    def described(self, count: Any, modality: str = "CT") -> dict[str, Any]:
        values = {"00080060": modality, "0020000E": self.series, "00201209": count, "00100020": "SECRET-4711"}
        return {tag: {"vr": "UN", "Value": [value]} for tag, value in values.items()}

    def answer(self, method: str, path: str, body: bytes) -> Answer:
        if method == "POST":
            return self.stored or (200, JSON, json.dumps(told_stored(body)).encode())
        return self.query if "?" in path else self.instances


def parts(files: list[bytes], length: bool = True) -> bytes:
    """A multipart body."""
    made = b""
    for content in files:
        made += b"--b\r\nContent-Type: application/dicom\r\n"
        made += f"Content-Length: {len(content)}\r\n".encode() if length else b""
        made += b"\r\n" + content + b"\r\n"
    return made + b"--b--\r\n"


def told_stored(body: bytes, failed: int | None = None) -> dict[str, Any]:
    """What a server says that was sent a report."""
    start = body.index(b"DICM") - 128
    report = pydicom.dcmread(pydicom.filebase.DicomBytesIO(body[start:]), stop_before_pixels=True, force=True)
    item: dict[str, Any] = {"00081155": {"vr": "UI", "Value": [report.SOPInstanceUID]}}
    if failed is None:
        return {"00081199": {"vr": "SQ", "Value": [item]}, "00081198": {"vr": "SQ", "Value": []}}
    item["00081197"] = {"vr": "US", "Value": [failed]}
    return {"00081198": {"vr": "SQ", "Value": [item]}}


@pytest.fixture
def archive(ct: Path) -> Archive:
    """One that behaves."""
    paths = sorted(ct.iterdir())
    header = pydicom.dcmread(paths[0], stop_before_pixels=True)
    return Archive(header.StudyInstanceUID, header.SeriesInstanceUID, [path.read_bytes() for path in paths])


@contextmanager
def listening(archive: Archive, context: ssl.SSLContext | None = None) -> Iterator[int]:
    """Its port."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if self.headers.get("Transfer-Encoding") == "chunked":
                while size := int(self.rfile.readline(), 16):
                    body += self.rfile.read(size)
                    self.rfile.readline()
                self.rfile.readline()
            archive.asked.append((self.command, self.path, dict(self.headers), body))
            status, headers, content = archive.answer(self.command, self.path, body)
            self.send_response(status)
            for name, value in {"Content-Length": str(len(content)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            half = len(content) // 2
            self.wfile.write(content[:half])
            assert self.command != archive.held or archive.go_on.wait(30)
            self.wfile.write(content[half:])

        do_POST = do_GET

        def log_message(self, *args: Any) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.handle_error = lambda *args: None  # type: ignore[method-assign]  # clients break off
        if context is not None:
            server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


@pytest.fixture
def url(archive: Archive) -> Iterator[str]:
    with listening(archive) as port:
        yield f"http://127.0.0.1:{port}/dicom-web"


LIMITS = ScanLimits(max_slices=50, max_unpacked_bytes=20_000_000)


@pytest.fixture
def server(start: Callable[..., Any], folder: Path, tmp_path: Path, url: str) -> Iterator[Running]:
    servers = dicomweb_servers([f"archive={url}"], environment={"LUNGNET_DICOMWEB_ARCHIVE_TOKEN": SECRET})
    scanning = Scanning(LIMITS, UploadFolder(tmp_path / "up"))
    with start(folder, scanning=scanning, dicomweb=servers) as one:
        yield one


@pytest.fixture
def scan(server: Running, archive: Archive) -> Callable[..., Any]:
    def ask(**more: Any) -> Any:
        told = {"server": "archive", "StudyInstanceUID": archive.study, "SeriesInstanceUID": archive.series}
        return server.ask("POST", "/scan/dicomweb", json.dumps({**told, **more}).encode())

    return ask


def test_what_is_said_to_a_server(scan, archive):
    assert scan().status == 200
    (query, fetch, store) = archive.asked
    root = f"/dicom-web/studies/{archive.study}"
    assert query[1].startswith(f"{root}/series?SeriesInstanceUID={archive.series}&includefield=")
    assert fetch[:2] == ("GET", f"{root}/series/{archive.series}")
    assert fetch[2]["Accept"] == 'multipart/related; type="application/dicom"'
    assert store[:2] == ("POST", root)
    assert store[2]["Content-Type"].startswith('multipart/related; type="application/dicom"; boundary=')
    for _, _, headers, _ in archive.asked:
        assert headers["Authorization"] == f"Bearer {SECRET}"


def test_parts_that_state_no_length(scan, archive, ct):
    archive.instances = (
        200,
        PARTS,
        parts([path.read_bytes() for path in sorted(ct.iterdir())], length=False),
    )
    assert len(scan().json()["detections"]) == 2


def test_addresses_and_names_of_the_request(server, scan, archive):
    known = "There is no DICOMweb server of that name; expected one of archive."
    assert refused(scan(server="other"), 422) == known
    assert refused(scan(server="http://127.0.0.1:1"), 422) == known
    for uid in ("", "1..2", ".1", "../../../instances", "1/../2", "1.2?x=1", "1" * 65, "1.2\n", "١.٢"):
        assert refused(scan(SeriesInstanceUID=uid), 422).startswith("SeriesInstanceUID: String should")
        assert refused(scan(StudyInstanceUID=uid), 422).startswith("StudyInstanceUID: String should")
    nothing_else = "A request holds server, StudyInstanceUID, SeriesInstanceUID, seg, and nothing else."
    assert refused(scan(url="http://127.0.0.1:1"), 422) == nothing_else
    assert refused(scan(seg="yes"), 422) == "seg: Input should be a valid boolean."
    for body in (b"", b"{", b"[]", b"null", b"\xff", b'{"server": "\\ud800"}', b"[" * 10_000):
        assert (
            refused(server.ask("POST", "/scan/dicomweb", body), 400) == "The request must be a JSON object."
        )
    assert "Field required" in refused(server.ask("POST", "/scan/dicomweb", b"{}"), 422)
    assert "at most 16,384 bytes" in refused(server.ask("POST", "/scan/dicomweb", b" " * 20_000), 413)
    assert not archive.asked


@pytest.mark.parametrize(
    ("query", "status", "sentence"),
    [
        ((404, {}, b""), 404, "has no such series"),
        ((204, {}, b""), 404, "has no such series"),
        ((200, JSON, b"[]"), 404, "has no such series"),
        ((200, JSON, b'[{"0020000E": {"vr": "UI", "Value": ["1.2.3"]}}]'), 404, "has no such series"),
        ((200, JSON, b"{}"), 502, "with something else than DICOM JSON"),
        ((200, JSON, b"[1]"), 502, "with something else than DICOM JSON"),
        ((200, JSON, b"no JSON"), 502, "with something else than DICOM JSON"),
        ((200, JSON, b"[" * 100_000), 502, "with something else than DICOM JSON"),
        ((200, JSON, b" " * 1_100_000), 502, "with more than was asked for"),
        ((200, {"Content-Encoding": "gzip"}, b"x"), 502, "compressed an answer"),
        ((401, {}, b"Geheim"), 502, "did not accept this server's credentials"),
        ((403, {}, b"Geheim"), 502, "did not accept this server's credentials"),
        ((500, {}, b"Geheim"), 502, "answered with status 500"),
        ((200, {"Content-Length": "100000"}, b"[]"), 502, "broke off"),
        ((200, {"Content-Length": "what"}, b"[]"), 502, "something else than DICOMweb"),
    ],
)
def test_odd_answers_to_a_query(start, folder, tmp_path, url, archive, query, status, sentence):
    archive.query = query
    servers = dicomweb_servers([f"archive={url}"], environment={})
    limits = ScanLimits(fetch_seconds=0.5)
    with start(folder, scanning=Scanning(limits, UploadFolder(tmp_path / "up")), dicomweb=servers) as server:
        told = {"server": "archive", "StudyInstanceUID": archive.study, "SeriesInstanceUID": archive.series}
        reply = server.ask("POST", "/scan/dicomweb", json.dumps(told).encode())
    assert sentence in refused(reply, status)
    assert b"Geheim" not in reply.body
    assert len(archive.asked) == 1


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_servers_that_hold_on(start, folder, tmp_path, url, archive, method, wait):
    archive.held = method
    limits = (
        ScanLimits(fetch_seconds=0.3, max_scans=1)
        if method == "GET"
        else ScanLimits(store_seconds=0.3, max_scans=1)
    )
    servers = dicomweb_servers([f"archive={url}"], environment={})
    with start(folder, scanning=Scanning(limits, UploadFolder(tmp_path / "up")), dicomweb=servers) as server:
        told = {"server": "archive", "StudyInstanceUID": archive.study, "SeriesInstanceUID": archive.series}
        body = json.dumps(told).encode()
        said = refused(server.ask("POST", "/scan/dicomweb", body), 504)
        assert said.startswith("DICOMweb server archive took too long ")
        archive.go_on.set()
        assert server.ask("POST", "/scan/dicomweb", body).status == 200
        wait(lambda: not left(tmp_path / "up"))


def test_what_a_query_tells_is_not_fetched(scan, archive):
    for described, status, sentence in (
        (archive.described(51), 413, "at most 50 slices"),
        (archive.described(3, "MR"), 422, "is no CT"),
    ):
        archive.query = (200, JSON, json.dumps([described]).encode())
        assert sentence in refused(scan(), status)
    assert {path.partition("?")[1] for _, path, _, _ in archive.asked} == {"?"}


def test_redirects_are_not_followed(scan, archive):
    with socket.create_server(("127.0.0.1", 0)) as elsewhere:
        elsewhere.settimeout(0.1)
        away = {"Location": f"http://127.0.0.1:{elsewhere.getsockname()[1]}/"}
        for status in (301, 302, 303, 307, 308):
            archive.query = (status, away, b"")
            assert "redirects to another address, which is not followed" in refused(scan(), 502)
        with pytest.raises(TimeoutError):
            elsewhere.accept()
    assert len(archive.asked) == 5


def test_odd_instances(scan, archive, ct, tmp_path, wait):
    files = [path.read_bytes() for path in sorted(ct.iterdir())]
    whole = parts(files)
    nested = b"--b\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n--c\r\n\r\nx\r\n--c--\r\n--b--\r\n"
    for instances, status, sentence in (
        ((404, {}, b""), 502, "answered with status 404"),
        ((200, JSON, b"[]"), 502, "with something else than DICOM instances"),
        ((200, {}, whole), 502, "with something else than DICOM instances"),
        ((200, {"Content-Type": "multipart/related"}, whole), 502, "something else than DICOMweb"),
        ((200, PARTS, whole[:-100_000]), 502, "broke off"),
        ((200, PARTS, whole[:-7]), 502, "broke off"),
        ((200, PARTS, b"x" * 1_000_000), 502, "broke off"),
        ((200, PARTS, whole.replace(b"Length: 6", b"Length: -6")), 502, "broke off"),
        ((200, PARTS, whole.replace(b"Length: 6", b"Length: 96")), 502, "broke off"),
        ((200, PARTS, nested), 502, "with something else than DICOM instances"),
        ((200, PARTS, parts(files[:-1])), 502, f"sent {len(files) - 1} of the {len(files)} instances"),
        ((200, PARTS, parts([b"x"] * len(files))), 422, "What the DICOMweb server sent holds 0 CT series"),
        ((200, PARTS, parts([b""] * 51)), 413, "at most 50 slices"),
        ((200, PARTS, parts([bytes(20_000_001)])), 413, "at most 20,000,000 bytes"),
    ):
        archive.instances = instances
        said = refused(scan(), status)
        assert sentence in said and str(tmp_path) not in said
    wait(lambda: not left(tmp_path / "up"))
    archive.instances = (200, PARTS, whole)
    assert scan().status == 200


def changed(ct: Path, number: int, **elements: str) -> list[bytes]:
    """The series with other values in one slice, or in all of them (-1)."""
    made = []
    for index, path in enumerate(sorted(ct.iterdir())):
        dataset = pydicom.dcmread(path)
        if number in (index, -1):
            for name, value in elements.items():
                setattr(dataset, name, value)
        stream = pydicom.filebase.DicomBytesIO()
        dataset.save_as(stream)
        made.append(stream.getvalue())
    return made


def test_series_that_are_not_what_was_asked_for(scan, archive, ct):
    for files, status, sentence in (
        (changed(ct, 3, PatientID="OTHER-1"), 422, "The slices name 2 patients, (0010,0020); expected one."),
        (changed(ct, -1, SeriesInstanceUID="2.25.1"), 502, "sent another series than was asked for"),
        (changed(ct, 3, StudyInstanceUID="2.25.1"), 502, "sent another series than was asked for"),
        (changed(ct, 3, SeriesInstanceUID="2.25.1"), 422, "holds 2 CT series"),
        (changed(ct, 3, FrameOfReferenceUID="2.25.1"), 422, "another (0020,0052) Frame of Reference UID"),
    ):
        archive.instances = (200, PARTS, parts(files))
        assert sentence in refused(scan(), status)
    assert not [one for one in archive.asked if one[0] == "POST"]


def test_what_is_said_of_what_was_stored(scan, archive):
    def failed(reason: int) -> Answer:
        report = next(body for method, _, _, body in archive.asked if method == "POST")
        return 409, JSON, json.dumps(told_stored(report, reason)).encode()

    assert scan().status == 200
    archive.stored = failed(0x0111)  # it has the report already
    assert scan().status == 200
    for stored, sentence in (
        (failed(0xA700), "did not store the results"),
        ((200, JSON, b"{}"), "did not store the results"),
        ((200, JSON, b"[]"), "did not store the results"),
        ((200, JSON, b"Geheim"), "did not store the results"),
        ((202, JSON, b'{"00081199": {"vr": "SQ", "Value": [1, {}]}}'), "did not store the results"),
        ((403, {}, b"Geheim"), "did not accept this server's credentials"),
        ((503, {}, b"Geheim"), "answered with status 503"),
        ((302, {"Location": "/elsewhere"}, b""), "redirects to another address"),
    ):
        archive.stored = stored
        assert sentence in refused(scan(), 502)


def test_nothing_found_is_reported_and_not_segmented(scan, archive, monkeypatch):
    from lungnet.serving import CTScanner

    monkeypatch.setattr(CTScanner, "scan", lambda self, volume: [])
    told = scan(seg=True).json()
    assert told["detections"] == []
    assert [one["Modality"] for one in told["stored"]] == ["SR"]


def test_certificates_are_checked(start, folder, tmp_path, archive):
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    made = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    made += ["-keyout", str(key), "-out", str(certificate), "-subj", "/CN=localhost"]
    if shutil.which("openssl") is None:
        pytest.skip("no openssl here, which makes the certificate")
    subprocess.run([*made, "-addext", "subjectAltName=IP:127.0.0.1"], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with listening(archive, context) as port:
        file = tmp_path / "servers.toml"
        file.write_text(f'[known]\nurl = "https://127.0.0.1:{port}"\nca_file = "cert.pem"\n')
        named = [f"unknown=https://127.0.0.1:{port}", f"elsewhere=https://localhost:{port}"]
        servers = dicomweb_servers(named, file, {})
        scanning = Scanning(ScanLimits(), UploadFolder(tmp_path / "up"))
        with start(folder, scanning=scanning, dicomweb=servers) as server:
            told = {"StudyInstanceUID": archive.study, "SeriesInstanceUID": archive.series}
            for name in ("unknown", "elsewhere"):
                body = json.dumps({**told, "server": name}).encode()
                said = refused(server.ask("POST", "/scan/dicomweb", body), 502)
                assert said.endswith("does not prove by a trusted certificate that it is the one.")
            assert not archive.asked
            body = json.dumps({**told, "server": "known"}).encode()
            assert server.ask("POST", "/scan/dicomweb", body).status == 200


def test_nobody_there(start, folder, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    servers = dicomweb_servers([f"archive=http://127.0.0.1:{port}"], environment={})
    scanning = Scanning(ScanLimits(), UploadFolder(tmp_path / "up"))
    with start(folder, scanning=scanning, dicomweb=servers) as server:
        told = {"server": "archive", "StudyInstanceUID": "1.2", "SeriesInstanceUID": "1.3"}
        reply = server.ask("POST", "/scan/dicomweb", json.dumps(told).encode())
    assert refused(reply, 502) == "DICOMweb server archive cannot be reached."


def test_secrets_stay_out_of_logs_and_metrics(server, scan, archive, caplog):
    for name in ("lungnet", "uvicorn"):  # as the verb has it
        caplog.set_level("INFO", name)
    assert scan().status == 200
    archive.instances = (200, PARTS, b"x")
    assert scan().status == 502
    metrics = server.ask("GET", "/metrics").body.decode()
    assert 'lungnet_refused_total{reason="dicomweb"} 1.0' in metrics
    for secret in (SECRET, archive.study, archive.series, "SECRET-4711", "Geheim"):
        assert secret not in caplog.text and secret not in metrics

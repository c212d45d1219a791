"""A zipped CT is scanned, and what is none is refused."""

import io
import json
import logging
import socket
import stat
import struct
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pydicom
import pytest

from lungnet.ct import read_series
from lungnet.errors import InputError
from lungnet.serving import CTScanner
from lungnet.serving.server.scan_limits import ScanLimits
from lungnet.serving.server.scanning import Scanning
from lungnet.serving.server.uploads import UploadFolder
from tests.serving.server.conftest import left, refused
from tests.serving.server.test_archives import zipped_empty


def zipped(files: dict[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", compression) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return stream.getvalue()


@pytest.fixture(scope="module")
def uploads(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("up") / "loads"


@pytest.fixture(scope="module")
def server(start_module: Callable[..., Any], folder: Path, uploads: Path) -> Iterator[Any]:
    limits = ScanLimits(max_upload_bytes=20_000_000, max_unpacked_bytes=30_000_000, max_files=100)
    with start_module(folder, scanning=Scanning(limits, UploadFolder(uploads))) as one:
        yield one


def scan(server: Any, body: bytes, **headers: str) -> Any:
    return server.ask("POST", "/scan", body, headers)


def test_detections_are_those_of_the_scanner(server, ct, files, scanner_file, uploads, wait, caplog):
    for name in ("lungnet", "uvicorn"):  # as the verb has it
        caplog.set_level(logging.INFO, name)
    expected = CTScanner(scanner_file, providers=["CPUExecutionProvider"]).scan(read_series(ct))
    reply = scan(server, zipped(files))
    assert (reply.status, reply.headers["content-type"]) == (200, "application/json")
    told = reply.json()
    assert len(expected) == 2
    assert [one["center_xyz_lps_mm"] for one in told["detections"]] == [
        pytest.approx(one.center_xyz_lps_mm) for one in expected
    ]
    assert [one["probability"] for one in told["detections"]] == [
        pytest.approx(one.probability) for one in expected
    ]
    assert told["scan"]["threshold"] == 0.4375
    wait(lambda: not left(uploads) and "request" in caplog.text)
    for text in (reply.body.decode(), caplog.text):
        assert "Geheim" not in text and "SECRET" not in text


def test_a_structured_report_for_who_accepts_dicom(server, files):
    pytest.importorskip("highdicom", reason="no highdicom here: pip install 'lungnet[dicom]'")
    reply = scan(server, zipped(files), Accept="application/dicom")
    assert (reply.status, reply.headers["content-type"]) == (200, "application/dicom")
    report = pydicom.dcmread(io.BytesIO(reply.body))
    assert (report.Modality, report.PatientID, report.VerificationFlag) == ("SR", "SECRET-4711", "UNVERIFIED")


def changed(content: bytes, **elements: str) -> bytes:
    dataset = pydicom.dcmread(io.BytesIO(content))
    for name, value in elements.items():
        setattr(dataset, name, value)
    stream = io.BytesIO()
    dataset.save_as(stream)
    return stream.getvalue()


def test_what_is_no_series_of_one_patient(server, files, uploads, wait):
    names = list(files)
    assert refused(scan(server, b"no zip"), 400) == "The body is not a zip archive."
    assert refused(scan(server, b""), 400) == "The body is not a zip archive."
    assert "holds 0 CT series" in refused(scan(server, zipped({"a.txt": b"x"})), 422)
    two = {**files, "other": changed(files[names[0]], SeriesInstanceUID="2.25.1")}
    assert "holds 2 CT series" in refused(scan(server, zipped(two)), 422)
    mixed = {**files, names[0]: changed(files[names[0]], PatientID="OTHER-1")}
    said = refused(scan(server, zipped(mixed)), 422)
    assert said == "The slices name 2 patients, (0010,0020); expected one."
    few = {name: files[name] for name in names[:2]}
    said = refused(scan(server, zipped(few)), 422)
    assert str(uploads) not in said
    cut = {**files, names[3]: files[names[3]][:-100]}
    said = refused(scan(server, zipped(cut)), 422)
    assert "truncated" in said and str(uploads) not in said and "Geheim" not in said
    wait(lambda: not left(uploads))


def test_what_is_no_chest(server, ct, tmp_path, wait, uploads):
    for name, stored, sentence in (
        ("air", 0, "No lungs were found in series hmac-"),
        ("water", 2000, "No lungs were found in series hmac-"),
    ):
        made = {}
        for path in sorted(ct.iterdir()):
            dataset = pydicom.dcmread(path)
            dataset.PixelData = np.full((dataset.Rows, dataset.Columns), stored, np.int16).tobytes()
            dataset.save_as(tmp_path / name)
            made[path.name] = (tmp_path / name).read_bytes()
        said = refused(scan(server, zipped(made)), 422)
        assert said.startswith(sentence) and "expected a CT of the chest" in said
    wait(lambda: not left(uploads))


def test_uploads_that_end_early_or_never(start, folder, files, tmp_path, wait):
    archive = zipped(files)
    uploads = tmp_path / "up"
    limits = ScanLimits(upload_seconds=0.5, max_scans=1)
    with start(folder, scanning=Scanning(limits, UploadFolder(uploads))) as one:
        said = refused(scan(one, archive[:-30]), 400)
        assert said == "The body is not a zip archive."
        headers = f"POST /scan HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(archive)}\r\n\r\n"
        with socket.create_connection(("127.0.0.1", one.port), timeout=30) as slow:
            slow.sendall(headers.encode() + archive[:1000])
            answer = b""
            while part := slow.recv(65536):  # it ends the connection, for the rest is not waited for
                answer += part
            assert answer.startswith(b"HTTP/1.1 408 ")
            assert b"application/problem+json" in answer and b"The archive took longer than 0.5 s." in answer
        with socket.create_connection(("127.0.0.1", one.port)) as dropped:
            dropped.sendall(headers.encode() + archive[:1000])
            wait(lambda: bool(left(uploads)))
        wait(lambda: not left(uploads))
        assert scan(one, archive).status == 200


def test_archives_that_are_attacks(server, files, uploads, wait):
    bomb = zipped({"zeros": bytes(40_000_000)})
    assert len(bomb) < 100_000
    assert "at most 30,000,000 bytes" in refused(scan(server, bomb), 413)
    # It says that it is small.
    lying = bomb.replace(struct.pack("<I", 40_000_000), struct.pack("<I", 1000))
    assert scan(server, lying).status in (400, 413)
    many = zipped({str(number): b"" for number in range(101)})
    assert "at most 100 files" in refused(scan(server, many), 413)
    understated = bytearray(many)
    understated[-12:-10] = understated[-14:-12] = struct.pack("<H", 5)
    assert scan(server, bytes(understated)).status in (400, 413)
    assert "at most 20,000,000 bytes" in refused(scan(server, bytes(20_000_001)), 413)
    whole = zipped({"a": b"some content" * 100}, zipfile.ZIP_STORED)
    broken = whole.replace(b"some content", b"same content", 1)
    assert "damaged" in refused(scan(server, broken), 400)
    encrypted = bytearray(zipped({"a": b"x"}))
    for mark, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        encrypted[encrypted.index(mark) + at] |= 1
    assert refused(scan(server, bytes(encrypted)), 400) == "The archive is encrypted."
    wait(lambda: not left(uploads))
    assert scan(server, zipped(files)).status == 200


def test_a_hundred_thousand_files(start, folder, tmp_path):
    """By the limits that a server has by default."""
    many = zipped_empty(100_000)
    with start(folder, scanning=Scanning(ScanLimits(), UploadFolder(tmp_path / "up"))) as one:
        assert "at most 4,096 files" in refused(scan(one, many), 413)


def test_bounds_of_a_series(start, folder, files, tmp_path):
    for limits, sentence in (
        (ScanLimits(max_slices=5), "at most 5 slices"),
        (ScanLimits(max_slice_pixels=1000), "at most 1,000 pixels"),
    ):
        with start(folder, scanning=Scanning(limits, UploadFolder(tmp_path / "up"))) as one:
            assert sentence in refused(scan(one, zipped(files)), 413)


def test_too_many_and_too_long(start, folder, files, tmp_path, monkeypatch, wait):
    go, started = threading.Event(), threading.Event()

    def slow(self: CTScanner, volume: Any) -> list:
        started.set()
        assert go.wait(30)
        return []

    monkeypatch.setattr(CTScanner, "scan", slow)
    limits = ScanLimits(max_scans=1, scan_seconds=1.0, retry_after_seconds=7)
    with start(folder, scanning=Scanning(limits, UploadFolder(tmp_path / "up"))) as one:
        replies: list[Any] = []
        first = threading.Thread(target=lambda: replies.append(scan(one, zipped(files))))
        first.start()
        assert started.wait(30)
        second = scan(one, zipped(files))
        assert refused(second, 503) == "Too many scans are under way; try again."
        assert second.headers["retry-after"] == "7"
        first.join(30)
        assert refused(replies[0], 503) == "No answer within 1 s; try again."
        assert scan(one, zipped(files)).status == 503  # the first is still at it
        go.set()
        end = time.monotonic() + 30
        while scan(one, zipped(files)).status != 200:
            assert time.monotonic() < end
        wait(lambda: not left(tmp_path / "up"))


def test_a_model_without_a_scanner(start, serving_folder, files, tmp_path):
    with start(serving_folder, scanning=Scanning(ScanLimits(), UploadFolder(tmp_path / "up"))) as one:
        assert "scans no whole CTs" in refused(scan(one, zipped(files)), 404)


def test_a_scanner_of_another_task_is_left_out(start, tmp_path, add, classifier_file, caplog):
    from tests.serving.conftest import SCANNER_PROPERTIES, build_scanner

    add(tmp_path, 1, onnx.load(classifier_file))
    scanner = build_scanner({**SCANNER_PROPERTIES, "task": "malignancy"})
    (tmp_path / "1" / "scanner.onnx").write_bytes(scanner.SerializeToString())
    with start(tmp_path) as one:
        assert one.service.require("classifier", None).scanner is None
    assert "No whole CTs are scanned" in caplog.text


def test_uploads_are_private_and_swept(tmp_path: Path):
    parent = tmp_path / "up"
    running = UploadFolder(parent)
    left_behind = parent / "server-dead"
    left_behind.mkdir()
    (left_behind / "archive").write_text("a patient's")
    other = UploadFolder(parent)
    assert not left_behind.exists()
    assert running.path.is_dir() and other.path.is_dir()
    for path in (parent, running.path, running.new()):
        assert stat.S_IMODE(path.stat().st_mode) == 0o700
    running.close()
    other.close()
    assert not running.path.exists()
    parent.chmod(0o755)
    with pytest.raises(InputError, match="is open to others"):
        UploadFolder(parent)


def test_problems_are_told_as_json(server):
    assert refused(server.ask("GET", "/scan"), 405) == "Method Not Allowed"
    assert json.loads(server.ask("GET", "/openapi.json").body)["paths"]["/scan"]["post"]["requestBody"]

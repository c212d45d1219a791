"""A series goes from a real Orthanc through the server, and the results back into it."""

import base64
import http.client
import io
import json
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pydicom
import pytest

pytest.importorskip("highdicom", reason="no highdicom here: pip install 'lungnet[dicom]'")

from lungnet.ct import find_series, read_series
from lungnet.serving import CTScanner
from lungnet.serving.server.dicomweb_servers import DicomwebServer, dicomweb_servers
from lungnet.serving.server.scan_limits import ScanLimits
from lungnet.serving.server.scanning import Scanning
from lungnet.serving.server.uploads import UploadFolder
from tests.serving.server.conftest import Running, left, refused

#: Where Debian's packages put them.
BINARY, PLUGIN = "Orthanc", Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")
USER, PASSWORD = "lungnet", "Abracadabra"


@dataclass(frozen=True)
class Orthanc:
    """An Orthanc that answers on this machine."""

    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/dicom-web"

    def server(self, password: str = PASSWORD) -> dict[str, DicomwebServer]:
        credentials = {"LUNGNET_DICOMWEB_ARCHIVE_USER": USER, "LUNGNET_DICOMWEB_ARCHIVE_PASSWORD": password}
        return dicomweb_servers([f"archive={self.url}/"], environment=credentials)

    def ask(self, method: str, path: str, body: bytes | None = None) -> bytes:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        basic = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        try:
            connection.request(method, path, body, {"Authorization": f"Basic {basic}"})
            answer = connection.getresponse()
            content = answer.read()
            assert answer.status == 200, content
            return content
        finally:
            connection.close()

    def add(self, folder: Path) -> tuple[str, str]:
        """Puts the files of a series in; returns the UIDs of its study and of itself."""
        paths = sorted(path for path in folder.iterdir() if path.suffix != ".xml")
        for path in paths:
            self.ask("POST", "/instances", path.read_bytes())
        header = pydicom.dcmread(paths[0], stop_before_pixels=True)
        return header.StudyInstanceUID, header.SeriesInstanceUID

    def instances(self, modality: str) -> list[pydicom.Dataset]:
        """What it holds of a modality."""
        query = {"Level": "Instance", "Query": {"Modality": modality}}
        ids = json.loads(self.ask("POST", "/tools/find", json.dumps(query).encode()))
        return [pydicom.dcmread(io.BytesIO(self.ask("GET", f"/instances/{one}/file"))) for one in ids]


@pytest.fixture(scope="module")
def orthanc(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orthanc]:
    if shutil.which(BINARY) is None or not PLUGIN.exists():
        pytest.skip("no Orthanc with DICOMweb here: apt-get install orthanc orthanc-dicomweb")
    folder = tmp_path_factory.mktemp("orthanc")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    settings = {
        "StorageDirectory": str(folder / "storage"),
        "IndexDirectory": str(folder / "index"),
        "HttpPort": port,
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": True,
        "RegisteredUsers": {USER: PASSWORD},
        "DicomServerEnabled": False,
        "Plugins": [str(PLUGIN)],
        "DicomWeb": {"Enable": True, "Root": "/dicom-web/"},
    }
    configuration = folder / "orthanc.json"
    configuration.write_text(json.dumps(settings))
    with (folder / "log").open("w") as log:
        process = subprocess.Popen([BINARY, str(configuration)], stdout=log, stderr=log)
    try:
        one = Orthanc(port)
        end = time.monotonic() + 30
        while True:
            try:
                one.ask("GET", "/system")
                break
            except OSError:
                assert process.poll() is None and time.monotonic() < end, (folder / "log").read_text()
                time.sleep(0.05)
        yield one
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def series(orthanc: Orthanc, ct: Path) -> tuple[str, str]:
    """UIDs of the chest's study and series, which Orthanc has."""
    return orthanc.add(ct)


@pytest.fixture(scope="module")
def server(start_module: Any, folder: Path, orthanc: Orthanc, tmp_path_factory: Any) -> Iterator[Running]:
    scanning = Scanning(ScanLimits(), UploadFolder(tmp_path_factory.mktemp("up") / "loads"))
    with start_module(folder, scanning=scanning, dicomweb=orthanc.server()) as one:
        yield one


def scan(server: Running, study: str, series: str, **more: Any) -> Any:
    told = {"server": "archive", "StudyInstanceUID": study, "SeriesInstanceUID": series, **more}
    return server.ask("POST", "/scan/dicomweb", json.dumps(told).encode())


def test_report_and_segmentation_come_back(server, orthanc, series, ct, scanner_file, caplog):
    expected = CTScanner(scanner_file, providers=["CPUExecutionProvider"]).scan(read_series(ct))
    reply = scan(server, *series, seg=True)
    assert reply.status == 200, reply.body
    told = reply.json()
    assert len(expected) == 2
    assert [one["probability"] for one in told["detections"]] == [
        pytest.approx(one.probability) for one in expected
    ]
    (report,), (segmentation,) = orthanc.instances("SR"), orthanc.instances("SEG")
    assert [one["Modality"] for one in told["stored"]] == ["SR", "SEG"]
    for stored, found in zip(told["stored"], (report, segmentation), strict=True):
        assert stored["SOPInstanceUID"] == found.SOPInstanceUID
        assert stored["SeriesInstanceUID"] == found.SeriesInstanceUID
        assert (found.StudyInstanceUID, found.PatientID) == (series[0], "SECRET-4711")
    assert report.VerificationFlag == "UNVERIFIED"
    assert len(segmentation.SegmentSequence) == 2
    # The same again is the same report, of which the archive keeps one.
    again = scan(server, *series)
    assert (again.status, again.json()["stored"]) == (200, told["stored"][:1])
    assert len(orthanc.instances("SR")) == 1
    for secret in ("SECRET", "Geheim", series[0], series[1], PASSWORD):
        assert secret not in caplog.text
        assert secret not in json.dumps(told["detections"])


def test_series_that_are_not_there(server, series):
    for study, one in ((series[0], "1.2.3"), ("1.2.3", series[1])):
        assert refused(scan(server, study, one), 404) == "The DICOMweb server has no such series."


def test_a_report_is_no_ct(server, orthanc, series):
    stored = scan(server, *series).json()["stored"][0]
    said = refused(scan(server, series[0], stored["SeriesInstanceUID"]), 422)
    assert said == "The series is no CT, by its (0008,0060) Modality."


def test_two_patients(server, orthanc, ct, tmp_path):
    for number, path in enumerate(sorted(ct.iterdir())):
        dataset = pydicom.dcmread(path)
        dataset.StudyInstanceUID, dataset.SeriesInstanceUID = "2.25.31", "2.25.32"
        dataset.SOPInstanceUID = f"2.25.33.{number}"
        dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
        if number == 3:
            dataset.PatientID = "OTHER-1"
        dataset.save_as(tmp_path / path.name)
    before = len(orthanc.instances("SR"))
    reply = scan(server, *orthanc.add(tmp_path))
    assert refused(reply, 422) == "The slices name 2 patients, (0010,0020); expected one."
    assert len(orthanc.instances("SR")) == before


def test_limits_while_fetching(start, folder, orthanc, series, tmp_path, wait):
    for limits, status, sentence in (
        (ScanLimits(max_slices=5), 413, "at most 5 slices"),  # by what a query tells
        (ScanLimits(max_unpacked_bytes=100_000), 413, "at most 100,000 bytes"),
        (ScanLimits(max_voxels=100_000), 413, "at most 100,000 voxels"),
        (ScanLimits(fetch_seconds=1e-4), 504, "archive took too long sending the series"),
        (ScanLimits(store_seconds=1e-4), 504, "archive took too long taking the results"),
    ):
        scanning = Scanning(limits, UploadFolder(tmp_path / "up"))
        with start(folder, scanning=scanning, dicomweb=orthanc.server()) as one:
            assert sentence in refused(scan(one, *series), status)
            wait(lambda: not left(tmp_path / "up"))


def test_credentials_that_are_not_accepted(start, folder, orthanc, series, tmp_path, caplog):
    scanning = Scanning(ScanLimits(), UploadFolder(tmp_path / "up"))
    with start(folder, scanning=scanning, dicomweb=orthanc.server("hocus pocus")) as one:
        said = refused(scan(one, *series), 502)
    assert said == "DICOMweb server archive did not accept this server's credentials."
    assert "hocus" not in caplog.text


def test_a_phantom(server, orthanc, phantom_folder):
    (found,) = find_series(phantom_folder)
    reply = scan(server, *orthanc.add(found.folder))
    assert reply.status == 200, reply.body
    assert reply.json()["stored"][0]["SOPInstanceUID"] in [
        one.SOPInstanceUID for one in orthanc.instances("SR")
    ]


def test_a_real_ct(server, orthanc, lungnet_data):
    (found,) = find_series(lungnet_data / "lidc" / "LIDC-IDRI-0001")
    study, series = orthanc.add(found.folder)
    reply = scan(server, study, series, seg=True)
    assert reply.status == 200, reply.body
    told = reply.json()
    assert {one["series_uid"] for one in told["detections"]} <= {series}
    report = next(
        one for one in orthanc.instances("SR") if one.SOPInstanceUID == told["stored"][0]["SOPInstanceUID"]
    )
    assert (report.StudyInstanceUID, report.PatientID) == (study, "LIDC-IDRI-0001")

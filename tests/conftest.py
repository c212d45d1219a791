"""Fixtures that every room uses."""

import json
import os
import signal
import subprocess
import sys

# Before anything imports TensorFlow: its banner and its oneDNN notice are no test's business.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
# Before anything hashes a patient: no test writes a key into the home of who runs it.
os.environ["LUNGNET_ID_KEY"] = "the key of the tests, no secret"

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, CTImageStorage, ExplicitVRLittleEndian

from lungnet.ct import Volume

REPOSITORY = Path(__file__).resolve().parents[1]
DEFAULT_DATA = REPOSITORY.parent / "shared" / "data"


def pytest_configure() -> None:
    """What a shell starts in the background ignores Ctrl-C, and so would programs that tests interrupt."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def lungnet_data() -> Path:
    """The folder of real data, or a skip that says how to have it."""
    folder = Path(os.environ.get("LUNGNET_DATA", DEFAULT_DATA))
    if not (folder / "lidc").is_dir():
        pytest.skip(f"no real CT at {folder}: set LUNGNET_DATA to a folder with lidc/ and luna16/")
    return folder


@dataclass(frozen=True)
class Kubeflow:
    """The environment that has kfp: kfp and TensorFlow's environment want different versions of protobuf."""

    python: Path

    def __call__(self, *arguments: object) -> subprocess.CompletedProcess[str]:
        """Runs its Python, which finds this checkout and the modules beside `tests/pipeline`."""
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(map(str, (REPOSITORY, REPOSITORY / "tests" / "pipeline"))),
            # Steps are run by `python`, whichever comes first: the one that runs these tests.
            "PATH": os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"])),
        }
        call = [str(self.python), *map(str, arguments)]
        return subprocess.run(call, capture_output=True, text=True, env=environment)

    def run(self, file: Path, root: Path, *parameters: str) -> subprocess.CompletedProcess[str]:
        """Runs a compiled pipeline on this machine, in processes instead of containers."""
        return self(REPOSITORY / "tests" / "kubeflow_local.py", file, root, *parameters)

    def documents(self, file: Path) -> list[dict[str, Any]]:
        """Reads a compiled pipeline: its specification, and that of the platform if there is one."""
        code = "import json, sys, yaml; print(json.dumps(list(yaml.safe_load_all(open(sys.argv[1])))))"
        read = self("-c", code, file)
        assert read.returncode == 0, read.stderr
        documents: list[dict[str, Any]] = json.loads(read.stdout)
        return documents


@pytest.fixture(scope="session")
def kubeflow() -> Kubeflow:
    """The environment that has kfp, or a skip that says how to have it."""
    python = Path(os.environ.get("LUNGNET_KUBEFLOW_PYTHON", REPOSITORY / ".venv-kubeflow" / "bin" / "python"))
    if not python.is_file():
        pytest.skip(f"no kfp at {python}: make kubeflow sets it up")
    return Kubeflow(python)


@dataclass(frozen=True)
class TinyCT:
    """A tiny CT on disk and what a reader must make of it."""

    folder: Path
    files: list[Path]  # one for each slice in order along the normal, then the copy
    volume: Volume


def _write_tiny_ct(
    folder: Path,
    *,
    slices: int = 7,
    rows: int = 48,
    columns: int = 56,
    patient_id: str = "PHANTOM-9001",
    series_uid: str = "2.25.900100",
    orientation: tuple[float, ...] = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0),
    stored: np.ndarray | None = None,
    slope: float = 0.5,
    intercept: float = -1000.25,
    skip: tuple[int, ...] = (),
    copy: int | None = 2,
    edit: Callable[[int, Dataset], None] = lambda index, dataset: None,
    transfer_syntax: str = ExplicitVRLittleEndian,
) -> TinyCT:
    """Writes a CT series: signed pixels, slope not 1, an intercept that grows by 0.25 a slice, file names
    out of order and one slice twice.

    Args:
        stored: int16 `(slices, rows, columns)`, random values by default.
        skip: slices that are not written.
        copy: the slice that is written twice, or None.
        edit: called with each slice's index and dataset before it is written.
    """
    rng = np.random.default_rng(5)
    if stored is None:
        stored = rng.integers(-500, 4500, (slices, rows, columns)).astype(np.int16)
    slices, rows, columns = stored.shape
    origin, spacing = np.array([-120.5, 33.25, -70.0]), (2.5, 0.75, 0.625)
    row, column = np.reshape(orientation, (2, 3))
    normal = np.cross(row, column)
    folder.mkdir(parents=True, exist_ok=True)
    names = rng.permutation(slices + 1)
    order = [*range(slices), *([] if copy is None else [copy])]
    files = {}
    for number, index in enumerate(order):
        meta = FileMetaDataset()
        meta.MediaStorageSOPClassUID = CTImageStorage
        meta.MediaStorageSOPInstanceUID = UID(f"{series_uid}.{index + 1}")
        meta.TransferSyntaxUID = UID(transfer_syntax)
        dataset = Dataset()
        dataset.file_meta = meta
        dataset.SOPClassUID = CTImageStorage
        dataset.SOPInstanceUID = meta.MediaStorageSOPInstanceUID
        dataset.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
        dataset.Modality = "CT"
        dataset.Manufacturer = "TINY"
        dataset.PatientName = "Nobody^Ever"
        dataset.PatientID = patient_id
        dataset.StudyInstanceUID = f"{series_uid}.0"
        dataset.SeriesInstanceUID = series_uid
        dataset.InstanceNumber = slices - index
        dataset.SliceThickness = 3.0
        dataset.ImagePositionPatient = [float(x) for x in origin + spacing[0] * index * normal]
        dataset.ImageOrientationPatient = list(orientation)
        dataset.PixelSpacing = list(spacing[1:])
        dataset.SamplesPerPixel = 1
        dataset.PhotometricInterpretation = "MONOCHROME2"
        dataset.Rows, dataset.Columns = rows, columns
        dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 16, 15
        dataset.PixelRepresentation = 1
        dataset.RescaleSlope, dataset.RescaleIntercept = slope, intercept + 0.25 * index
        dataset.PixelData = stored[index].astype("<i2").tobytes()
        edit(index, dataset)
        if index not in skip:
            path = folder / f"{names[number]:04d}.dcm"
            dataset.save_as(path, enforce_file_format=True)
            files[number] = path
    hu = slope * stored + (intercept + 0.25 * np.arange(slices))[:, None, None]
    volume = Volume(
        hu=np.clip(np.rint(hu), -32768, 32767).astype(np.int16),
        spacing_mm=spacing,
        origin_xyz_lps_mm=(float(origin[0]), float(origin[1]), float(origin[2])),
        direction=np.stack([row, column, normal], axis=1),
        series_uid=series_uid,
        patient_id=patient_id,
        slice_thickness_mm=3.0,
        manufacturer="TINY",
    )
    return TinyCT(folder, list(files.values()), volume)


@pytest.fixture(scope="session")
def write_tiny_ct() -> Callable[..., TinyCT]:
    """The function that writes a tiny CT: `write_tiny_ct(folder, **changes) -> TinyCT`."""
    return _write_tiny_ct


@pytest.fixture
def tiny_ct(tmp_path: Path) -> TinyCT:
    """A tiny CT in a folder of its own: `folder`, `files` and `volume`, what a reader must make of it."""
    return _write_tiny_ct(tmp_path / "tiny_ct")

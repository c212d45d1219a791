import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK

from lungnet.ct import read_series
from lungnet.phantom.dicom import IMPLEMENTATION_UID, SeriesHeader, phantom_uid, write_series

HEADER = SeriesHeader(
    patient_id="PHANTOM-0007",
    study_uid="2.25.71",
    series_uid="2.25.72",
    pixel_mm=0.703125,
    spacing_mm=1.25,
    thickness_mm=2.5,
    bottom_z_mm=-100.3,
    comment="Nodules of nobody",
)


@pytest.fixture(scope="module")
def hu() -> np.ndarray:
    values = np.random.default_rng(0).integers(-1024, 3000, (3, 16, 12)).astype(np.int16)
    values[0, 0, :2] = (-1024, 3071)
    return values


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, hu: np.ndarray) -> Path:
    folder = tmp_path_factory.mktemp("series")
    write_series(folder, hu, HEADER)
    return folder


def test_values_and_geometry_are_read_back(folder: Path, hu: np.ndarray):
    volume = read_series(folder)
    np.testing.assert_array_equal(volume.hu, hu)
    assert volume.spacing_mm == pytest.approx((1.25, 0.703125, 0.703125))
    assert volume.origin_xyz_lps_mm[2] == pytest.approx(-100.3)
    # The middle of the image is the middle of the frame.
    np.testing.assert_allclose(volume.index_to_world([0, 7.5, 5.5])[:1], 0.0, atol=1e-3)
    assert (volume.patient_id, volume.series_uid) == ("PHANTOM-0007", "2.25.72")
    assert (volume.slice_thickness_mm, volume.manufacturer) == (2.5, "lungnet phantom")


def test_simpleitk_reads_the_same(folder: Path):
    reader = SimpleITK.ImageSeriesReader()
    reader.SetFileNames(SimpleITK.ImageSeriesReader.GetGDCMSeriesFileNames(str(folder)))
    image = reader.Execute()
    volume = read_series(folder)
    np.testing.assert_array_equal(SimpleITK.GetArrayFromImage(image), volume.hu)
    np.testing.assert_allclose(image.GetOrigin(), volume.origin_xyz_lps_mm, atol=1e-6)
    np.testing.assert_allclose(image.GetSpacing()[::-1], volume.spacing_mm, atol=1e-6)


def test_headers_say_that_it_is_a_phantom(folder: Path):
    first = pydicom.dcmread(folder / "000001.dcm")
    assert first.SeriesDescription == "Synthetic phantom, not a patient"
    assert (first.PatientID, first.ImageComments) == ("PHANTOM-0007", "Nodules of nobody")
    assert first.QualityControlImage == "YES"
    assert first.file_meta.ImplementationClassUID == IMPLEMENTATION_UID
    # The first file is the uppermost slice.
    assert first.ImagePositionPatient[2] == pytest.approx(-97.8)
    assert first["PixelData"].VR == "OW" and first.PixelRepresentation == 1


def test_uids_are_valid_and_differ():
    uids = {phantom_uid("a", "b"), phantom_uid("a", "c"), phantom_uid("b", "a")}
    assert len(uids) == 3
    assert phantom_uid("a", "b") in uids
    for uid in uids:
        assert re.fullmatch(r"2\.25\.[1-9]\d{0,38}", uid)


def test_dciodvfy_finds_no_error(folder: Path):
    if shutil.which("dciodvfy") is None:
        pytest.skip("dciodvfy is not installed (Debian package dicom3tools)")
    for path in sorted(folder.iterdir()):
        said = subprocess.run(["dciodvfy", str(path)], capture_output=True, text=True, check=False)
        assert said.returncode == 0
        assert "Error" not in said.stdout + said.stderr
        assert "CTImage" in said.stdout + said.stderr

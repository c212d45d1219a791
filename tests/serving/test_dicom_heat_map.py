"""Heat maps as DICOM parametric maps: values, places, what dicom3tools says, and what must not happen."""

import logging
from datetime import datetime
from pathlib import Path

import numpy as np
import pydicom
import pytest

from lungnet.ct import read_series
from lungnet.errors import InputError
from lungnet.serving import HeatMap, ScanGrid, heat_map_dataset, write_dicom_heat_map
from tests.serving.test_dicom_results import SECRETS, tool


def heat_of(folder: Path, stride: int = 8) -> HeatMap:
    """Any heat map of a series, of other values at each cell."""
    slices, rows, columns = read_series(folder).hu.shape
    shape = (slices, -(-rows // stride), -(-columns // stride))
    values = np.random.default_rng(0).random(shape).astype(np.float32)
    return HeatMap(values, ScanGrid(values > 0.1, stride))


@pytest.mark.parametrize("stride", [4, 8])
def test_values_and_places(hospital_ct, model_facts, tmp_path, stride):
    heat = heat_of(hospital_ct.folder, stride)
    write_dicom_heat_map(tmp_path / "heat.dcm", hospital_ct.folder, heat, model_facts)
    found = pydicom.dcmread(tmp_path / "heat.dcm")
    values = np.frombuffer(found.FloatPixelData, "<f4").reshape(heat.probability.shape)
    volume = read_series(hospital_ct.folder)
    orientation = found.SharedFunctionalGroupsSequence[0].PlaneOrientationSequence[0].ImageOrientationPatient
    across, down = np.reshape([float(value) for value in orientation], (2, 3))
    row_mm, column_mm = found.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0].PixelSpacing
    assert len(found.PerFrameFunctionalGroupsSequence) == len(values)
    for z, frame in enumerate(found.PerFrameFunctionalGroupsSequence):
        first = np.array([float(v) for v in frame.PlanePositionSequence[0].ImagePositionPatient])
        # Frames need not lie in the order of the slices: each is looked up where it is.
        at = round(float(volume.world_to_index(first)[0]))
        np.testing.assert_array_equal(values[z], heat.probability[at])
        cell = first + 2 * float(row_mm) * down + float(column_mm) * across
        np.testing.assert_allclose(cell, volume.index_to_world((at, 2.0 * stride, 1.0 * stride)), atol=1e-3)
    mapping = found.SharedFunctionalGroupsSequence[0].RealWorldValueMappingSequence[0]
    assert mapping.QuantityDefinitionSequence[0].ConceptCodeSequence[0].CodeMeaning == "Certainty of Finding"
    assert (found.Modality, found.ContentQualification) == ("OT", "RESEARCH")


def test_dicom3tools_finds_no_error(hospital_ct, model_facts, tmp_path, lungnet_data):
    for name, folder in (
        ("hospital", hospital_ct.folder),
        ("lidc", lungnet_data / "lidc" / "LIDC-IDRI-0001"),
    ):
        path = tmp_path / f"{name}.dcm"
        write_dicom_heat_map(path, folder, heat_of(folder), model_facts)
        told = tool("dciodvfy", path)
        assert "ParametricMap" in told.splitlines() and "Error" not in told


def test_the_same_heat_map_is_the_same_instance(hospital_ct, model_facts):
    heat, at = heat_of(hospital_ct.folder), datetime(2026, 1, 2, 3, 4, 5)
    one, again = (heat_map_dataset(hospital_ct.folder, heat, model_facts, at) for _ in range(2))
    assert one == again
    other = HeatMap(heat.probability * np.float32(0.5), heat.grid)
    changed = heat_map_dataset(hospital_ct.folder, other, model_facts, at)
    assert changed.SOPInstanceUID != one.SOPInstanceUID
    assert changed.SeriesInstanceUID == one.SeriesInstanceUID


def test_another_series_heat_map_is_refused(hospital_ct, model_facts, tmp_path):
    heat = heat_of(hospital_ct.folder)
    with pytest.raises(InputError, match="The heat map is of another series: expected"):
        write_dicom_heat_map(
            tmp_path / "heat.dcm", hospital_ct.folder, HeatMap(heat.probability[1:], heat.grid), model_facts
        )
    assert not (tmp_path / "heat.dcm").exists()


def test_nothing_tells_of_the_patient(hospital_ct, model_facts, tmp_path, caplog, capfd, recwarn):
    with caplog.at_level(logging.DEBUG):
        write_dicom_heat_map(
            tmp_path / "heat.dcm", hospital_ct.folder, heat_of(hospital_ct.folder), model_facts
        )
    out, err = capfd.readouterr()
    for told in (caplog.text, out, err, *(str(one.message) for one in recwarn)):
        assert not any(secret in told for secret in SECRETS)
    assert b"Geheim" in (tmp_path / "heat.dcm").read_bytes()  # where it belongs

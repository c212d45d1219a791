"""What results inherit from a series: the bytes of patient and study, and nothing of them anywhere else."""

import logging
import shutil
import warnings

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from lungnet.ct import CTReadError, find_series
from lungnet.serving import read_source

SYNTAXES = (
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    ExplicitVRBigEndian,
    DeflatedExplicitVRLittleEndian,
)


def passed_on(source, tmp_path) -> Dataset:
    """A result that holds nothing but what it inherits, written and read."""
    result = Dataset()
    source.pass_on(result)
    pydicom.dcmwrite(tmp_path / "result.dcm", result, implicit_vr=False, little_endian=True)
    return pydicom.dcmread(tmp_path / "result.dcm", force=True)


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_patient_and_study_are_passed_on(write_tiny_ct, complete_header, tmp_path, syntax):
    ct = write_tiny_ct(tmp_path / "ct", edit=complete_header, transfer_syntax=syntax)
    result = passed_on(read_source(ct.folder), tmp_path)
    assert str(result.PatientName) == "Geheim^Rat"
    assert (result.PatientID, result.PatientBirthDate, result.PatientSex) == ("SECRET-4711", "19500102", "O")
    assert (result.StudyDate, result.StudyTime) == ("20250304", "101112")
    assert (result.AccessionNumber, result.StudyID) == ("ACC-0815", "ST-3")
    assert str(result.ReferringPhysicianName) == "Hippokrates^^^Dr."
    assert result.StudyDescription == "Thorax"
    assert "SpecificCharacterSet" not in result  # nor had the series one


@pytest.mark.parametrize(
    ("character_set", "name"),
    [
        ("ISO_IR 100", "Müller^Jörg"),
        (["", "ISO 2022 IR 87"], "Yamada^Tarou=山田^太郎=やまだ^たろう"),
        ("ISO_IR 192", "Ёжиков^Пётр"),
        ("GB18030", "Wang^XiaoDong=王^小东"),
    ],
)
@pytest.mark.parametrize("syntax", SYNTAXES[:2])
def test_names_of_every_alphabet(write_tiny_ct, complete_header, tmp_path, syntax, character_set, name):
    def edit(index, dataset):
        complete_header(index, dataset)
        dataset.SpecificCharacterSet = character_set
        dataset.PatientName = name

    ct = write_tiny_ct(tmp_path / "ct", edit=edit, transfer_syntax=syntax)
    result = passed_on(read_source(ct.folder), tmp_path)
    assert result.PatientName == name
    first = pydicom.dcmread(ct.files[0])
    assert result.SpecificCharacterSet == first.SpecificCharacterSet
    assert result.PatientName.original_string == first.PatientName.original_string


def test_values_that_break_the_standard_are_passed_on_in_silence(
    write_tiny_ct, complete_header, tmp_path, caplog
):
    """Warnings are errors here, and pydicom's would show the value."""

    def edit(index, dataset):
        complete_header(index, dataset)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            dataset.PatientBirthDate = "2. Januar 1950"
            dataset.PatientName = "Geheim" * 20
            dataset.PatientSex = "KEINES"
            dataset.StudyDate = "neulich"

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ct = write_tiny_ct(tmp_path / "ct", edit=edit)
    with caplog.at_level(logging.DEBUG):
        source = read_source(ct.folder)
        result = Dataset()
        source.pass_on(result)
        pydicom.dcmwrite(tmp_path / "result.dcm", result, implicit_vr=False, little_endian=True)
    written = (tmp_path / "result.dcm").read_bytes()
    for value in (b"2. Januar 1950", b"Geheim" * 20, b"KEINES", b"neulich"):
        assert value in written
    assert "Geheim" not in caplog.text


def test_what_a_series_lacks_is_empty_and_codes_of_deidentification_are_kept(
    write_tiny_ct, complete_header, tmp_path
):
    def edit(index, dataset):
        complete_header(index, dataset)
        for keyword in ("StudyID", "StudyTime", "AccessionNumber", "StudyDescription"):
            delattr(dataset, keyword)
        dataset.PatientName = ""
        dataset.PatientIdentityRemoved = "YES"
        code = Dataset()
        code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = "113100", "DCM", "Basic Profile"
        dataset.DeidentificationMethodCodeSequence = [code]

    for syntax in SYNTAXES[:3]:
        ct = write_tiny_ct(tmp_path / syntax.name, edit=edit, transfer_syntax=syntax)
        result = passed_on(read_source(ct.folder), tmp_path)
        for keyword in ("StudyID", "StudyTime", "AccessionNumber", "PatientName"):
            assert str(result[keyword].value or "") == ""
        assert "StudyDescription" not in result
        assert result.PatientIdentityRemoved == "YES"
        assert result.DeidentificationMethodCodeSequence[0].CodeValue == "113100"


def test_images_are_in_order_and_hold_nothing_of_the_patient(hospital_ct):
    (series,) = find_series(hospital_ct.folder)
    source = read_source(series)
    assert source.series_uid == series.series_uid
    assert [str(image.SOPInstanceUID) for image in source.images] == [
        str(pydicom.dcmread(path).SOPInstanceUID) for path in hospital_ct.files[:-1]
    ]
    for index, image in enumerate(source.images):
        place = [float(value) for value in image.ImagePositionPatient]
        np.testing.assert_allclose(place, hospital_ct.volume.index_to_world((index, 0, 0)), atol=1e-9)
        text = str(image)
        for secret in ("Geheim", "4711", "1950", "0815", "Hippo", "Thorax"):
            assert secret not in text
    assert read_source(source) is source


@pytest.mark.parametrize(
    ("keyword", "value", "complaint"),
    [
        ("PatientID", "SECRET-4712", r"another \(0010,0020\) Patient ID than"),
        ("StudyInstanceUID", "2.25.900100.99", r"another \(0020,000D\) Study Instance UID than"),
        ("FrameOfReferenceUID", "2.25.99", r"another \(0020,0052\) Frame of Reference UID than"),
        ("FrameOfReferenceUID", None, r"has no \(0020,0052\) Frame of Reference UID"),
        ("SOPInstanceUID", None, r"has no \(0008,0018\) SOP Instance UID"),
        ("FrameOfReferenceUID", ["2.25.1", "2.25.2"], r"\(0020,0052\) .* must be numbers between dots"),
    ],
)
def test_series_of_two_patients_or_without_uids_are_refused(
    write_tiny_ct, complete_header, tmp_path, keyword, value, complaint
):
    def edit(index, dataset):
        complete_header(index, dataset)
        if index == 4:
            delattr(dataset, keyword) if value is None else setattr(dataset, keyword, value)

    ct = write_tiny_ct(tmp_path / "ct", edit=edit)
    with pytest.raises(CTReadError, match=complaint) as refused:
        read_source(ct.folder)
    assert ct.files[4].name in str(refused.value)
    assert "SECRET" not in str(refused.value)


def test_broken_series_are_refused_as_they_are_for_reading(hospital_ct, tmp_path):
    with pytest.raises(CTReadError, match="holds no series"):
        read_source(hospital_ct.folder, "1.2.3")
    shutil.copytree(hospital_ct.folder, tmp_path / "gap")
    (tmp_path / "gap" / hospital_ct.files[3].name).unlink()
    with pytest.raises(CTReadError, match="missing between"):
        read_source(tmp_path / "gap")

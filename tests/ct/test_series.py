"""What find_series finds, and what it leaves out."""

import logging
import shutil

import pytest
from pydicom.uid import SecondaryCaptureImageStorage

from lungnet.ct import CTReadError, SeriesFiles, find_series, read_series
from lungnet.ct.series import survey


def test_empty_folder_has_no_series(tmp_path):
    assert find_series(tmp_path) == []


def test_missing_folder(tmp_path):
    with pytest.raises(CTReadError, match="gone is not a folder that exists"):
        find_series(tmp_path / "gone")


def test_one_series(tiny_ct):
    (tiny_ct.folder / "readers.xml").write_text("<xml/>")
    assert find_series(tiny_ct.folder.parent) == [
        SeriesFiles(
            series_uid=tiny_ct.volume.series_uid,
            patient_id="PHANTOM-9001",
            study_uid=f"{tiny_ct.volume.series_uid}.0",
            folder=tiny_ct.folder,
            files=tuple(sorted(tiny_ct.files)),
            kind="dicom",
        )
    ]


def test_sorted_by_patient_and_gathered_over_folders(write_tiny_ct, tmp_path):
    write_tiny_ct(tmp_path / "a", patient_id="PHANTOM-0002", series_uid="2.25.1")
    write_tiny_ct(tmp_path / "b", patient_id="PHANTOM-0001", series_uid="2.25.3")
    moved = write_tiny_ct(tmp_path / "c", patient_id="PHANTOM-0001", series_uid="2.25.2")
    (tmp_path / "c" / "more").mkdir()
    shutil.move(moved.files[0], tmp_path / "c" / "more")
    found = find_series(tmp_path)
    assert [(one.patient_id, one.series_uid) for one in found] == [
        ("PHANTOM-0001", "2.25.2"),
        ("PHANTOM-0001", "2.25.3"),
        ("PHANTOM-0002", "2.25.1"),
    ]
    assert found[0].folder == tmp_path / "c"
    assert len(found[0].files) == len(moved.files)


def test_names_do_not_matter_hidden_files_do(tiny_ct):
    for number, path in enumerate(tiny_ct.files):
        path.rename(path.with_name(f"IM{number}"))
    (tiny_ct.folder / "._0001.dcm").write_bytes(b"resource fork")
    (found,) = find_series(tiny_ct.folder)
    assert len(found.files) == len(tiny_ct.files)
    assert found.broken == ()


def test_localisers_and_other_images_are_left_out(write_tiny_ct, tmp_path):
    def localise(index, dataset):
        dataset.ImageType = ["ORIGINAL", "PRIMARY", "LOCALIZER"]

    def magnetise(index, dataset):
        dataset.Modality = "MR"

    def capture(index, dataset):
        dataset.SOPClassUID = SecondaryCaptureImageStorage

    for name, edit in (("scout", localise), ("mr", magnetise), ("screen", capture)):
        write_tiny_ct(tmp_path / name, edit=edit, series_uid=f"2.25.{len(name)}", slices=2, copy=None)
    assert find_series(tmp_path) == []
    assert survey(tmp_path).left_out == {"localiser": 2, "not a CT image": 4}
    with pytest.raises(CTReadError, match=r"no CT series.*left out: localiser: 2 files, not a CT image: 4"):
        read_series(tmp_path)


def test_broken_files_are_told_with_the_series_beside_them(tiny_ct, caplog):
    (tiny_ct.folder / "notes.dcm").write_text("not an image")
    with caplog.at_level(logging.WARNING, "lungnet.ct"):
        (found,) = find_series(tiny_ct.folder)
    assert found.broken == (tiny_ct.folder / "notes.dcm",)
    assert "1 file(s) are not what their names say" in caplog.text
    assert str(tiny_ct.folder) not in caplog.text
    with pytest.raises(CTReadError, match=r"notes\.dcm is named \.dcm but is not a DICOM file"):
        read_series(found)


def test_file_without_series_uid_is_broken(write_tiny_ct, tmp_path):
    def forget(index, dataset):
        if index == 1:
            del dataset.SeriesInstanceUID

    ct = write_tiny_ct(tmp_path / "ct", edit=forget)
    with pytest.raises(CTReadError, match=rf"{ct.files[1].name} has no \(0020,000E\)"):
        read_series(ct.folder)


def test_folders_that_link_to_themselves_are_searched_once(tiny_ct):
    (tiny_ct.folder / "again").symlink_to(tiny_ct.folder, target_is_directory=True)
    (found,) = find_series(tiny_ct.folder)
    assert len(found.files) == len(tiny_ct.files)


def test_archive_of_real_series(lungnet_data):
    found = find_series(lungnet_data / "lidc")
    assert [(one.patient_id, len(one.files)) for one in found] == [
        ("LIDC-IDRI-0001", 133),
        ("LIDC-IDRI-0003", 140),
    ]
    assert all(one.folder.name == one.series_uid for one in found)
    assert all(one.folder.parent.name == one.study_uid for one in found)

"""What each pass over an archive finds, series by series."""

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from lungnet.components.lidc_example_gen.annotated import annotate, annotated_archive
from lungnet.components.lidc_example_gen.left_out import LeftOut
from lungnet.components.lidc_example_gen.sample import (
    counts_from,
    left_out_from,
    patches_of_series,
    sample,
    sampled_from,
)
from lungnet.components.lidc_example_gen.survey import find_archive, series_from_json, series_to_json
from lungnet.config import PatchRules
from lungnet.ct import CTReadError, SeriesFiles, find_series
from lungnet.errors import InputError
from lungnet.lidc import annotations_of_series, nodules_of
from lungnet.patches import SampledSeries
from lungnet.pipeline import Engine, TaskResults

RULES = PatchRules()


@pytest.fixture
def engine() -> Iterator[Engine]:
    with Engine({"workers": 1}) as one:
        yield one


def test_the_archive_is_what_find_series_finds(phantoms: Path, write_tiny_ct, tmp_path: Path, engine: Engine):
    data = tmp_path / "ct"
    shutil.copytree(phantoms, data)
    spread = write_tiny_ct(data / "a", patient_id="PHANTOM-0002", series_uid="2.25.7")
    for number, path in enumerate(spread.files[:3]):  # one series in three folders
        folder = data / "a" / ("below" if number else "z")
        folder.mkdir(exist_ok=True)
        path.rename(folder / path.name)
    write_tiny_ct(data / "a", patient_id="PHANTOM-0001", series_uid="2.25.8")  # two series in one folder
    (data / "a" / "notes.dcm").write_text("not an image")
    archive = find_archive(data, TaskResults(tmp_path / "results"), engine)
    assert [archive.files(place) for place in archive.places] == find_series(data)
    assert len(archive) == 7
    assert all(place.patient_id.startswith("PHANTOM-") for place in archive.places)


def test_two_volumes_of_one_name_stay_two(tmp_path: Path, engine: Engine):
    for folder in ("a", "b"):
        (tmp_path / "ct" / folder).mkdir(parents=True)
        header = "ObjectType = Image\nNDims = 3\nDimSize = 2 2 2\nElementType = MET_SHORT\n"
        spacing = "ElementSpacing = 1 1 1\nOffset = 0 0 0\nElementDataFile = LIST.raw\n"
        (tmp_path / "ct" / folder / "1.3.6.1.4.1.14519.5.2.1.6279.6001.9.mhd").write_text(header + spacing)
    archive = find_archive(tmp_path / "ct", TaskResults(tmp_path / "results"), engine)
    assert [archive.files(place) for place in archive.places] == find_series(tmp_path / "ct")
    assert len({place.key for place in archive.places}) == 2


def test_a_series_keeps_its_files_through_json(tmp_path: Path):
    odd = Path(os.fsdecode(b"/archive/M\xfcller/ct"))  # a name in Latin-1
    files = (odd / "1.dcm", odd / "more/2.dcm")
    series = SeriesFiles("1.2", "P", "1.1", odd, files, "dicom", (odd / "broken",))
    assert series_from_json(json.loads(json.dumps(series_to_json(series)))) == series
    assert series_to_json(series)["files"] == ["1.dcm", "more/2.dcm"]
    here = SeriesFiles("1.2", "P", "1.1", Path(), (Path("1.dcm"),), "dicom")
    assert series_from_json(series_to_json(here)) == here


def test_nothing_to_find(tmp_path: Path, engine: Engine):
    (tmp_path / "ct").mkdir()
    with pytest.raises(CTReadError, match="holds no CT series"):
        annotated_archive(tmp_path / "ct", tmp_path / "results", engine)
    with pytest.raises(CTReadError, match="gone is not a folder that exists"):
        annotated_archive(tmp_path / "gone", tmp_path / "results", engine)


def test_annotations_are_those_of_the_series(phantoms: Path, tmp_path: Path, engine: Engine):
    found = annotated_archive(phantoms, tmp_path, engine)
    series = [one for one in find_series(phantoms) if one.series_uid not in found.left_out]
    assert len(found.scans) == len(series) == 4
    for one, (light, nodules) in zip(series, found.scans, strict=True):
        known = annotations_of_series(one)
        assert known is not None
        scan, annotations = known
        assert found.scan(found.places[one.series_uid]) == scan
        assert (light.series_uid, light.slice_z_mm) == (scan.series_uid, ())
        expected = nodules_of(scan, annotations)
        assert [nodule.annotations for nodule in nodules] == [()] * len(expected)
        for ours, theirs in zip(nodules, expected, strict=True):
            kept = {**vars(theirs), "annotations": (), "scan": light}
            assert vars(ours) == kept
        # With the scan at hand no header is read again.
        again = annotations_of_series(one, scan)
        assert again is not None and again[0] is scan
        assert [a.ratings for a in again[1]] == [a.ratings for a in annotations]


def test_series_without_annotations_and_with_broken_ones(
    phantoms: Path, write_tiny_ct, tmp_path: Path, engine: Engine
):
    data = tmp_path / "ct"
    write_tiny_ct(data / "nobody", series_uid="2.25.7")
    with pytest.raises(InputError, match=r"None of the 1 CT series below .* has annotations; .*2\.25\.7"):
        annotated_archive(data, tmp_path / "one", engine)
    ct = write_tiny_ct(data / "Smith^John", patient_id="PHANTOM-9002", series_uid="2.25.8")
    (ct.folder / "readers.xml").write_text("<LidcReadMessage>")
    with pytest.raises(InputError, match=r"readers\.xml is not well-formed XML"):
        annotated_archive(data, tmp_path / "two", engine)
    shutil.copytree(phantoms / "PHANTOM-0001", data / "PHANTOM-0001")
    found = annotated_archive(data, tmp_path / "three", engine)
    assert found.without_annotations == ["2.25.7"]
    assert len(found.scans) == 1
    (why,) = found.left_out.values()
    assert "Smith" in why.reason and "Smith" not in why.reason_without_folder
    assert why.reason_without_folder.startswith("readers.xml is not well-formed XML")


def test_a_result_holds_what_was_sampled(phantoms: Path):
    series = find_series(phantoms)[0]
    known = json.loads(annotate(series_to_json(series)))
    ids = [nodule["nodule_id"] for nodule in known["nodules"]][:1]
    result = sample(series_to_json(series), known["scan"], ids, RULES.model_dump(mode="json"), 3, "nodule")
    expected = direct(series, ids)
    assert isinstance(expected, SampledSeries)
    read = sampled_from(result)
    for ours, theirs in ((read.positives, expected.positives), (read.negatives, expected.negatives)):
        assert len(ours) == len(theirs) > 0
        for one, other in zip(ours, theirs, strict=True):
            assert np.array_equal(one.patch_hu, other.patch_hu)
            assert (one.center_zyx, one.offset_yx, one.series_uid) == (
                other.center_zyx,
                other.offset_yx,
                other.series_uid,
            )
            # As a record has them: with 32 bits.
            assert one.spacing_mm == tuple(float(np.float32(mm)) for mm in other.spacing_mm)
    assert counts_from(result) == (5, 8)  # 5 at the nodule; 1 and a half for each, rounded up
    assert left_out_from(result) is None


def direct(series: SeriesFiles, ids: list[int]) -> SampledSeries | LeftOut:
    known = annotations_of_series(series)
    assert known is not None
    scan, annotations = known
    nodules = [nodule for nodule in nodules_of(scan, annotations) if nodule.nodule_id in ids]
    return patches_of_series(series, scan, nodules, annotations, RULES, 3, "nodule")


def test_a_series_that_cannot_be_read_says_why(phantoms: Path, tmp_path: Path):
    data = tmp_path / "Smith^John"
    shutil.copytree(phantoms / "PHANTOM-0001", data)
    (series,) = find_series(data)
    os.truncate(series.files[3], series.files[3].stat().st_size - 100)
    known = json.loads(annotate(series_to_json(series)))
    ids = [nodule["nodule_id"] for nodule in known["nodules"]]
    result = sample(series_to_json(series), known["scan"], ids, RULES.model_dump(mode="json"), 3, "nodule")
    why = left_out_from(result)
    assert why == direct(series, ids)
    assert why is not None
    assert why.reason == f"{series.files[3]} is truncated: it ends 100 bytes before its last pixel."
    assert (
        why.reason_without_folder == f"{series.files[3].name}{why.reason.removeprefix(str(series.files[3]))}"
    )
    assert counts_from(result) == (0, 0)
    assert sampled_from(result) == SampledSeries([], [])


def test_malignancy_may_leave_a_series_without_patches(phantoms: Path):
    series = series_to_json(find_series(phantoms)[0])
    known = json.loads(annotate(series))
    result = sample(series, known["scan"], [], RULES.model_dump(mode="json"), 3, "malignancy")
    assert counts_from(result) == (0, 0)
    assert left_out_from(result) is None
    assert sampled_from(result) == SampledSeries([], [])


def test_windows_for_training_alone_are_told_apart(phantoms: Path):
    series = find_series(phantoms)[0]
    known = json.loads(annotate(series_to_json(series)))
    ids = [nodule["nodule_id"] for nodule in known["nodules"]]
    arguments = (series_to_json(series), known["scan"], ids, RULES.model_dump(mode="json"), 3)
    plain, more = sample(*arguments, "malignancy"), sample(*arguments, "malignancy", [2.0, 1.0])
    assert counts_from(plain) == counts_from(more) != (0, 0)
    read = sampled_from(more)
    assert [len(read.positives), len(read.negatives)] == list(counts_from(more))
    assert len(read.further) == len(read.positives) + 2 * len(read.negatives)
    for ours, theirs in zip(
        read.positives + read.negatives,
        [*sampled_from(plain).positives, *sampled_from(plain).negatives],
        strict=True,
    ):
        assert np.array_equal(ours.patch_hu, theirs.patch_hu)

import json
from pathlib import Path

from lungnet.cli.benchmark_folds import COHORT, count_patients, folds_of_ct
from lungnet.cli.root_file import RootFile
from lungnet.cli.running import Running
from lungnet.phantom import write_phantom
from lungnet.presets import load_config


def nodule(patient: str, malignancy: float, series: str = "") -> dict:
    return {"patient_id": patient, "series_uid": series or f"series of {patient}", "malignancy": malignancy}


COHORT_JSON = {
    "nodules": [
        nodule("a", 4.5),
        nodule("a", 3.0),
        nodule("b", 1.5),
        nodule("b", 5.0, "broken"),
        nodule("c", 0),
    ],
    "unreadable": {"broken": "its slices have gaps"},
    "split": {"train": ["b"], "validation": ["c"], "eval": ["a"]},
}


def test_nodules_have_negatives_beside_them():
    assert count_patients(COHORT_JSON, "nodule") == [("a", 2, 2), ("b", 1, 1), ("c", 1, 1)]


def test_a_rating_is_one_or_the_other_or_nothing():
    assert count_patients(COHORT_JSON, "malignancy") == [("a", 0, 1), ("b", 1, 0), ("c", 0, 0)]


def test_patients_of_ct_are_parted_once_and_the_ct_is_not_read_again(tmp_path: Path):
    write_phantom(tmp_path / "ct", 3, 0)
    source = RootFile(tmp_path / "ct", None, load_config("demo"))
    this = Running(root=tmp_path / "root" / COHORT, workers=1)
    assert folds_of_ct(Running(root=this.root, dry_run=True), source, 2) is None
    assert not this.root.exists()
    partition = folds_of_ct(this, source, 2)
    assert partition is not None
    assert partition.rule == "balanced"
    assert sorted(name for fold in partition.folds for name in fold) == [
        f"PHANTOM-{n:04}" for n in range(1, 4)
    ]
    assert sorted(len(fold) for fold in partition.folds) == [1, 2]
    (cohort,) = (this.root / "LidcExampleGen/cohort").iterdir()
    assert set(json.loads((cohort / "cohort.json").read_text("utf-8"))["split"]) == {
        "train",
        "validation",
        "eval",
    }
    assert folds_of_ct(this, source, 2) == partition
    assert len(list((this.root / "LidcExampleGen/cohort").iterdir())) == 1

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from lungnet.components import LidcExampleGen
from lungnet.components.lidc_example_gen.executor import describe
from lungnet.config import Config
from lungnet.errors import InputError
from lungnet.patches import SPLITS, find_anomalies, load_examples, summarize
from lungnet.pipeline import launch
from lungnet.presets import load_config

CONFIG = load_config("paper", settings=["selection.outlier_iqr=0", "split.validation_fraction=0.3"])


def generate(folder: Path, root: Path, config: Config = CONFIG):
    return launch(LidcExampleGen(input_base=str(folder)), {}, config, root)


def test_a_series_that_cannot_be_read_is_left_out_with_its_reason(phantoms: Path, tmp_path: Path):
    made = generate(phantoms, tmp_path)
    cohort = json.loads((made["cohort"].uri / "cohort.json").read_text("utf-8"))
    (reason,) = cohort["unreadable"].values()
    assert "lies on no slice of the series" in reason
    assert str(phantoms) not in json.dumps(cohort)  # a folder's name may be a patient's
    held = {patient for part in cohort["split"].values() for patient in part}
    assert len(held) >= 3
    assert "PHANTOM-0005" not in held
    assert "Phantom" in made["examples"].properties["data_description"]


def test_splits_are_by_patient_and_only_training_has_surplus_negatives(phantoms: Path, tmp_path: Path):
    made = generate(phantoms, tmp_path)
    splits = {split: load_examples(made["examples"].uri, split) for split in SPLITS}
    assert made["examples"].properties["unit"] == "patient"
    assert find_anomalies(splits.items(), summarize(splits, "patient")) == []
    for split, arrays in splits.items():
        positives, negatives = int(arrays.labels.sum()), int((arrays.labels == 0).sum())
        assert positives > 0
        if split == "train":
            # One for each positive and half as many more, rounded up for each series.
            assert 1.5 * positives <= negatives <= 1.5 * positives + len(set(arrays.series_uid))
        else:
            assert negatives == positives


def test_the_same_seed_gives_the_same_bytes(phantoms: Path, tmp_path: Path):
    first, again = generate(phantoms, tmp_path / "a"), generate(phantoms, tmp_path / "b")
    files = sorted(path.relative_to(first["examples"].uri) for path in first["examples"].uri.rglob("*.gz"))
    assert files
    for name in files:
        assert (first["examples"].uri / name).read_bytes() == (again["examples"].uri / name).read_bytes()


def test_the_papers_random_split_is_called_one_over_patches(phantoms: Path, tmp_path: Path):
    config = load_config("paper", settings=["selection.outlier_iqr=0", "split.by=random"])
    made = generate(phantoms, tmp_path, config)
    assert made["examples"].properties["unit"] == "patch"
    evaluation = load_examples(made["examples"].uri, "eval")
    assert set(evaluation.patient_id) & set(load_examples(made["examples"].uri, "train").patient_id)


def test_one_broken_series_alone_says_what_is_wrong_with_it(phantoms: Path, tmp_path: Path):
    with pytest.raises(InputError, match="PHANTOM-0005"):
        generate(phantoms / "PHANTOM-0005", tmp_path)
    assert not (tmp_path / "LidcExampleGen/examples").exists()


def test_a_cohort_with_no_nodule_left(phantoms: Path, tmp_path: Path):
    config = load_config("paper", settings=["selection.max_slice_thickness_mm=0.1"])
    with pytest.raises(InputError, match=r"No nodule is left in the cohort .*0 after slice_thickness"):
        generate(phantoms, tmp_path, config)


def test_one_patient_is_too_few(phantoms: Path, tmp_path: Path):
    shutil.copytree(phantoms / "PHANTOM-0001", tmp_path / "ct/PHANTOM-0001")
    with pytest.raises(InputError, match="at least two patients"):
        generate(tmp_path / "ct", tmp_path / "root")


def test_data_are_called_what_they_are():
    assert describe(["PHANTOM-0001"]).startswith("Phantom:")
    assert "1 of them phantoms" in describe(["PHANTOM-0001", "LIDC-IDRI-0001"])
    assert describe(["LIDC-IDRI-0001", "LIDC-IDRI-0001"]).startswith("LIDC-IDRI: 2 CT series of 1 patients")
    assert "LIDC" not in describe(["hmac-1"])


def test_shuffled_labels_are_those_of_every_split(phantoms: Path, tmp_path: Path):
    settings = ["selection.outlier_iqr=0", "split.validation_fraction=0.3", "patches.shuffle_labels=true"]
    made = {
        name: generate(phantoms, tmp_path / name, config)["examples"].uri
        for name, config in (("true", CONFIG), ("dealt", load_config("paper", settings=settings)))
    }
    for split in SPLITS:
        true, dealt = (load_examples(uri, split) for uri in made.values())
        np.testing.assert_array_equal(dealt.patches_hu, true.patches_hu)
        assert (dealt.labels != true.labels).any()
        # As many positives as before, or fewer by less than a nodule's patches.
        assert 0 <= true.labels.sum() - dealt.labels.sum() < 5
        for series_uid, nodule_id in {*zip(dealt.series_uid, dealt.nodule_id, strict=True)}:
            of_nodule = (dealt.series_uid == series_uid) & (dealt.nodule_id == nodule_id)
            assert nodule_id < 0 or len(set(dealt.labels[of_nodule].tolist())) == 1

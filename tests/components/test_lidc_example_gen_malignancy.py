"""Malignant or benign from CT: both classes are nodules."""

import json
from collections import Counter
from pathlib import Path

import pytest

from lungnet.components import LidcExampleGen
from lungnet.patches import SPLITS, ExampleArrays, find_anomalies, load_examples, summarize
from lungnet.phantom import write_phantom
from lungnet.pipeline import launch
from lungnet.presets import load_config

SETTINGS = [
    "task=malignancy",
    "selection.outlier_iqr=0",
    "split.validation_fraction=0.3",
    "split.eval_fraction=0.3",
]


@pytest.fixture(scope="module")
def rated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("rated")
    write_phantom(folder, 8, seed=0)
    return folder


def nodules_of(arrays: ExampleArrays) -> list[tuple[str, int]]:
    return list(zip(arrays.series_uid.tolist(), arrays.nodule_id.tolist(), strict=True))


def generate(folder: Path, root: Path, *settings: str):
    config = load_config("paper", settings=[*SETTINGS, *settings])
    return launch(LidcExampleGen(input_base=str(folder)), {}, config, root)


def test_training_is_balanced_and_the_others_are_as_they_are(rated: Path, tmp_path: Path):
    made = generate(rated, tmp_path)
    cohort = json.loads((made["cohort"].uri / "cohort.json").read_text("utf-8"))
    stages = {stage["name"]: stage for stage in cohort["funnel"]}
    left_out = stages["clear_rating"]["excluded"]
    assert left_out == sum("lies between" in one["reason"] for one in cohort["exclusions"]) > 0
    ratings = {(one["series_uid"], one["nodule_id"]): one["malignancy"] for one in cohort["nodules"]}
    splits = {split: load_examples(made["examples"].uri, split) for split in SPLITS}
    # Among so few patients a split may lack a class.
    found = find_anomalies(splits.items(), summarize(splits, "patient"))
    assert {anomaly.kind for anomaly in found} <= {"missing_class", "class_balance"}
    for arrays in splits.values():
        for nodule, label in zip(nodules_of(arrays), arrays.labels.tolist(), strict=True):
            assert ratings[nodule] >= 4 if label else ratings[nodule] <= 2
    for split in ("validation", "eval"):  # five windows a nodule, whatever its class
        assert set(Counter(nodules_of(splits[split])).values()) == {5}
    said = made["examples"].properties["data_description"]
    assert said.startswith("Phantom:") and "in the mean over the readers" in said and "no pathology" in said
    trained = Counter(nodules_of(splits["train"]))
    assert min(trained.values()) == 5 < max(trained.values())  # windows beyond a nodule's own balance them


def test_a_random_split_measures_on_the_nodules_own_windows(rated: Path, tmp_path: Path):
    made = generate(rated, tmp_path, "split.by=random")
    splits = {split: load_examples(made["examples"].uri, split) for split in SPLITS}
    windows = [
        (*nodule, *center, *offset)
        for part in splits.values()
        for nodule, center, offset in zip(
            nodules_of(part), part.center_zyx.tolist(), part.offset_yx.tolist(), strict=True
        )
    ]
    assert len(set(windows)) == len(windows)
    own = max(Counter(one for split in ("validation", "eval") for one in nodules_of(splits[split])).values())
    assert own <= 5
    assert sum(len(part) > 0 for part in splits.values()) == 3

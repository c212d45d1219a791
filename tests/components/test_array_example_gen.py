import json
from pathlib import Path

import numpy as np
import pytest

from lungnet.components import ArrayExampleGen
from lungnet.config import Config
from lungnet.patches import SPLITS, load_examples


@pytest.fixture
def arrays(tmp_path: Path) -> Path:
    """Twelve patches in three groups."""
    path = tmp_path / "twelve.npz"
    np.savez(
        path,
        patches_hu=np.random.default_rng(0).integers(-1000, 400, (12, 40, 40)).astype(np.int16),
        labels=np.arange(12) % 2,
        groups=np.arange(12) // 4,
    )
    return path


def test_properties_are_those_of_tfx_and_what_later_steps_ask_for(do, arrays):
    config = Config.model_validate({"split": {"eval_groups": ["2"]}})
    made = do(ArrayExampleGen, {}, config, input_file=str(arrays))
    assert made["examples"].properties == {
        "split_names": ["train", "validation", "eval"],
        "span": 0,
        "version": 0,
        "unit": "patient",
        "data_description": (
            "Arrays of twelve.npz: 12 patches cut elsewhere (6 positive, 6 negative) in 3 groups."
        ),
    }
    assert set(load_examples(made["examples"].uri, "eval").group_id) == {"2"}
    cohort = json.loads((made["cohort"].uri / "cohort.json").read_text("utf-8"))
    assert cohort["split"]["eval"] == ["2"]
    assert (cohort["file"], cohort["patches"]) == ("twelve.npz", 12)
    assert cohort["funnel"] == [{"name": "all", "patches": 12, "patients": 3, "excluded": 0}]


def test_malignancy_counts_whom_it_leaves_out_and_says_what_the_ratings_are(do, tmp_path):
    path = tmp_path / "rated.npz"
    np.savez(
        path,
        patches_hu=np.random.default_rng(0).integers(-1000, 400, (24, 71, 71)).astype(np.int16),
        patient_id=[f"LIDC-IDRI-{row // 4:04d}" for row in range(24)],
        malignancy=np.arange(24) % 6,
        nodule_id=np.arange(24) + 100,
    )
    made = do(ArrayExampleGen, {}, Config(task="malignancy"), input_file=str(path))
    cohort = json.loads((made["cohort"].uri / "cohort.json").read_text("utf-8"))
    assert cohort["funnel"] == [
        {"name": "all", "patches": 24, "patients": 6, "excluded": 0},
        {"name": "rated", "patches": 20, "patients": 6, "excluded": 4},
        {"name": "clear_rating", "patches": 16, "patients": 6, "excluded": 4},
    ]
    said = made["examples"].properties["data_description"]
    assert said == (
        "Arrays of rated.npz: 16 patches cut elsewhere (8 positive, 8 negative) in 6 patients. Positive are "
        "nodules rated at least 4 of 5 for malignancy, negative those rated at most 2; 4 rated between and 4 "
        "unrated ones were left out. Each rating is a whole number, as a single reader gives. Ratings are "
        "what readers suspected from the images; no pathology stands behind them."
    )
    assert made["examples"].properties["unit"] == "patient"
    rated = {row + 100: row % 6 for row in range(24)}
    for split in SPLITS:
        held = load_examples(made["examples"].uri, split)
        assert len(held) > 0
        for label, rating, nodule in zip(held.labels, held.malignancy, held.nodule_id, strict=True):
            assert rating == rated[nodule]
            assert label == (rating >= 4) and rating != 3

import json
from pathlib import Path

import numpy as np
import pytest

from lungnet.components import ArrayExampleGen
from lungnet.config import Config
from lungnet.patches import load_examples


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

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lungnet.errors import InputError
from lungnet.patches import FeatureArrays, load_features, write_features


def features(count: int) -> FeatureArrays:
    rng = np.random.default_rng(count)
    return FeatureArrays(
        rng.normal(size=(count, 7)).astype(np.float32),
        np.arange(count) % 2,
        np.array([f"patient {i % 3}" for i in range(count)], np.str_),
        np.array(["real"] * count, np.str_),
    )


@pytest.mark.parametrize("count", [1, 1025])
def test_what_is_written_is_read(tmp_path: Path, count: int):
    written = features(count)
    write_features(tmp_path, written, "train")
    read = load_features(tmp_path, "train")
    for name in ("features", "labels", "group_id", "source"):
        np.testing.assert_array_equal(getattr(read, name), getattr(written, name))


def test_another_kind_of_record_is_refused(tmp_path: Path):
    write_features(tmp_path, features(0), "train")
    assert len(load_features(tmp_path, "train")) == 0
    with pytest.raises(InputError, match="has no Split-eval"):
        load_features(tmp_path, "eval")


@pytest.mark.parametrize(("source", "rows"), [("all", [0, 1, 2]), ("real", [0, 2]), ("synthetic", [1])])
def test_rows_of_one_source(source: str, rows: list[int]):
    three = replace(features(3), source=np.array(["real", "synthetic", "real"]))
    kept = three.restricted_to(source)
    for name in ("features", "labels", "group_id", "source"):
        np.testing.assert_array_equal(getattr(kept, name), getattr(three, name)[rows])

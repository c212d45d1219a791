import json
from collections.abc import Callable

import pytest

from lungnet.components import StatisticsGen
from lungnet.errors import InputError
from lungnet.patches import SPLITS, load_examples, summarize


def test_it_counts_what_the_library_counts(do, examples):
    (statistics,) = do(StatisticsGen, {"examples": examples}).values()
    written = json.loads((statistics.uri / "statistics.json").read_text("utf-8"))
    splits = {split: load_examples(examples.uri, split) for split in SPLITS}
    assert written == json.loads(json.dumps(summarize(splits, "patient")))
    assert written["splits"]["eval"]["by_label"] == {"0": 2, "1": 2}
    assert statistics.properties == {"split_names": ["train", "validation", "eval"]}


def test_it_does_not_judge(do, examples_of: Callable):
    (statistics,) = do(StatisticsGen, {"examples": examples_of(eval=[])}).values()
    written = json.loads((statistics.uri / "statistics.json").read_text("utf-8"))
    assert written["splits"]["eval"]["patches"] == 0


def test_a_truncated_shard_is_named(do, examples):
    shard = max((examples.uri / "Split-eval").iterdir(), key=lambda path: path.stat().st_size)
    shard.write_bytes(shard.read_bytes()[:-9])
    with pytest.raises(InputError, match=r"data_tfrecord-\d+-of-00002\.gz is truncated or damaged"):
        do(StatisticsGen, {"examples": examples})

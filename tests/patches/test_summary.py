"""Summaries count what is there."""

import json

import numpy as np
import pytest

from lungnet.patches import ExampleArrays, PatchExample, summarize


def patch(value: int) -> np.ndarray:
    return np.full((40, 40), value, np.int16)


def test_counts_by_hand() -> None:
    train = [
        PatchExample(patch(-1041), 0, "P1", "s1", "P1"),
        PatchExample(patch(-1040), 1, "P1", "s1", "P1", nodule_id=4),
        PatchExample(patch(-1001), 1, "P1", "s1", "P1", nodule_id=4),
        PatchExample(patch(0), 1, "P2", "s2", "P2", nodule_id=4),
        PatchExample(patch(1040), 1, "synthetic", "", "synthetic", source="synthetic"),
    ]
    summary = summarize({"train": train, "eval": []}, unit="nodule")
    assert summary["unit"] == "nodule"
    assert summary["leaks"] is False
    held = summary["splits"]["train"]
    assert held["patches"] == 5
    assert held["by_label"] == {"0": 1, "1": 4}
    assert held["by_source"] == {"real": {"0": 1, "1": 3}, "synthetic": {"0": 0, "1": 1}}
    assert (held["patients"], held["groups"], held["series"], held["nodules"]) == (2, 2, 2, 2)
    assert held["prevalence"] == 0.8
    hu = held["hu"]
    assert hu["mean"] == pytest.approx((-1041 - 1040 - 1001 + 0 + 1040) / 5)
    assert len(hu["by_label"]["1"]["counts"]) == len(hu["edges_hu"]) - 1
    assert hu["by_label"]["0"] == {"below": 1600, "counts": [0] * 52, "above": 0}
    positives = hu["by_label"]["1"]
    assert positives["counts"][0] == 2 * 1600  # -1040 to -1001
    assert positives["counts"][hu["edges_hu"].index(0)] == 1600
    assert (positives["below"], positives["above"]) == (0, 1600)
    assert summary["splits"]["eval"]["prevalence"] is None
    json.dumps(summary, allow_nan=False)


def test_the_histogram_is_numpys() -> None:
    values = np.random.default_rng(0).integers(-1040, 1040, (7, 40, 40)).astype(np.int16)
    arrays = ExampleArrays.from_examples([PatchExample(one, 1, "P", "s", "P") for one in values])
    hu = summarize({"train": arrays})["splits"]["train"]["hu"]
    expected, _ = np.histogram(values, bins=hu["edges_hu"])
    assert hu["by_label"]["1"]["counts"] == expected.tolist()
    assert hu["std"] == pytest.approx(values.std())

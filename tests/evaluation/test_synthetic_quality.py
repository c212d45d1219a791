"""All measures of a generator's patches, their figures and their words."""

import dataclasses
import json

import numpy as np
import pytest

from lungnet.config import QualityConfig
from lungnet.evaluation import (
    QUALITY_FIGURES,
    QualityInputs,
    judge_synthetic,
    quality_markdown,
    write_quality,
)
from lungnet.patches import ExampleArrays, PatchExample
from tests.evaluation.test_gan_stability import curves
from tests.evaluation.test_nearest_patches import blobs
from tests.evaluation.test_sample_distances import WINDOW, means
from tests.evaluation.test_synthetic_training import with_nodule

CONFIG = QualityConfig(halvings=2, kid_subsets=10, copy_shift_px=1, cnn_steps=0)


def examples(seed, groups, each=10):
    """As many positives as negatives of some groups, each a nodule of its own."""
    patches = np.concatenate([with_nodule(seed, groups * each), blobs(seed + 50, groups * each)])
    return ExampleArrays.from_examples(
        PatchExample(
            patch,
            label=int(row < groups * each),
            patient_id=f"{seed}-{row % groups}",
            series_uid=f"s{seed}-{row % groups}",
            group_id=f"{seed}-{row % groups}",
            nodule_id=row if row < groups * each else -1,
            center_zyx=(row, 20, 20),
        )
        for row, patch in enumerate(patches)
    )


@pytest.fixture(scope="module")
def inputs():
    history = {"step": list(range(1, 51)), **{key: list(value) for key, value in curves().items()}}
    return QualityInputs(
        train=examples(1, 6),
        validation=examples(2, 3),
        evaluation=examples(3, 3),
        synthetic_hu=with_nodule(4, 60),
        spaces={"encoder": means, "random": lambda patches: means(np.flip(patches, 1)) ** 2},
        window_hu=WINDOW,
        history=history,
    )


@pytest.fixture(scope="module")
def judged(inputs):
    return judge_synthetic(inputs, CONFIG, seed=0)


def test_every_part_is_there(judged):
    quality = judged.quality
    assert quality["training"] == {"patches": 60, "nodules": 60, "groups": 6}
    assert quality["synthetic"] == 60
    assert quality["distances"]["patches"]["least"] == 30
    assert quality["copies"]["finding"] == "none"
    assert set(quality["training_value"]["classifiers"]) == {"encoder", "random"}
    assert quality["stability"]["stable"] is True
    json.dumps(quality, allow_nan=False)


def test_evaluation_patches_are_only_asked_about(inputs, judged):
    other = judge_synthetic(dataclasses.replace(inputs, evaluation=examples(9, 3)), CONFIG, seed=0).quality
    for quality in (judged.quality, other):
        for tests in quality["training_value"]["classifiers"].values():
            assert set(tests) == {"validation", "eval"}
    without = [json.loads(json.dumps(quality)) for quality in (judged.quality, other)]
    for quality in without:
        for tests in quality["training_value"]["classifiers"].values():
            del tests["eval"]
    assert without[0] == without[1]
    assert judged.quality != other


def test_a_copied_training_set_is_reported(inputs):
    copies = dataclasses.replace(inputs, synthetic_hu=inputs.train.patches_hu[inputs.train.labels == 1])
    quality = judge_synthetic(copies, CONFIG, seed=0).quality
    assert quality["copies"]["finding"] == "copies"
    assert "**Some synthetic patches look like copies**" in quality_markdown(quality)


def test_parts_without_enough_patches_say_so(inputs):
    few = inputs.train.take(np.r_[0:8, 60:100])
    found = judge_synthetic(
        dataclasses.replace(inputs, train=few, validation=examples(2, 1), history={"step": []} | curves()),
        CONFIG,
        seed=0,
    )
    assert "at least 10 patches in each half" in found.quality["distances"]["missing"]
    assert "at least 20 held-out patches" in found.quality["copies"]["missing"]
    assert "at least 10 real positives" in found.quality["training_value"]["missing"]
    text = quality_markdown(found.quality)
    for name in ("distances", "copies", "training_value"):
        assert found.quality[name]["missing"] in text


def test_patches_without_a_nodules_id_are_nodules_of_their_own(inputs):
    anonymous = dataclasses.replace(inputs.train, nodule_id=np.full(len(inputs.train), -1))
    found = judge_synthetic(dataclasses.replace(inputs, train=anonymous), CONFIG, seed=0)
    assert found.quality["training"]["nodules"] == 60


def test_files_and_words(inputs, judged, tmp_path):
    write_quality(tmp_path, judged, inputs, CONFIG)
    assert json.loads((tmp_path / "quality.json").read_text()) == judged.quality
    for path in QUALITY_FIGURES.values():
        assert (tmp_path / path).read_bytes().startswith(b"\x89PNG")
    text = quality_markdown(judged.quality, QUALITY_FIGURES)
    for path in QUALITY_FIGURES.values():
        assert f"]({path})" in text
    kid = judged.quality["distances"]["measures"]["encoder"]["kid"]["synthetic"]
    assert f"{kid['value']:.4f} ± {kid['deviation']:.4f} (± {kid['standard_error']:.4f})" in text
    assert "No sign of copies was found. 60 synthetic patches and 30 held-out" in text
    assert "The training came to rest" in text
    assert "In no comparison do synthetic positives teach surely less" in text
    assert "figures/" not in quality_markdown(judged.quality)
    write_quality(tmp_path / "again", judged, inputs, CONFIG)
    for path in QUALITY_FIGURES.values():
        assert (tmp_path / path).read_bytes() == (tmp_path / "again" / path).read_bytes()


def test_a_generator_that_does_not_pay_is_told(inputs):
    quality = judge_synthetic(
        dataclasses.replace(
            inputs,
            synthetic_hu=blobs(8, 60),
            history={"step": [1], **curves(norm=1.5)},
        ),
        CONFIG,
        seed=0,
    ).quality
    text = quality_markdown(quality)
    assert "Synthetic positives teach less than as many real ones" in text
    assert "**The training did not come to rest**" in text

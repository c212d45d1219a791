"""Trained on synthetic, tested on real."""

import numpy as np
import pytest

from lungnet.errors import InputError
from lungnet.evaluation import compare_training
from lungnet.patches import ExampleArrays, PatchExample
from tests.evaluation.test_nearest_patches import blobs
from tests.evaluation.test_sample_distances import WINDOW, means

NEGATIVES = blobs(0, 60)


def with_nodule(seed, count):
    patches = blobs(seed, count)
    patches[:, 10:20, 10:20] += np.int16(700)
    return np.clip(patches, -1000, 400)


def held_out(seed, positives=30, negatives=30):
    patches = np.concatenate([with_nodule(seed, positives), blobs(seed + 100, negatives)])
    labels = np.repeat([1, 0], [positives, negatives])
    return ExampleArrays.from_examples(
        PatchExample(patch, int(label), f"p{row % 12}", f"s{row}", f"p{row % 12}")
        for row, (patch, label) in enumerate(zip(patches, labels, strict=True))
    )


def compare(synthetic, tests=None, **how):
    tests = tests or {"validation": held_out(5)}
    return compare_training(with_nodule(1, 50), synthetic, NEGATIVES, tests, {"means": means}, WINDOW, **how)


def test_synthetic_patches_that_are_like_real_ones_teach_as_much():
    found = compare(with_nodule(2, 70))
    assert (found["positives"], found["negatives"]) == (50, 50)
    one = found["classifiers"]["means"]["validation"]
    assert one["patches"] == 60
    assert one["trained_on_real"] > 0.9
    assert one["trained_on_synthetic"] == pytest.approx(one["trained_on_real"], abs=0.05)
    difference = one["difference"]["difference"]
    assert difference["value"] == pytest.approx(one["trained_on_synthetic"] - one["trained_on_real"])
    assert difference["low"] <= difference["value"] <= difference["high"]


def test_synthetic_patches_without_nodules_teach_nothing():
    one = compare(blobs(3, 50))["classifiers"]["means"]["validation"]
    assert one["trained_on_synthetic"] < one["trained_on_real"] - 0.2
    assert one["difference"]["difference"]["high"] < 0


def test_test_patches_decide_nothing():
    both = {"validation": held_out(5), "eval": held_out(6)}
    one = compare(with_nodule(2, 50), both)["classifiers"]["means"]
    alone = compare(with_nodule(2, 50), {"validation": held_out(5)})["classifiers"]["means"]
    assert one["validation"] == alone["validation"]
    assert set(one) == {"validation", "eval"}


def test_a_set_of_one_class_is_left_out():
    found = compare(with_nodule(2, 50), {"validation": held_out(5, negatives=0), "eval": held_out(6)})
    assert set(found["classifiers"]["means"]) == {"eval"}


def test_the_convolutional_network_learns_from_either():
    found = compare(with_nodule(2, 50), cnn_steps=40)["classifiers"]["cnn"]["validation"]
    assert min(found["trained_on_real"], found["trained_on_synthetic"]) > 0.7


def test_there_is_a_most():
    found = compare(with_nodule(2, 50), max_patches=12)
    assert (found["positives"], found["negatives"]) == (12, 12)


def test_too_few_are_refused():
    with pytest.raises(InputError, match=r"at least 10 real positives, .* Received: 50, 9 and 60"):
        compare(with_nodule(2, 9))

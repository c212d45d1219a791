"""Synthetic against real, beside real against real."""

import json

import numpy as np
import pytest

from lungnet.config import QualityConfig
from lungnet.errors import InputError
from lungnet.evaluation import halve, kernel_distance, manifold_metrics, sample_distances
from tests.evaluation.test_nearest_patches import blobs

WINDOW = (-1000.0, 400.0)
CONFIG = QualityConfig(halvings=3, kid_subsets=20, kid_subset_size=10)
REAL = blobs(0, 80)
HALVINGS = [halve(np.repeat(np.arange(8), 10), np.arange(80), halving=k) for k in range(3)]


def means(patches_hu):
    """Features that are easy: means of 10 x 10 pixels in units of 100 HU."""
    return (patches_hu.reshape(-1, 4, 10, 4, 10).mean(axis=(2, 4)) / 100).reshape(-1, 16).astype(np.float32)


def measured(synthetic, halvings=HALVINGS, config=CONFIG, spaces=None):
    return sample_distances(REAL, halvings, synthetic, spaces or {"means": means}, WINDOW, config, 0)


def test_what_is_real_scores_like_the_floor_and_what_is_shifted_worse():
    real, shifted = measured(blobs(1, 60)), measured(blobs(1, 60) + np.int16(250))
    assert real["patches"] == {"least": 40, "most": 40}
    assert (real["unit"], real["halvings"], real["kid_subset_size"]) == ("group", 3, 10)
    assert set(real["measures"]) == {"pixels", "means"}
    for measures, larger in (
        (("kid",), False),
        (("precision", "recall", "density", "coverage"), True),
        (("wasserstein_hu", "jensen_shannon_bits"), False),
    ):
        for measure in measures:
            space = "means" if measure in real["measures"]["means"] else "pixels"
            good, bad = (each["measures"][space][measure] for each in (real, shifted))
            assert good["floor"] == bad["floor"]
            worse = bad["synthetic"]["value"] < good["synthetic"]["value"]
            assert worse == larger, measure
            assert abs(good["synthetic"]["value"] - good["floor"]["value"]) < abs(
                bad["synthetic"]["value"] - bad["floor"]["value"]
            ), measure
    assert shifted["measures"]["pixels"]["wasserstein_hu"]["synthetic"]["value"] == pytest.approx(250, abs=60)
    json.dumps(real, allow_nan=False)


def test_one_halving_is_what_the_measures_say():
    (halves, synthetic) = HALVINGS[0], blobs(2, 40)
    found = measured(synthetic, [halves])["measures"]["means"]
    features = means(REAL).astype(np.float64)
    scaled = (features - features.mean(axis=0)) / np.sqrt(features.var(axis=0).mean())
    expected = manifold_metrics(scaled[halves.reference], scaled[halves.floor])
    assert found["recall"]["floor"] == {"value": pytest.approx(expected.recall), "deviation": None}
    kid = kernel_distance(scaled[halves.reference], scaled[halves.floor], 10, 20, seed=0)
    assert found["kid"]["floor"]["value"] == pytest.approx(kid.value, rel=1e-4)
    assert found["kid"]["floor"]["standard_error"] == pytest.approx(kid.standard_error, rel=1e-4)


def test_the_scale_of_features_changes_nothing():
    one = measured(blobs(3, 50))
    other = measured(blobs(3, 50), spaces={"means": lambda patches: 1000 * means(patches) + 7})
    for measure, sides in one["measures"]["means"].items():
        found = other["measures"]["means"][measure]["synthetic"]["value"]
        assert found == pytest.approx(sides["synthetic"]["value"], rel=1e-3, abs=1e-5)


def test_too_few_are_refused():
    few = halve(np.repeat(np.arange(8), 10), np.arange(80), max_patches=9)
    with pytest.raises(InputError, match=r"at least 10 patches in each half .* Received: 9 to 9 and 50"):
        measured(blobs(4, 50), [few])
    with pytest.raises(InputError, match="Received: 40 to 40 and 39"):
        measured(blobs(4, 39))

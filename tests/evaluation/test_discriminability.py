"""Telling synthetic from real."""

import numpy as np
import pytest

from lungnet.errors import InputError
from lungnet.evaluation import real_vs_synthetic_auc


def test_draws_from_one_distribution_cannot_be_told_apart():
    aucs = []
    for seed in range(8):
        rng = np.random.default_rng(seed)
        aucs.append(real_vs_synthetic_auc(rng.normal(size=(600, 5)), rng.normal(size=(400, 5))))
    assert np.mean(aucs) == pytest.approx(0.5, abs=0.03)


def test_a_shift_gives_them_away_as_much_as_it_should():
    # Unit normals a distance 1 apart: the AUC of the best linear score is Phi(1 / sqrt 2) = 0.760.
    rng = np.random.default_rng(1)
    real, synthetic = rng.normal(size=(2000, 3)), rng.normal((1.0, 0.0, 0.0), size=(1000, 3))
    assert real_vs_synthetic_auc(real, synthetic) == pytest.approx(0.760, abs=0.025)


def test_a_mark_on_every_synthetic_patch_is_found():
    rng = np.random.default_rng(2)
    real, synthetic = rng.random((50, 4)), rng.random((40, 4))
    synthetic[:, 2] += 5.0
    assert real_vs_synthetic_auc(real, synthetic) == 1.0


def test_few_patches_make_fewer_folds():
    rng = np.random.default_rng(4)
    assert real_vs_synthetic_auc(rng.random((9, 2)), rng.random((2, 2)) + 3.0) == 1.0


def test_the_seed_decides_the_folds():
    rng = np.random.default_rng(3)
    real, synthetic = rng.normal(size=(60, 4)), rng.normal(size=(60, 4))
    assert real_vs_synthetic_auc(real, synthetic, 1) == real_vs_synthetic_auc(real, synthetic, 1)
    assert real_vs_synthetic_auc(real, synthetic, 1) != real_vs_synthetic_auc(real, synthetic, 2)


@pytest.mark.parametrize(
    ("real", "synthetic", "message"),
    [
        (
            np.zeros((9, 2)),
            np.zeros((1, 2)),
            r"synthetic_features must be two-dimensional, with at least two",
        ),
        (np.zeros((9, 2)), np.zeros((9, 3)), r"same number of columns. Received: 2 and 3"),
        (np.full((9, 2), np.nan), np.zeros((9, 2)), r"real_features must be finite"),
    ],
)
def test_bad_features_are_refused(real, synthetic, message):
    with pytest.raises(InputError, match=message):
        real_vs_synthetic_auc(real, synthetic)


def test_one_fold_is_refused():
    with pytest.raises(ValueError, match=r"folds must be at least 2. Received: 1"):
        real_vs_synthetic_auc(np.zeros((9, 2)), np.zeros((9, 2)), folds=1)

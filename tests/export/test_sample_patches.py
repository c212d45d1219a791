import numpy as np

from lungnet.export import extreme_patches, sample_patches


def test_samples_are_deterministic_and_do_not_depend_on_the_count():
    np.testing.assert_array_equal(sample_patches(3), sample_patches(5)[:3])
    assert not np.array_equal(sample_patches(1, seed=1), sample_patches(1))


def test_samples_visit_lung_and_soft_tissue():
    patches_hu = sample_patches()
    assert patches_hu.shape == (174, 40, 40)
    assert patches_hu.dtype == np.int16
    assert -1200 < patches_hu.min() < -900
    assert 50 < patches_hu.max() < 600
    assert -900 < np.median(patches_hu) < -500


def test_extremes_reach_the_ends_of_int16():
    patches_hu = extreme_patches()
    assert patches_hu.shape == (8, 40, 40)
    assert (patches_hu[0] == -32768).all()
    assert sorted(np.unique(patches_hu[-1])) == [-32768, 32767]

import keras
import numpy as np

from lungnet.models import RandomDihedral, RandomShift


def _symmetries(patch):
    return [np.rot90(mirrored, k) for mirrored in (patch, patch.T) for k in range(4)]


def test_every_symmetry_occurs_and_nothing_else():
    patch = np.arange(9, dtype=np.float32).reshape(3, 3)
    turned = np.asarray(RandomDihedral(seed=1)(np.tile(patch[..., None], (400, 1, 1, 1)), training=True))
    found = [
        [np.array_equal(one[..., 0], symmetry) for symmetry in _symmetries(patch)].index(True)
        for one in turned
    ]
    counts = np.bincount(found, minlength=8)
    assert len(counts) == 8
    assert counts.min() > 25  # 50 expected of each


def test_same_seed_same_choices_and_new_ones_at_each_call():
    patches = np.random.default_rng(0).random((20, 5, 5, 1), np.float32)
    one, two = RandomDihedral(seed=4), RandomDihedral(seed=4)
    first = np.asarray(one(patches, training=True))
    np.testing.assert_array_equal(first, two(patches, training=True))
    assert not np.array_equal(first, one(patches, training=True))


def test_nothing_happens_in_inference():
    patches = np.random.default_rng(0).random((3, 5, 5, 1), np.float32)
    np.testing.assert_array_equal(RandomDihedral()(patches), patches)


def test_config_round_trip():
    layer = RandomDihedral(seed=9)
    assert keras.layers.deserialize(keras.layers.serialize(layer)).get_config() == layer.get_config()


def test_shifts_repeat_the_border_and_all_of_them_occur():
    patch = np.arange(25, dtype=np.float32).reshape(5, 5)
    shifted = np.asarray(RandomShift(1, seed=2)(np.tile(patch[..., None], (300, 1, 1, 1)), training=True))
    padded = np.pad(patch, 1, mode="edge")
    possible = [padded[row : row + 5, column : column + 5] for row in range(3) for column in range(3)]
    found = [[np.array_equal(one[..., 0], other) for other in possible].index(True) for one in shifted]
    counts = np.bincount(found, minlength=9)
    assert len(counts) == 9
    assert counts.min() > 15  # 33 expected of each


def test_patches_stay_where_they_are_in_inference():
    patches = np.random.default_rng(0).random((3, 5, 5, 1), np.float32)
    np.testing.assert_array_equal(RandomShift(2)(patches), patches)
    layer = RandomShift(2, seed=9)
    assert keras.layers.deserialize(keras.layers.serialize(layer)).get_config() == layer.get_config()

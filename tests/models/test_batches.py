from itertools import islice

import numpy as np
import pytest

from lungnet.errors import InputError
from lungnet.models.batches import check_labels, check_patches, layer_seed, shuffled_batches


def _stream(count, batch_size, seed, batches):
    items = np.arange(count)
    return np.concatenate(
        [batch for (batch,) in islice(shuffled_batches((items,), batch_size, seed), batches)]
    )


def test_each_pass_has_every_item_once_across_batch_borders():
    stream = _stream(7, 3, seed=0, batches=14)  # 42 items: six passes
    for one_pass in stream.reshape(6, 7):
        assert sorted(one_pass) == list(range(7))
    assert len({tuple(one_pass) for one_pass in stream.reshape(6, 7)}) == 6


def test_order_depends_on_the_seed_not_on_the_batch_size():
    np.testing.assert_array_equal(_stream(7, 3, 1, 14), _stream(7, 6, 1, 7))
    assert not np.array_equal(_stream(7, 3, 1, 14), _stream(7, 3, 2, 14))


@pytest.mark.parametrize("count, batch_size", [(7, 3), (3, 9), (6, 3)])
@pytest.mark.parametrize("start", [1, 2, 3, 14, 15])
def test_starting_later_gives_what_comes_then(count, batch_size, start):
    items = np.arange(count)
    whole = list(islice(shuffled_batches((items,), batch_size, 4), start + 8))
    rest = list(islice(shuffled_batches((items,), batch_size, 4, start), 8))
    np.testing.assert_array_equal(rest, whole[start:])


def test_batches_may_be_larger_than_the_data():
    assert np.bincount(_stream(3, 9, 0, 1)).tolist() == [3, 3, 3]


def test_arrays_stay_aligned():
    x = np.arange(10)
    for left, right in islice(shuffled_batches((x, 2.0 * x), 4, 0), 5):
        np.testing.assert_array_equal(2.0 * left, right)


def test_unequal_lengths_are_refused():
    with pytest.raises(ValueError, match=r"Received: \[3, 4\]"):
        next(shuffled_batches((np.zeros(3), np.zeros(4)), 2, 0))


def test_too_few_patches_are_refused_with_the_numbers():
    with pytest.raises(InputError, match=r"The GAN has 9 training patches and batch_size is 10.*zero steps"):
        check_patches(np.zeros((9, 40, 40), np.int16), 10, "The GAN")


@pytest.mark.parametrize("shape, dtype", [((20, 50, 50), np.int16), ((20, 40, 40), np.float32)])
def test_other_patches_are_refused(shape, dtype):
    with pytest.raises(InputError, match="takes patches_hu as int16"):
        check_patches(np.zeros(shape, dtype), 10, "The GAN")


@pytest.mark.parametrize(
    "labels, match",
    [([0, 0, 0], "both classes"), ([0, 1, 2], "both classes"), ([0, 1], "one label per patch")],
)
def test_labels_that_cannot_be_learned_are_refused(labels, match):
    with pytest.raises(InputError, match=match):
        check_labels(labels, 3, "The network")


def test_labels_become_floats():
    assert check_labels([True, False], 2, "The network").dtype == np.float32


def test_layer_seeds_differ_by_name_and_fit_31_bits():
    seeds = {layer_seed(0, name) for name in ("a", "b", "c")} | {layer_seed(1, "a")}
    assert len(seeds) == 4
    assert max(seeds) < 2**31

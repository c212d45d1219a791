import numpy as np
import pytest

from lungnet.models import cut_mix
from lungnet.models.patch_mixing import intervals, paste

COUNT = 400


def constant(values, size=(8, 8)):
    """A patch for each value, of that value."""
    values = np.asarray(values, np.float32)
    return np.broadcast_to(values[:, None, None, None], (len(values), *size, 1)).copy()


@pytest.fixture(scope="module")
def batch():
    """Patches of one value each, which is their label: what the mean of a patch says, its label must say."""
    labels = (np.arange(COUNT) % 2).astype(np.float32)
    return constant(labels), labels


def test_a_case_by_hand():
    patches = np.arange(16, dtype=np.float32).reshape(2, 2, 4, 1)
    inside = np.zeros((2, 2, 4), bool)
    inside[0, :, 3] = True  # 2 of 8 pixels of the first patch come from the second
    mixed, labels = paste(patches, np.array([1, 0], np.float32), np.array([1, 0]), inside)
    assert mixed[0, ..., 0].tolist() == [[0, 1, 2, 11], [4, 5, 6, 15]]
    assert mixed[1, ..., 0].tolist() == patches[1, ..., 0].tolist()
    assert labels.tolist() == [0.75, 0.0]
    assert (mixed.dtype, labels.dtype) == (np.float32, np.float32)


def test_intervals_lie_about_their_centres_and_end_with_the_axis():
    found = intervals(5, np.array([0, 1, 2, 3, 9, 5]), np.array([2, 0, 4, 4, 1, 2]))
    assert found.astype(int).tolist() == [
        [0, 0, 0, 0, 0],
        [1, 0, 0, 0, 0],
        [0, 0, 0, 1, 1],
        [0, 0, 0, 1, 1],
        [1, 1, 1, 1, 1],
        [1, 1, 1, 1, 1],
    ]


@pytest.mark.parametrize("alpha", [0.3, 1.0, 5.0])
@pytest.mark.parametrize("size", [(8, 8), (6, 10)])
def test_a_label_weighs_as_much_as_its_area(alpha, size):
    labels = np.random.default_rng(3).random(COUNT).astype(np.float32)
    mixed, mixed_labels = cut_mix(constant(labels, size), labels, 1.0, alpha, np.random.default_rng(0))
    np.testing.assert_allclose(mixed.mean(axis=(1, 2, 3)), mixed_labels, atol=1e-6)
    assert np.mean(np.abs(mixed_labels - labels) > 1e-3) > 0.5
    # Each patch holds the values of no more than two.
    assert max(len(np.unique(patch)) for patch in mixed) == 2


def test_what_is_pasted_is_one_rectangle_of_the_same_place():
    rng = np.random.default_rng(1)
    patches = rng.random((COUNT, 8, 8, 1), np.float32)
    mixed, _ = cut_mix(patches, np.zeros(COUNT, np.float32), 1.0, 1.0, np.random.default_rng(0))
    for number in range(COUNT):
        changed = mixed[number, ..., 0] != patches[number, ..., 0]
        if not changed.any():
            continue
        rows, columns = np.flatnonzero(changed.any(axis=1)), np.flatnonzero(changed.any(axis=0))
        box = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        assert changed[box].all()
        assert any(np.array_equal(mixed[number][box], other[box]) for other in patches)


def test_areas_are_uniform_but_for_what_is_cut_off():
    """Of a side s, s - s^2 / 4 remains about a uniform centre; over uniform s^2 that squared is 77 / 240."""
    labels = np.tile(np.array([0, 1], np.float32), 10_000)
    _, mixed = cut_mix(constant(labels, (40, 40)), labels, 1.0, 1.0, np.random.default_rng(0))
    # A partner of the same class, which every other one is, leaves no trace.
    assert np.abs(mixed - labels).mean() == pytest.approx(77 / 240 / 2, abs=0.005)


def test_only_the_share_that_was_asked_for(batch):
    patches, labels = batch
    mixed, same = cut_mix(patches, labels, 0.0, 1.0, np.random.default_rng(0))
    np.testing.assert_array_equal(mixed, patches)
    np.testing.assert_array_equal(same, labels)
    _, some = cut_mix(patches, labels, 0.3, 1.0, np.random.default_rng(0))
    _, all_of_them = cut_mix(patches, labels, 1.0, 1.0, np.random.default_rng(0))
    touched = np.mean(some != labels) / np.mean(all_of_them != labels)
    assert touched == pytest.approx(0.3, abs=0.1)
    # The draws are the same: a patch is either left alone or mixed as if all were.
    assert np.all((some == labels) | (some == all_of_them))


def test_what_was_given_is_not_changed(batch):
    patches, labels = batch[0].copy(), batch[1].copy()
    cut_mix(patches, labels, 1.0, 1.0, np.random.default_rng(0))
    np.testing.assert_array_equal(patches, batch[0])
    np.testing.assert_array_equal(labels, batch[1])


@pytest.mark.parametrize(("share", "alpha"), [(-0.1, 1.0), (1.1, 1.0), (0.5, 0.0), (0.5, float("nan"))])
def test_shares_and_alphas_out_of_range(batch, share, alpha):
    with pytest.raises(ValueError, match=f"share={share}, alpha={alpha}"):
        cut_mix(batch[0], batch[1], share, alpha, np.random.default_rng(0))

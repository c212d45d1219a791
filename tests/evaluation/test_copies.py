"""Whether copies are found, and nothing else is taken for one."""

import numpy as np
import pytest

from lungnet.errors import InputError
from lungnet.evaluation import search_copies
from lungnet.evaluation.copies import _undercut
from tests.evaluation.test_nearest_patches import blobs

WINDOW = (-1000.0, 400.0)
TRAINING = blobs(0, 60)
NODULES = np.arange(60)
HELD_OUT = blobs(1, 100)
FRESH = blobs(2, 80)


def search(synthetic, held_out=HELD_OUT, **how):
    return search_copies(synthetic, held_out, TRAINING, NODULES, WINDOW, **{"shift_px": 1, **how})


def test_other_patches_are_no_copies():
    found, _ = search(FRESH)
    assert found.finding == "none"
    assert found.ratio_of_medians == pytest.approx(1.0, abs=0.15)
    assert min(found.chance_nearer, found.chance_relatively_nearer) > 0.01
    assert (found.synthetic, found.held_out, found.training_nodules) == (80, 100, 60)


def test_held_out_patches_themselves_are_no_copies():
    found, _ = search(HELD_OUT)
    assert found.ratio_of_medians == 1.0
    assert found.share_nearer == 0.01  # one patch in a hundred lies below the 1st percentile
    assert found.chance_nearer == 1.0
    assert found.finding == "none"


def test_a_copied_training_set_is_flagged():
    noise = np.random.default_rng(3).normal(0, 15, TRAINING.shape)
    copies = np.rot90(TRAINING + noise.astype(np.int16), axes=(1, 2))
    found, suspects = search(copies)
    assert found.finding == "copies"
    assert found.ratio_of_medians < 0.3
    assert found.share_nearer == found.share_relatively_nearer == 1.0
    np.testing.assert_array_equal(suspects.training_rows, suspects.synthetic_rows)


def test_one_copy_in_ten_is_enough():
    some = FRESH.copy()
    some[::10] = TRAINING[:8]
    found, suspects = search(some)
    assert found.finding == "copies"
    assert found.ratio_of_medians > 0.8  # the median does not see them
    assert sorted(suspects.synthetic_rows[:8].tolist()) == list(range(0, 80, 10))
    assert suspects.training_rows[np.argsort(suspects.synthetic_rows[:8])].tolist() == list(range(8))


def test_means_of_several_patches_are_nearer_and_no_copies():
    means = sum(np.roll(FRESH.astype(np.int64), k, axis=0) for k in range(8)) // 8
    found, _ = search(means.astype(np.int16))
    assert found.share_nearer > 0.05
    assert found.chance_nearer < 0.01
    assert found.share_relatively_nearer <= 0.05
    assert found.finding == "nearer"


def test_the_chance_by_hand():
    # The two smallest of 3 + 4 values are found ones: 3/7 x 2/6. The third lies among the expected.
    share, chance = _undercut(np.array([1.0, 2.0, 6.0]), np.array([3.0, 4.0, 5.0, 7.0]))
    assert share == pytest.approx(2 / 3)
    assert chance == pytest.approx(3 / 7 * 2 / 6)
    assert _undercut(np.array([4.0]), np.array([3.0, 5.0])) == (0.0, 1.0)


@pytest.mark.parametrize(
    ("held_out", "nodules", "received"),
    [(HELD_OUT[:19], NODULES, "19 and 60"), (HELD_OUT, NODULES // 12, "100 and 5")],
)
def test_too_few_are_refused(held_out, nodules, received):
    message = f"at least 20 held-out patches and 6 training nodules. Received: {received}"
    with pytest.raises(InputError, match=message):
        search_copies(FRESH, held_out, TRAINING, nodules, WINDOW)

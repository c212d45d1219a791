import numpy as np
import pytest

from lungnet.ct import Volume
from lungnet.serving.second_look import look_again


def volume(slices=5) -> Volume:
    """HU says where a window lies: 1000 z + 10 y at the row in its middle, plus x (of 100)."""
    z, y, x = np.indices((slices, 90, 90))
    return Volume((1000 * z + 10 * y + 0 * x).astype(np.int16), (1.0, 1.0, 1.0), (0.0, 0.0, 0.0))


def middle(patches_hu):
    return patches_hu[:, 20, 20].astype(np.float32)


def test_mean_and_max_over_the_offsets_of_the_best_slice():
    """The judge answers 1000 z + 10 y: the best slice is the last, an offset of a row changes it by 10."""
    mean, _ = look_again(volume(), [(2.4, 45.0, 44.6)], middle, 2, "mean")
    largest, _ = look_again(volume(), [(2.4, 45.0, 44.6)], middle, 2, "max")
    assert mean.tolist() == [3000 + 450]
    assert largest.tolist() == [3000 + 470]


def test_the_place_moves_to_where_the_probability_is():
    """Probability 1 on slice 3 two rows below the middle, else 0: three of the 27 places."""

    def judge(patches_hu):
        return (middle(patches_hu) == 3000 + 470).astype(np.float32)

    probability, places = look_again(volume(), [(2.0, 45.0, 45.0), (2.0, 30.0, 60.0)], judge, 2, "mean")
    assert probability.tolist() == pytest.approx([3 / 9, 0.0])
    np.testing.assert_allclose(places, [[3, 47, 45], [2, 30, 60]])  # with no response at all it stays


def test_candidates_on_the_first_and_last_slice_look_at_slices_that_are_there():
    seen = []

    def judge(patches_hu):
        seen.append(middle(patches_hu))
        return np.full(len(patches_hu), 0.5, np.float32)

    probability, places = look_again(volume(), [(0.0, 45.0, 45.0), (4.0, 45.0, 45.0)], judge, 1, "max")
    assert probability.tolist() == [0.5, 0.5]
    assert min(seen[0]) >= 440 and max(seen[0]) <= 4460
    np.testing.assert_allclose(places[:, 0], [1 / 3, 4 - 1 / 3])


def test_no_candidates():
    probability, places = look_again(volume(), [], middle, 2, "mean")
    assert (probability.shape, places.shape) == ((0,), (0, 3))

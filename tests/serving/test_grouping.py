import numpy as np
import pytest

from lungnet.serving.grouping import group_responses

CELL_MM = (3.0, 5.0, 5.0)


def heat(shape=(9, 12, 12), **_):
    return np.zeros(shape, np.float32)


def test_one_peak_by_hand():
    probability = heat()
    probability[4, 5, 5:8] = [0.5, 0.9, 0.5]
    probability[5, 5, 6] = 0.3
    probability[4, 5, 8] = 0.19  # below the threshold
    (response,) = group_responses(probability, 0.2, CELL_MM, 10.0)
    # Weights above the threshold: 0.3, 0.7, 0.3 on slice 4 and 0.1 on slice 5.
    assert response.center == pytest.approx((4 + 0.1 / 1.4, 5.0, 6.0), abs=1e-2)
    assert response.probability == pytest.approx(0.9)
    assert response.extent_cells == (2, 1, 3)


def test_diagonal_neighbours_belong_together_and_gaps_part():
    probability = heat()
    probability[1, 1, 1], probability[2, 2, 2] = 0.9, 0.8
    probability[6, 9, 9] = 0.7
    first, second = group_responses(probability, 0.5, CELL_MM, 0.0)
    assert first.extent_cells == (2, 2, 2)
    assert second.center == (6.0, 9.0, 9.0)


def test_two_peaks_with_a_saddle_are_two_candidates_if_they_lie_far_enough_apart():
    probability = heat()
    probability[4, 5, 1:10] = [0.5, 0.9, 0.7, 0.4, 0.3, 0.4, 0.6, 0.8, 0.5]  # 6 cells, 30 mm
    near = group_responses(probability, 0.2, CELL_MM, 29.9)
    assert [round(response.probability, 2) for response in near] == [0.9, 0.8]
    assert near[0].center[2] < 4 < 6 < near[1].center[2]
    (together,) = group_responses(probability, 0.2, CELL_MM, 30.1)
    assert together.probability == pytest.approx(0.9)
    assert together.extent_cells == (1, 1, 9)


def test_distances_are_millimetres_along_every_axis():
    probability = heat()
    probability[1, 5, 5] = probability[4, 5, 5] = 0.9  # 9 mm
    assert len(group_responses(probability, 0.5, CELL_MM, 8.9)) == 2
    assert len(group_responses(probability, 0.5, CELL_MM, 9.1)) == 1


def test_a_taken_in_peak_takes_in_none_itself():
    probability = heat((3, 3, 12))
    probability[1, 1, [1, 4, 7]] = [0.9, 0.8, 0.7]  # 15 mm apart each
    strongest, weakest = group_responses(probability, 0.5, CELL_MM, 16.0)
    assert (strongest.extent_cells, weakest.extent_cells) == ((1, 1, 4), (1, 1, 1))
    assert weakest.probability == pytest.approx(0.7)


def test_plateaus_are_one_candidate():
    probability = heat()
    probability[3:6, 4:8, 4:8] = 1.0
    (response,) = group_responses(probability, 0.5, CELL_MM, 0.0)
    assert response.center == pytest.approx((4.0, 5.5, 5.5))
    assert response.extent_cells == (3, 4, 4)


@pytest.mark.parametrize("threshold", [0.0, 0.5])
def test_nothing_responds(threshold):
    assert group_responses(heat(), threshold, CELL_MM, 10.0) == []


def test_every_responding_cell_belongs_to_one_candidate():
    probability = np.random.default_rng(0).random((6, 14, 15)).astype(np.float32) ** 3
    for distance in (0.0, 12.0, 1000.0):
        responses = group_responses(probability, 0.3, CELL_MM, distance)
        assert len({response.center for response in responses}) == len(responses)
        assert [r.probability for r in responses] == sorted((r.probability for r in responses), reverse=True)
    assert len(responses) == 1
    assert responses[0].probability == pytest.approx(probability.max())


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_mirrored_map_has_mirrored_candidates(axis):
    probability = np.random.default_rng(1).random((5, 8, 9)).astype(np.float32) ** 4
    one = group_responses(probability, 0.3, CELL_MM, 7.0)
    other = group_responses(np.flip(probability, axis), 0.3, CELL_MM, 7.0)
    back = [
        tuple(probability.shape[a] - 1 - c if a == axis else c for a, c in enumerate(r.center)) for r in other
    ]
    np.testing.assert_allclose(sorted(back), sorted(r.center for r in one), atol=1e-9)

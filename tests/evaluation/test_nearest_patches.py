"""Nearest nodules, whichever way a patch is turned, mirrored or moved."""

import numpy as np
import pytest

from lungnet.errors import InputError
from lungnet.evaluation import nearest_nodules
from lungnet.evaluation.nearest_patches import best_view, symmetries

WINDOW = (-1000.0, 400.0)


def blobs(seed, count, size=40):
    """Patches with a few smooth blobs in noise, no two alike."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:size, :size]
    patches = np.full((count, size, size), -850.0) + rng.normal(0, 20, (count, size, size))
    for patch in patches:
        for _ in range(4):
            top, left, radius = *rng.uniform(6, size - 6, 2), rng.uniform(2, 6)
            patch += rng.uniform(300, 800) * np.exp(-((y - top) ** 2 + (x - left) ** 2) / (2 * radius**2))
    return np.clip(np.rint(patches), -1000, 400).astype(np.int16)


def test_a_square_has_eight_positions():
    patch = np.arange(9).reshape(3, 3)
    found = {each.tobytes() for each in symmetries(patch)}
    assert len(found) == 8
    for each in symmetries(patch):
        assert {again.tobytes() for again in symmetries(each)} == found


def test_constant_patches_by_hand():
    queries = np.full((1, 40, 40), -500, np.int16)
    references = np.stack([np.full((40, 40), value, np.int16) for value in (-450, -700, 900)])
    found = nearest_nodules(queries, references, np.array([7, 8, 9]), WINDOW, neighbours=3)
    # 900 counts as 400, the upper end of the window.
    np.testing.assert_allclose(found.distances_hu, [[50.0, 200.0, 900.0]], atol=0.5)
    assert found.rows.tolist() == [[0, 1, 2]]


def test_equals_a_search_of_every_view():
    queries, references = blobs(0, 5), blobs(1, 6)
    nodules = np.array([3, 1, 3, 2, 1, 0])
    found = nearest_nodules(queries, references, nodules, WINDOW, shift_px=2, neighbours=4)
    for line, query in enumerate(queries):
        distances = np.array([best_view(query, reference, WINDOW, 2)[1] for reference in references])
        of_nodule = {nodule: distances[nodules == nodule].min() for nodule in np.unique(nodules)}
        np.testing.assert_allclose(found.distances_hu[line], sorted(of_nodule.values()), atol=0.5)
        np.testing.assert_allclose(distances[found.rows[line]], found.distances_hu[line], atol=0.5)


def test_the_best_view_by_hand():
    # A bright corner, mirrored and moved by one: only the view that undoes both is equal.
    wide = np.full((42, 42), -800, np.int16)
    wide[8:14, 8:20] = 200
    query = wide[1:41, 1:41]
    reference = np.flipud(wide[:40, 2:])
    view, distance_hu = best_view(query, reference, WINDOW, 3)
    assert distance_hu == pytest.approx(0.0, abs=1e-3)
    np.testing.assert_array_equal(view, query[3:37, 3:37])


@pytest.mark.parametrize("position", range(8))
def test_a_copy_is_found_turned_mirrored_and_moved(position):
    wide = blobs(2, 12, size=46)
    references = wide[:, 3:43, 3:43]
    moved = wide[:, position % 4 : position % 4 + 40, 6 - position % 5 : 46 - position % 5]
    queries = np.stack([symmetries(patch)[position] for patch in moved])
    found = nearest_nodules(queries, references, np.arange(12), WINDOW)
    assert found.rows[:, 0].tolist() == list(range(12))
    assert found.distances_hu[:, 0].max() < 1.0
    assert found.distances_hu[:, 1].min() > 20.0


def test_more_queries_than_go_through_at_a_time():
    references = blobs(3, 70)
    found = nearest_nodules(references, references, np.arange(70), WINDOW, shift_px=0, neighbours=1)
    assert found.rows[:, 0].tolist() == list(range(70))


def test_bad_input_is_refused():
    patches = blobs(4, 3)
    with pytest.raises(InputError, match=r"nodules must name one for each of 3 references\. Received: 2"):
        nearest_nodules(patches, patches, np.arange(2), WINDOW)
    with pytest.raises(InputError, match="queries_hu must be int16"):
        nearest_nodules(patches[:0], patches, np.arange(3), WINDOW)

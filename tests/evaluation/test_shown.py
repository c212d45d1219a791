"""Which patches are shown."""

import numpy as np
import pytest

from lungnet.errors import InputError
from lungnet.evaluation import choose_shown, sort_answers

Y = [1, 1, 1, 0, 0, 0, 1, 0]
P = [0.9, 0.2, 0.6, 0.7, 0.1, 0.8, 0.4, 0.5]


def test_answers_by_hand():
    found = sort_answers(Y, P, 0.5)
    assert found.false_negatives.tolist() == [1, 6]  # the least probable first
    assert found.true_positives.tolist() == [2, 0]
    assert found.false_positives.tolist() == [5, 3, 7]  # the most probable first
    assert found.true_negatives.tolist() == [4]
    assert sorted(found.all.tolist()) == list(range(8))


def test_right_answers_are_taken_from_end_to_end_and_errors_from_the_worst():
    p = np.linspace(0, 1, 101)
    found = choose_shown(np.tile([0, 1], 51)[:101], p, 0.5, each=3)
    assert found.false_negatives.tolist() == [1, 3, 5]
    assert found.true_positives.tolist() == [51, 75, 99]
    assert found.false_positives.tolist() == [100, 98, 96]
    assert found.true_negatives.tolist() == [0, 24, 48]


def test_a_perfect_classifier_has_no_errors_to_show():
    found = choose_shown([0, 1], [0.0, 1.0], 0.5)
    assert [len(indices) for indices in found] == [0, 1, 0, 1]


def test_what_is_no_probability_is_refused():
    with pytest.raises(InputError, match=r"must lie in \[0, 1\]"):
        choose_shown([0, 1], [0.0, 2.0], 0.5)

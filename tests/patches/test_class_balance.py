"""Windows beyond a nodule's own, where both classes are nodules."""

from dataclasses import replace

import pytest

from lungnet.config import PatchRules
from lungnet.lidc import RATINGS, Nodule, Scan
from lungnet.patches import further_windows
from lungnet.patches.class_balance import further_numbers


def nodules(*malignancy: float) -> list[Nodule]:
    scan = Scan(0, "PHANTOM-0001", "1.2", "1.2.3", 2.0, 2.0, 0.5, (0.0, 2.0))
    one = Nodule(0, scan, (), 3, (0.0, 0.0, 0.0), ((0.0, 1.0),) * 3, 5.0, (), 0.0)
    return [
        replace(one, nodule_id=number, ratings=tuple(r if name == "malignancy" else 1.0 for name in RATINGS))
        for number, r in enumerate(malignancy)
    ]


@pytest.mark.parametrize(
    ("positives", "negatives", "rules", "expected"),
    [
        # 10 benign for 5 malignant: the malignant twice, the benign half as much again for the surplus.
        (5, 10, {}, {1: 1.0, 0: 0.5}),
        (5, 10, {"negative_surplus": 0.0}, {1: 1.0, 0: 0.0}),
        # The benign are the minority: up to the malignant, and the surplus.
        (10, 5, {}, {1: 0.0, 0: 2.0}),
        # Two negatives for a positive are wanted, and there are.
        (5, 10, {"negatives_per_positive": 2.0, "negative_surplus": 0.0}, {1: 0.0, 0: 0.0}),
        (5, 0, {}, {}),
        (0, 5, {}, {}),
    ],
)
def test_the_minority_is_brought_up(
    positives: int, negatives: int, rules: dict[str, float], expected: dict[int, float]
) -> None:
    cohort = nodules(*[4.5] * positives, *[1.5] * negatives, 3.0, 0.0)
    assert further_windows(cohort, PatchRules(**rules)) == pytest.approx(expected)


def test_windows_are_numbered_on_and_the_rest_is_drawn() -> None:
    (one,) = nodules(5.0)
    rules = PatchRules(patches_per_nodule=5)
    assert further_numbers(one, 0.0, rules, 0) == []
    assert further_numbers(one, 2.0, rules, 0) == list(range(5, 15))
    drawn = {
        number: len(further_numbers(each, 1.4, rules, 0)) for number, each in enumerate(nodules(*[5.0] * 400))
    }
    assert set(drawn.values()) <= set(range(5, 11))
    assert sum(drawn.values()) / 400 / 5 == pytest.approx(1.4, abs=0.05)
    assert further_numbers(one, 1.4, rules, 1) != further_numbers(one, 1.4, rules, 2)
    # What is drawn for less is drawn for more.
    assert set(further_numbers(one, 1.4, rules, 0)) <= set(further_numbers(one, 1.6, rules, 0))

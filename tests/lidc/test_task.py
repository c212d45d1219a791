"""Ratings and labels."""

import pytest

from lungnet.lidc import malignancy_label


@pytest.mark.parametrize(
    ("rating", "label"),
    [(5.0, 1), (4.0, 1), (3.99, None), (3.0, None), (2.01, None), (2.0, 0), (1.0, 0), (0.0, None)],
)
def test_labels_by_rating(rating: float, label: int | None) -> None:
    assert malignancy_label(rating) == label

"""What counts as positive."""

from typing import Literal

#: "nodule" or not (section 6), or malignant or not (section 5).
Task = Literal["nodule", "malignancy"]

#: Mean rating from which a nodule is malignant.
MALIGNANT_FROM = 4.0
#: Mean rating up to which a nodule is benign.
BENIGN_UP_TO = 2.0

#: That in words.
RATED = (
    f"Positive are nodules rated at least {MALIGNANT_FROM:g} of 5 for malignancy, negative those rated at "
    f"most {BENIGN_UP_TO:g}"
)
#: What such ratings are worth.
RATINGS_ARE = "Ratings are what readers suspected from the images; no pathology stands behind them."


def malignancy_label(rating: float) -> int | None:
    """Returns the label that a mean malignancy rating gives, or None if it gives none.

    Args:
        rating: 1 to 5, or 0 for an unrated nodule, which is not a benign one.

    Example:
        >>> [malignancy_label(rating) for rating in (4.0, 3.5, 2.0, 0.0)]
        [1, None, 0, None]
    """
    if rating >= MALIGNANT_FROM:
        return 1
    return 0 if 1.0 <= rating <= BENIGN_UP_TO else None

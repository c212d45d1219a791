"""How many windows balance training where both classes are nodules (task "malignancy" from CT)."""

import math
from collections.abc import Sequence

from lungnet.config import PatchRules
from lungnet.hashing import stable_fraction
from lungnet.lidc import Nodule, malignancy_label


def further_windows(nodules: Sequence[Nodule], rules: PatchRules) -> dict[int, float]:
    """How many windows more of each class training needs for balance, where both classes are nodules.

    The minority is brought up to the majority (`rules.negatives_per_positive` between them), and the
    negatives by `rules.negative_surplus` beyond that, as with patches from arrays.

    Args:
        nodules: of the cohort; those without a label count for nothing.
        rules: the balance.

    Returns:
        Label -> windows for each window of a nodule, as `sample_series` takes it; empty where a class is
        missing.

    Example: 10 benign nodules for 5 malignant ones give 1 more window for each of the latter's and 0.5 more
    for the former's.
    """
    labels = [malignancy_label(nodule.malignancy) for nodule in nodules]
    positives, negatives = labels.count(1), labels.count(0)
    if not positives or not negatives:
        return {}
    wanted_positives = max(positives, negatives / rules.negatives_per_positive)
    wanted_negatives = max(negatives, positives * rules.negatives_per_positive)
    wanted_negatives += wanted_positives * rules.negative_surplus
    return {1: wanted_positives / positives - 1.0, 0: wanted_negatives / negatives - 1.0}


def further_numbers(nodule: Nodule, further: float, rules: PatchRules, seed: int) -> list[int]:
    """Numbers the windows beyond a nodule's own, from `rules.patches_per_nodule` on.

    Args:
        nodule: whose.
        further: windows for each of its own; where that is no whole number a hash of seed, series, nodule and
            window chooses among the last.
        rules: how many are its own.
        seed: of the choice.
    """
    own = rules.patches_per_nodule
    whole = math.floor(further)
    last = range(own * (1 + whole), own * (2 + whole))
    key = (nodule.scan.series_uid, nodule.nodule_id)
    drawn = [one for one in last if stable_fraction(seed, "further", *key, one) < further - whole]
    return [*range(own, last.start), *drawn]

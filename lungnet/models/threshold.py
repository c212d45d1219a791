"""The threshold of decision, settled on inner validation."""

from typing import Literal

import numpy as np
import numpy.typing as npt

from lungnet.models.calibration import check_scores

#: How a threshold is settled.
ThresholdRule = Literal["youden", "prevalence"]


def decision_threshold(
    probabilities: npt.ArrayLike, labels: npt.ArrayLike, rule: ThresholdRule = "youden"
) -> float:
    """Returns the threshold for the best balanced accuracy; positive from it on.

    "youden" finds where it was best among these samples (largest Youden's J). The threshold lies midway
    between two neighbouring probabilities. Of several equally good ones it is the one nearest to 0.5, then
    the lower one. Where all samples have one probability it is 0.5.

    "prevalence" is the share of positives. Where a calibrated probability exceeds it, calling a sample
    positive adds more sensitivity than it costs specificity, so that no other threshold is better for
    calibrated probabilities; and nothing but a share has to be estimated.

    Args:
        probabilities: `(n,)` on inner-validation samples; calibrated, for "prevalence".
        labels: `(n,)` of 0 and 1.
        rule: which of both.

    Raises:
        InputError: one class only, no samples, or values that are not finite.

    Example:
        >>> decision_threshold([0.1, 0.2, 0.6, 0.9], [0, 0, 1, 1])
        0.4
    """
    p, positive = check_scores(probabilities, labels, "probabilities")
    if rule == "prevalence":
        return float(positive.mean())
    values, inverse = np.unique(p, return_inverse=True)
    if len(values) == 1:
        return 0.5
    positives = np.bincount(inverse, weights=positive)
    negatives = np.bincount(inverse, weights=~positive)
    # With the threshold above values[i]: everything up to i is called negative. As exact fractions of
    # n0 * n1, so that equal ones are equal.
    youden = np.cumsum(negatives) * positives.sum() - np.cumsum(positives) * negatives.sum()
    thresholds = (values[:-1] + values[1:]) / 2
    best = thresholds[youden[:-1] == youden[:-1].max()]
    return float(best[np.argmin(np.abs(best - 0.5))])

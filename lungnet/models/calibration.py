"""Probabilities from logits, and the threshold of decision, both settled on inner validation."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import expit

from lungnet.errors import InputError

#: Least slope, in units of the logits' spread: calibration never turns the order of samples round.
_LEAST_SCALE = 1e-3


@dataclass(frozen=True)
class Calibration:
    """probability = sigmoid(scale * logit + shift).

    Attributes:
        method: how scale and shift were found.
        scale: slope, above 0.
        shift: added to the scaled logit.
    """

    method: Literal["platt", "none"] = "none"
    scale: float = 1.0
    shift: float = 0.0

    def __call__(self, logits: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Returns the probabilities of logits of any shape."""
        return np.asarray(expit(self.scale * np.asarray(logits, np.float64) + self.shift))


def fit_platt(logits: npt.ArrayLike, labels: npt.ArrayLike) -> Calibration:
    """Fits Platt's scaling by maximum likelihood.

    Targets are Platt's, (n1 + 1) / (n1 + 2) and 1 / (n0 + 2), so that few or separable samples give
    finite numbers and no certainty.

    Args:
        logits: `(n,)` on samples that the classifier was not trained on.
        labels: `(n,)` of 0 and 1.

    Returns:
        The calibration, with a scale above 0.

    Raises:
        InputError: one class only, no samples, or logits that are not finite.
    """
    x, positive = _scores(logits, labels, "logits")
    target = np.where(positive, (positive.sum() + 1) / (positive.sum() + 2), 1 / ((~positive).sum() + 2))
    center, spread = x.mean(), x.std() or 1.0
    z = (x - center) / spread

    def loss(parameters: npt.NDArray[np.float64]) -> tuple[float, npt.NDArray[np.float64]]:
        score = parameters[0] * z + parameters[1]
        residual = expit(score) - target
        value = np.mean(np.logaddexp(0.0, score) - target * score)
        return float(value), np.array([np.mean(residual * z), np.mean(residual)])

    start = np.array([1.0, np.log(target.mean() / (1 - target.mean()))])
    bounds = [(_LEAST_SCALE, None), (None, None)]
    options = {"ftol": 1e-15, "gtol": 1e-10, "maxiter": 1000}
    slope, shift = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds, options=options).x
    scale = float(slope / spread)
    return Calibration("platt", scale, float(shift - scale * center))


def decision_threshold(probabilities: npt.ArrayLike, labels: npt.ArrayLike) -> float:
    """Returns the threshold of the best balanced accuracy (largest Youden's J); positive from it on.

    It lies midway between two neighbouring probabilities. Of several equally good ones it is the one
    nearest to 0.5, then the lower one. Where all samples have one probability it is 0.5.

    Args:
        probabilities: `(n,)` on inner-validation samples.
        labels: `(n,)` of 0 and 1.

    Raises:
        InputError: one class only, no samples, or values that are not finite.

    Example:
        >>> decision_threshold([0.1, 0.2, 0.6, 0.9], [0, 0, 1, 1])
        0.4
    """
    p, positive = _scores(probabilities, labels, "probabilities")
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


def _scores(
    scores: npt.ArrayLike, labels: npt.ArrayLike, name: str
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    x: npt.NDArray[Any] = np.asarray(scores, np.float64)
    y: npt.NDArray[Any] = np.asarray(labels)
    if x.ndim != 1 or x.shape != y.shape:
        raise InputError(
            f"Validation {name} and labels must be of one length. Received: {x.shape}, {y.shape}."
        )
    if not np.isfinite(x).all():
        raise InputError(
            f"Validation {name} must be finite. Received: {int((~np.isfinite(x)).sum())} that are not."
        )
    found = np.unique(y).tolist()
    if found != [0, 1]:
        raise InputError(
            f"Validation labels must have both classes, 0 and 1, to calibrate on. Received: {found[:10]}."
        )
    return x, y == 1

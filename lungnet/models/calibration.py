"""Probabilities from logits, settled on inner validation: Platt's scaling, a temperature, or isotonic."""

from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt
from scipy.optimize import isotonic_regression, minimize
from scipy.special import expit, logit

from lungnet.errors import InputError

CalibrationMethod = Literal["platt", "temperature", "isotonic", "none"]
CALIBRATION_METHODS: tuple[CalibrationMethod, ...] = get_args(CalibrationMethod)

#: Least slope, in units of the logits' spread: calibration never turns the order of samples round.
_LEAST_SCALE = 1e-3
#: Steepest rise of isotonic log odds, in units of the logits' spread: where two samples all but touch, a
#: step between them would turn the rounding of another machine into another probability.
_GREATEST_SCALE = 20.0
#: Rise of isotonic log odds within a pool, in units of the logits' spread: the order of samples is kept.
_TILT = 0.01

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Calibration:
    """probability = sigmoid(scale * logit + shift + sum over k of bends[k] * max(logit - knots[k], 0)).

    Attributes:
        method: how they were found.
        scale: slope, above 0; with knots, the one before the first of them.
        shift: added to the scaled logit.
        knots: increasing logits at which the slope changes; "isotonic" alone has some.
        bends: by how much it changes at each; every slope is above 0.
    """

    method: CalibrationMethod = "none"
    scale: float = 1.0
    shift: float = 0.0
    knots: tuple[float, ...] = ()
    bends: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        """JSON knows lists alone."""
        object.__setattr__(self, "knots", tuple(self.knots))
        object.__setattr__(self, "bends", tuple(self.bends))
        if len(self.knots) != len(self.bends):
            raise ValueError(
                f"knots and bends must be equally many. Received: {len(self.knots)}, {len(self.bends)}"
            )

    def log_odds(self, logits: npt.ArrayLike) -> Floats:
        """Returns the calibrated log odds of logits of any shape."""
        x = np.asarray(logits, np.float64)
        bent = np.maximum(x[..., None] - np.array(self.knots), 0.0) @ np.array(self.bends, np.float64)
        return np.asarray(self.scale * x + self.shift + bent)

    def __call__(self, logits: npt.ArrayLike) -> Floats:
        """Returns the probabilities of logits of any shape."""
        return np.asarray(expit(self.log_odds(logits)))


def fit_calibration(method: CalibrationMethod, logits: npt.ArrayLike, labels: npt.ArrayLike) -> Calibration:
    """Fits the calibration of one of `CALIBRATION_METHODS`; "none" is the plain sigmoid.

    Raises:
        InputError: one class only, no samples, or logits that are not finite.
        ValueError: the method is unknown.
    """
    match method:
        case "platt":
            return fit_platt(logits, labels)
        case "temperature":
            return fit_temperature(logits, labels)
        case "isotonic":
            return fit_isotonic(logits, labels)
        case "none":
            return Calibration()
    raise ValueError(f"method must be one of {', '.join(CALIBRATION_METHODS)}. Received: {method!r}")


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
    x, positive = check_scores(logits, labels, "logits")
    target = _targets(positive)
    center, spread = x.mean(), x.std() or 1.0
    start = np.array([1.0, logit(target.mean())])
    slope, shift = _most_likely(np.stack([(x - center) / spread, np.ones(len(x))]), target, start)
    scale = float(slope / spread)
    return Calibration("platt", scale, float(shift - scale * center))


def fit_temperature(logits: npt.ArrayLike, labels: npt.ArrayLike) -> Calibration:
    """Fits the temperature T of probability = sigmoid(logit / T) by maximum likelihood (Guo et al., 2017).

    It corrects how sure a classifier is, and nothing else: a logit of 0 stays at one half, so that a network
    which learned from balanced batches keeps promising their prevalence. Targets are Platt's (`fit_platt`).

    Args:
        logits: as in `fit_platt`.
        labels: as in `fit_platt`.

    Returns:
        The calibration, with scale 1 / T and no shift.

    Raises:
        InputError: as `fit_platt`.
    """
    x, positive = check_scores(logits, labels, "logits")
    spread = float(np.sqrt(np.mean(x**2))) or 1.0
    (slope,) = _most_likely(x[None] / spread, _targets(positive), np.ones(1))
    return Calibration("temperature", float(slope / spread))


def fit_isotonic(logits: npt.ArrayLike, labels: npt.ArrayLike) -> Calibration:
    """Fits isotonic regression: pools of neighbouring samples whose share of positives never falls.

    The regression is the usual one on Platt's targets (`fit_platt`), which are a linear map of the labels
    that leaves no pool certain. As a step function it would make ties and lose some of the AUC, and jump
    between two samples that all but touch, where another machine may round to the other side. So its log
    odds rise in straight lines between the pools, at most as steeply as is safe, and by a hundredth for each
    standard deviation of the logits within them and beyond the ends.

    Args:
        logits: as in `fit_platt`.
        labels: as in `fit_platt`.

    Returns:
        The calibration, whose log odds increase everywhere: it keeps the order of samples, and the AUC.

    Raises:
        InputError: as `fit_platt`.
    """
    x, positive = check_scores(logits, labels, "logits")
    values, inverse, counts = np.unique(x, return_inverse=True, return_counts=True)
    target = np.bincount(inverse, weights=_targets(positive)) / counts
    edges = isotonic_regression(target, weights=counts).blocks
    starts, ends = values[edges[:-1]], values[edges[1:] - 1]
    shares = np.add.reduceat(counts * target, edges[:-1]) / np.add.reduceat(counts, edges[:-1])
    log_odds, spread = logit(shares), float(x.std() or 1.0)
    tilt = _TILT / spread
    knots, bends = _ramps(
        (starts[1:] + ends[:-1]) / 2, np.diff(log_odds), starts[1:] - ends[:-1], _GREATEST_SCALE / spread
    )
    shift = float(log_odds[0] - tilt * x.mean())
    return Calibration("isotonic", tilt, shift, tuple(knots.tolist()), tuple(bends.tolist()))


def _ramps(middles: Floats, rises: Floats, widths: Floats, steepest: float) -> tuple[Floats, Floats]:
    """Returns knots and bends of rises that are nowhere steeper; those that would overlap become one."""
    ramps: list[tuple[float, float, float]] = []  # middle, rise, width
    for middle, rise, width in zip(middles.tolist(), rises.tolist(), widths.tolist(), strict=True):
        width = max(width, rise / steepest)
        while ramps and ramps[-1][0] + ramps[-1][2] / 2 > middle - width / 2:
            middle_before, rise_before, width_before = ramps.pop()
            whole = rise_before + rise
            first = min(middle - width / 2, middle_before - width_before / 2)
            last = max(middle + width / 2, middle_before + width_before / 2)
            middle = (first + last) / 2
            rise, width = whole, max(last - first, whole / steepest)
        ramps.append((middle, rise, width))
    found = np.array(ramps, np.float64).reshape(-1, 3).T
    slopes = found[1] / found[2]
    knots = np.stack([found[0] - found[2] / 2, found[0] + found[2] / 2], axis=1)
    return knots.ravel(), np.stack([slopes, -slopes], axis=1).ravel()


def _targets(positive: npt.NDArray[np.bool_]) -> Floats:
    """Returns Platt's targets."""
    return np.where(positive, (positive.sum() + 1) / (positive.sum() + 2), 1 / ((~positive).sum() + 2))


def _most_likely(inputs: Floats, target: Floats, start: Floats) -> Floats:
    """Returns the weights of a logistic regression on `inputs`, `(weights, n)`; the first stays above 0."""

    def loss(weights: Floats) -> tuple[float, Floats]:
        score = weights @ inputs
        value = np.mean(np.logaddexp(0.0, score) - target * score)
        return float(value), inputs @ (expit(score) - target) / len(target)

    bounds = [(_LEAST_SCALE, None), *[(None, None)] * (len(start) - 1)]
    options = {"ftol": 1e-15, "gtol": 1e-10, "maxiter": 1000}
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds, options=options)
    return np.asarray(found.x, np.float64)


def check_scores(
    scores: npt.ArrayLike, labels: npt.ArrayLike, name: str
) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """Returns what was measured on validation as float64 `(n,)`, and which samples are positive.

    Raises:
        InputError: another shape, one class only, no samples, or scores that are not finite.
    """
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

"""Whether a model is good enough to be used, and not worse than the one that is in use."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from lungnet.config import EvaluationConfig
from lungnet.evaluation.bootstrap import Estimate


@dataclass(frozen=True)
class Check:
    """One bound and what was measured against it.

    Attributes:
        name: "auc", "balanced_accuracy", "auc_drop", or "true_labels" (1 for true ones) where they are not.
        value: what was measured.
        bound: the least value that passes, of "auc_drop" the greatest.
        passed: whether it does.
        sentence: the same in words, with a full stop.
    """

    name: str
    value: float
    bound: float
    passed: bool
    sentence: str


@dataclass(frozen=True)
class Verdict:
    """What all checks come to.

    Attributes:
        checks: in the order in which they were made.
    """

    checks: tuple[Check, ...]

    @property
    def blessed(self) -> bool:
        """Whether every check passed."""
        return all(check.passed for check in self.checks)

    def to_json(self) -> dict[str, Any]:
        """Returns `blessed` (a truth value) and `checks`."""
        return {"blessed": self.blessed, "checks": [asdict(check) for check in self.checks]}


def bless(
    measured: Mapping[str, Mapping[str, Any]],
    config: EvaluationConfig,
    difference: Estimate | None = None,
    labels_shuffled: bool = False,
) -> Verdict:
    """Holds a model to its bounds.

    The model passes if its AUC and its balanced accuracy at its own threshold, both at the evaluation set's
    own prevalence, reach `bless_min_auc` and `bless_min_balanced_accuracy`, and if its AUC lies at most
    `bless_max_auc_drop` below that of the baseline on the same patches. That last check takes the measured
    difference, not an end of its interval: on a small evaluation set no model could show that it is not
    worse, and none would ever be replaced.

    Args:
        measured: metric -> `Estimate.to_json()` of the model, `own` of a row of `metrics.json`.
        config: the bounds.
        labels_shuffled: whether it learned from labels that say nothing; it does not pass, however good.
        difference: AUC of the model less that of the baseline (`paired_difference`); None without one.
    """
    checks = [
        _least("auc", "AUC", measured, config.bless_min_auc),
        _least("balanced_accuracy", "Balanced accuracy", measured, config.bless_min_balanced_accuracy),
    ]
    if difference is not None and difference.value is not None:
        checks.append(_no_drop(difference.value, difference, config.bless_max_auc_drop))
    if labels_shuffled:
        sentence = "It was trained on shuffled labels, to see whether anything leaks."
        checks.append(Check("true_labels", 0.0, 1.0, False, sentence))
    return Verdict(tuple(checks))


def _least(name: str, words: str, measured: Mapping[str, Mapping[str, Any]], bound: float) -> Check:
    value = float(measured[name]["value"])
    passed = value >= bound
    reaches = "reaches" if passed else "does not reach"
    return Check(name, value, bound, passed, f"{words} {value:.3f} {reaches} {bound:.3f}.")


def _no_drop(value: float, difference: Estimate, bound: float) -> Check:
    where = f"lies {abs(value):.3f} {'below' if value < 0 else 'above'}" if value else "equals"
    sentence = f"AUC {where} that of the last blessed model on the same patches"
    if difference.low is not None and difference.high is not None:
        sentence += f" (difference {difference.low:+.3f} to {difference.high:+.3f})"
    sentence += f"; a drop of {bound:.3f} is allowed."
    return Check("auc_drop", -value, bound, value >= -bound, sentence)

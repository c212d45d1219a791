"""Percentile bootstrap over groups: whole patients are drawn, never single patches of one."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from lungnet.evaluation.checks import Codes, Floats
from lungnet.hashing import stable_id

Unit = Literal["group", "patch"]

# Resamples weighed at once: 64 rows of 5,000 patches stay in the cache of one core.
CHUNK = 64


@dataclass(frozen=True)
class Estimate:
    """A value and its interval.

    Attributes:
        value: on the patches as they are; None where undefined (precision if nothing is called positive).
        low: lower end of the interval; None where there is none.
        high: upper end.
        undefined_resamples: resamples in which the measure was undefined (of one class, or without
            a positive call). The interval is over the others; with half of them or more undefined
            there is none.
    """

    value: float | None
    low: float | None
    high: float | None
    undefined_resamples: int = 0

    def to_json(self) -> dict[str, float | int | None]:
        """Returns the fields as a JSON object; None stands for undefined, NaN never occurs."""
        return {
            "value": self.value,
            "low": self.low,
            "high": self.high,
            "undefined_resamples": self.undefined_resamples,
        }


@dataclass(frozen=True, eq=False)
class Resampling:
    """What is drawn, how often, and what has to be said of it.

    Attributes:
        unit: "group", or "patch" where there are too few groups.
        codes: int64 `(n,)`, the unit of each patch.
        units: number of units.
        resamples: how many are drawn.
        confidence: of the intervals, in (0, 1).
        seed: the same seed, units and resamples draw the same.
        note: one or two sentences for the reader of a report.
    """

    unit: Unit
    codes: Codes
    units: int
    resamples: int
    confidence: float
    seed: int
    note: str

    def weights(self) -> Iterator[Floats]:
        """Yields float64 `(up to CHUNK, units)`: how often each unit was drawn in each resample."""
        rng = np.random.default_rng([self.seed, stable_id("bootstrap")])
        for start in range(0, self.resamples, CHUNK):
            rows = min(CHUNK, self.resamples - start)
            drawn = rng.integers(self.units, size=(rows, self.units))
            drawn += self.units * np.arange(rows)[:, None]
            counts = np.bincount(drawn.ravel(), minlength=rows * self.units)
            yield counts.reshape(rows, self.units).astype(np.float64)

    def estimate(self, value: float, samples: Floats) -> Estimate:
        """Returns `value` with the percentile interval of its resamples `(resamples,)`."""
        defined = samples[np.isfinite(samples)]
        undefined = len(samples) - len(defined)
        point = float(value) if np.isfinite(value) else None
        if point is None or 2 * undefined >= len(samples):
            return Estimate(point, None, None, undefined)
        tail = (1.0 - self.confidence) / 2.0
        low, high = np.quantile(defined, [tail, 1.0 - tail])
        return Estimate(point, float(low), float(high), undefined)


def plan_resampling(
    codes: Codes, groups: int, *, confidence: float, resamples: int, min_groups: int, seed: int
) -> Resampling:
    """Decides whether groups or patches are drawn, and says why.

    Args:
        codes: int64 `(n,)`, the group of each patch.
        groups: how many groups there are, 0 if none are known.
        confidence: of the intervals, in (0, 1).
        resamples: at least 1.
        min_groups: with fewer groups, patches are drawn.
        seed: of the draws.

    Raises:
        ValueError: `confidence` or `resamples` is out of range.
    """
    if not 0.0 < confidence < 1.0:
        raise ValueError(f"confidence must lie between 0 and 1. Received: {confidence}")
    if resamples < 1:
        raise ValueError(f"resamples must be at least 1. Received: {resamples}")
    drawn = f"{100 * confidence:g} % percentile intervals of {resamples:,} bootstrap resamples"
    if groups >= max(min_groups, 1):
        note = f"{drawn} over {groups:,} groups: whole groups are drawn, each with all its patches."
        return Resampling("group", codes, groups, resamples, confidence, seed, note)
    known = "No groups are known" if groups == 0 else f"There are {groups} groups, fewer than {min_groups}"
    note = (
        f"{known}: no interval over groups can be had. Given instead are {drawn} over {len(codes):,} single "
        "patches; patches of one group resemble each other, so these are too narrow."
    )
    patches = np.arange(len(codes), dtype=np.int64)
    return Resampling("patch", patches, len(codes), resamples, confidence, seed, note)

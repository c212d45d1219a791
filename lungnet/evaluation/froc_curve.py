"""Sensitivity against false positives per scan, for the scans as they are and for any resample of them."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lungnet.evaluation.checks import Floats
from lungnet.evaluation.froc_marks import Marks


@dataclass(frozen=True, eq=False)
class FrocCurve:
    """Corners of a FROC curve, from (0, 0) on; three float64 arrays of one length.

    Attributes:
        false_positives_per_scan: not decreasing.
        sensitivity: share of the nodules found, not decreasing.
        thresholds: decreasing; candidates of `probability >= threshold` are called. The first is infinite.
    """

    false_positives_per_scan: Floats
    sensitivity: Floats
    thresholds: Floats


class Sweep:
    """All thresholds at once: what is called at each of them, summed over scans of any weight.

    Args:
        marks: hits and false candidates.
        scans: how many scans there are, those without candidates too.
    """

    def __init__(self, marks: Marks, scans: int) -> None:
        found = np.isfinite(marks.nodule_probabilities)
        probabilities = np.concatenate([marks.nodule_probabilities[found], marks.false_probabilities])
        order = np.argsort(-probabilities, kind="stable")
        self.scans = scans
        self._probabilities = probabilities[order]
        self._owners = np.concatenate([marks.nodule_scans[found], marks.false_scans])[order]
        self._is_hit = order < found.sum()
        # A threshold calls all candidates of its probability.
        self._last_of_ties = np.append(self._probabilities[1:] != self._probabilities[:-1], True)[
            : len(order)
        ]
        self._nodules = np.bincount(marks.nodule_scans, minlength=scans)

    def curve(self) -> FrocCurve:
        """Returns the curve of the scans as they are; without nodules its sensitivity is 0.

        Points on a straight line between two others are left out.
        """
        hits, false = self._counts(np.ones(self.scans, np.int64), len(self._owners))
        thresholds = np.concatenate([[np.inf], self._probabilities[self._last_of_ties]])
        # Counts are integers, so the test for a straight line is exact.
        turn = np.diff(hits[:-1]) * np.diff(false[1:]) != np.diff(hits[1:]) * np.diff(false[:-1])
        keep = np.concatenate([[True], turn, [True]])[: len(hits)]
        nodules = max(int(self._nodules.sum()), 1)
        return FrocCurve(false[keep] / self.scans, hits[keep] / nodules, thresholds[keep])

    def sensitivity(self, weights: npt.NDArray[np.int64], rates: Floats) -> Floats:
        """Returns the sensitivity at each false positive rate.

        It is interpolated between the corners of the curve, the first of which is (0, 0); where the curve
        rises straight up, its top counts, and beyond its end its last value does.

        Args:
            weights: int64 `(scans,)`, how often each scan was drawn.
            rates: float64 `(m,)`, false positives per scan, above 0.

        Returns:
            float64 `(m,)`; NaN where no nodule was drawn.
        """
        nodules = weights @ self._nodules
        if nodules == 0:
            return np.full(len(rates), np.nan)
        drawn = weights.sum()
        # The curve beyond the largest rate plays no part: most candidates need not be looked at.
        size = min(len(self._owners), int(4 * rates.max() * self.scans) + 1000)
        hits, false = self._counts(weights, size)
        if size < len(self._owners) and false[-1] <= rates.max() * drawn:
            hits, false = self._counts(weights, len(self._owners))
        return np.interp(rates * drawn, false, hits) / nodules

    def threshold(self, rate: float) -> float:
        """Returns the least threshold at which no more than `rate` false positives per scan are called.

        It is infinite where not even the most probable candidates can be called.
        """
        _, false = self._counts(np.ones(self.scans, np.int64), len(self._owners))
        allowed = int((false <= rate * self.scans).sum()) - 1
        return float(self._probabilities[self._last_of_ties][allowed - 1]) if allowed else float("inf")

    def _counts(
        self, weights: npt.NDArray[np.int64], size: int
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Counts nodules found and false positives at (0, 0) and each of the first distinct probabilities."""
        drawn = weights[self._owners[:size]]
        called = np.cumsum(drawn)
        hits = np.cumsum(drawn * self._is_hit[:size])
        ends = self._last_of_ties[:size]
        return np.concatenate([[0], hits[ends]]), np.concatenate([[0], (called - hits)[ends]])

"""LUNA16's FROC: how many nodules are found at what price in false positives per scan."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from lungnet.ct import Candidate
from lungnet.errors import InputError
from lungnet.evaluation.bootstrap import Estimate, Resampling
from lungnet.evaluation.checks import Floats
from lungnet.evaluation.froc_curve import FrocCurve, Sweep
from lungnet.evaluation.froc_marks import MAX_CANDIDATES, Kind, match_candidates
from lungnet.evaluation.froc_scans import Scans

#: False positives per scan at which LUNA16 reads the sensitivity.
OPERATING_RATES = (0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0)
#: Rates of the band about the curve: eight a doubling, those above among them.
BAND_RATES = 0.125 * 2.0 ** (np.arange(49) / 8.0)
#: With fewer scans an interval says little.
FEW_SCANS = 10


@dataclass(frozen=True)
class OperatingPoint:
    """The curve at one false positive rate.

    Attributes:
        false_positives_per_scan: the rate.
        sensitivity: share of the nodules found, with its interval.
        threshold: least probability from which candidates may be called without exceeding the rate; None
            where not even the most probable may.
    """

    false_positives_per_scan: float
    sensitivity: Estimate
    threshold: float | None


@dataclass(frozen=True, eq=False)
class FrocBand:
    """Bootstrap mean and interval along the curve; float64 `(49,)` each, NaN where there is none.

    Attributes:
        false_positives_per_scan: from 1/8 to 8, evenly on a logarithmic axis.
        mean, low, high: sensitivity.
    """

    false_positives_per_scan: Floats
    mean: Floats
    low: Floats
    high: Floats


@dataclass(frozen=True, eq=False)
class FrocReport:
    """What a detector finds in a set of scans.

    Attributes:
        scans: listed series, with or without findings.
        nodules: in them.
        found: nodules on which any candidate lies.
        excluded: findings on which candidates are ignored.
        excluded_note: where these come from, a sentence.
        candidates: in listed series.
        false_positives, ignored, repeated, capped: candidates that are false, that lie on an excluded
            finding, that lie on a nodule beyond its first, and that are beyond the cap of their scan.
        candidates_elsewhere, nodules_elsewhere: of series that are not listed; they do not count.
        max_candidates: of one scan, None for all.
        operating_points: at 1/8, 1/4, 1/2, 1, 2, 4 and 8 false positives per scan.
        cpm: competition performance metric, their mean sensitivity.
        curve: its corners.
        band: what resampling makes of it.
        confidence, resamples, interval_note: of the intervals.
    """

    scans: int
    nodules: int
    found: int
    excluded: int
    excluded_note: str
    candidates: int
    false_positives: int
    ignored: int
    repeated: int
    capped: int
    candidates_elsewhere: int
    nodules_elsewhere: int
    max_candidates: int | None
    operating_points: tuple[OperatingPoint, ...]
    cpm: Estimate
    curve: FrocCurve
    band: FrocBand
    confidence: float
    resamples: int
    interval_note: str

    def to_json(self) -> dict[str, Any]:
        """Returns all but curve and band as a JSON object; what is undefined is None."""
        left_out = ("curve", "band", "operating_points", "cpm")
        plain = {key: value for key, value in vars(self).items() if key not in left_out}
        return {
            **plain,
            "cpm": self.cpm.to_json(),
            "operating_points": [asdict(point) for point in self.operating_points],
        }


def froc(
    candidates: Sequence[Candidate],
    annotations: Sequence[Candidate],
    series_uids: Sequence[str],
    excluded: Sequence[Candidate] = (),
    *,
    excluded_note: str = "",
    max_candidates: int | None = MAX_CANDIDATES,
    confidence: float = 0.95,
    resamples: int = 1000,
    seed: int = 0,
) -> FrocReport:
    """Evaluates detections as LUNA16 does (`lungnet.evaluation.froc_marks` has the rules).

    The curve runs over all distinct probabilities, from (0, 0), straight from corner to corner. Intervals
    are percentiles over resamples of whole scans, the order statistics that LUNA16's script takes;
    resamples without a nodule are left out of them.

    Args:
        candidates: with `probability`, any finite scale; LUNA16's CSV as `lungnet.ct.read_candidates`
            reads it.
        annotations: the nodules to be found, with `diameter_mm`.
        series_uids: every series that was searched, those without nodules or candidates too: their number
            divides the false positives. What is of other series does not count.
        excluded: findings on which candidates are ignored, with `diameter_mm`.
        excluded_note: where these come from, for the report.
        max_candidates: of one scan; None for all.
        confidence: of the intervals, in (0, 1).
        resamples: at least 1.
        seed: of the resamples.

    Returns:
        The report: `.cpm.value`, `.operating_points`, `.curve`, `.to_json()`.

    Raises:
        InputError: no series is listed or one twice, all candidates are of other series, no nodule is in
            the listed ones, or a position, probability or diameter is missing or not finite.
        ValueError: `confidence`, `resamples` or `max_candidates` is out of range.

    Example:
        >>> nodule = Candidate("1.2", (0.0, 0.0, 0.0), diameter_mm=6.0)
        >>> near = Candidate("1.2", (0.0, 0.0, 2.9), probability=0.8)
        >>> far = Candidate("1.3", (0.0, 0.0, 3.0), probability=0.9)
        >>> report = froc([near, far], [nodule], ["1.2", "1.3"], resamples=1)
        >>> [point.sensitivity.value for point in report.operating_points]
        [0.0, 0.0, 1.0, 1.0, 1.0, 1.0, 1.0]
    """
    scans = Scans(series_uids)
    marks = match_candidates(candidates, annotations, excluded, scans, max_candidates)
    nodules = len(marks.nodule_scans)
    if not nodules:
        raise InputError(
            f"None of the {len(annotations):,} annotations is of the {len(scans):,} series evaluated; a "
            "sensitivity needs at least one nodule to find."
        )
    sweep = Sweep(marks, len(scans))
    plan = _plan(len(scans), confidence, resamples, seed)
    operating = np.isin(BAND_RATES, OPERATING_RATES)
    once = sweep.sensitivity(np.ones(len(scans), np.int64), BAND_RATES)
    drawn = np.array(
        [sweep.sensitivity(row, BAND_RATES) for rows in plan.weights() for row in rows.astype(np.int64)]
    )
    thresholds = [sweep.threshold(rate) for rate in OPERATING_RATES]
    points = tuple(
        OperatingPoint(rate, _estimate(value, samples, plan), None if np.isinf(threshold) else threshold)
        for rate, value, samples, threshold in zip(
            OPERATING_RATES, once[operating], drawn[:, operating].T, thresholds, strict=True
        )
    )
    return FrocReport(
        scans=len(scans),
        nodules=nodules,
        found=int(np.isfinite(marks.nodule_probabilities).sum()),
        excluded=marks.excluded,
        excluded_note=excluded_note,
        candidates=len(candidates) - marks.count(Kind.ELSEWHERE),
        false_positives=marks.count(Kind.FALSE),
        ignored=marks.count(Kind.IGNORED),
        repeated=marks.repeated,
        capped=marks.count(Kind.CAPPED),
        candidates_elsewhere=marks.count(Kind.ELSEWHERE),
        nodules_elsewhere=marks.nodules_elsewhere,
        max_candidates=max_candidates,
        operating_points=points,
        cpm=_estimate(once[operating].mean(), drawn[:, operating].mean(axis=1), plan),
        curve=sweep.curve(),
        band=_band(drawn, plan),
        confidence=confidence,
        resamples=resamples,
        interval_note=plan.note,
    )


def _plan(scans: int, confidence: float, resamples: int, seed: int) -> Resampling:
    if not 0.0 < confidence < 1.0:
        raise ValueError(f"confidence must lie between 0 and 1. Received: {confidence}")
    if resamples < 1:
        raise ValueError(f"resamples must be at least 1. Received: {resamples}")
    note = f"{100 * confidence:g} % percentile intervals of {resamples:,} bootstrap resamples over scans."
    if scans == 1:
        note = "One scan has no interval over scans."
    elif scans < FEW_SCANS:
        note += f" So few scans (fewer than {FEW_SCANS}) make them unreliable."
    codes = np.arange(scans, dtype=np.int64)
    return Resampling("group", codes, scans, resamples, confidence, seed, note)


def _estimate(value: float, samples: Floats, plan: Resampling) -> Estimate:
    low, high = _interval(samples[:, None], plan)
    undefined = int(np.isnan(samples).sum())
    if np.isnan(low[0]):
        return Estimate(float(value), None, None, undefined)
    return Estimate(float(value), float(low[0]), float(high[0]), undefined)


def _interval(samples: Floats, plan: Resampling) -> tuple[Floats, Floats]:
    """Returns the order statistics at either end, of each column of `samples` `(resamples, m)`.

    NaN for a single scan, and where half the resamples or more hold no nodule.
    """
    defined = samples[~np.isnan(samples[:, 0])]
    if plan.units < 2 or 2 * len(defined) <= len(samples):
        nothing = np.full(samples.shape[1], np.nan)
        return nothing, nothing
    ordered = np.sort(defined, axis=0)
    tail = (1.0 - plan.confidence) / 2.0
    high = min(int((1.0 - tail) * len(ordered)), len(ordered) - 1)
    return ordered[int(tail * len(ordered))], ordered[high]


def _band(drawn: Floats, plan: Resampling) -> FrocBand:
    low, high = _interval(drawn, plan)
    defined = drawn[~np.isnan(drawn[:, 0])]
    mean = defined.mean(axis=0) if len(defined) else np.full(drawn.shape[1], np.nan)
    return FrocBand(BAND_RATES, mean, low, high)

"""Which candidates hit a nodule, which are false, and which do not count: LUNA16's rules.

The rules are those of the challenge's page and of its evaluation script (Setio et al. 2017,
doi:10.1016/j.media.2017.06.015):

* A candidate hits a finding when it lies nearer to its centre than half its diameter. A finding of
  negative diameter, LUNA16's sign for "not measured", has one of 10 mm.
* Of several candidates on one nodule the most probable counts; the others are neither hits nor false.
* One candidate may hit two nodules.
* A candidate that hits no nodule but an excluded finding is ignored.
* Of a scan with more than 100 candidates only those more probable than the 101st take part, so that
  where it ties with others, fewer than 100 are left.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from lungnet.ct import Candidate
from lungnet.errors import InputError
from lungnet.evaluation.checks import Codes, Floats
from lungnet.evaluation.froc_scans import Scans

#: What a negative diameter stands for, in mm.
UNMEASURED_DIAMETER_MM = 10.0
#: Candidates of a scan that take part, unless told otherwise.
MAX_CANDIDATES = 100


class Kind(IntEnum):
    """What became of a candidate."""

    FALSE = 0
    HIT = 1
    IGNORED = 2
    CAPPED = 3
    ELSEWHERE = 4


@dataclass(frozen=True, eq=False)
class Marks:
    """Candidates and nodules after matching.

    Attributes:
        kinds: int8 `(candidates,)`, a `Kind` each, in the order in which they were given. `HIT` are all
            that lie on a nodule, the less probable ones too; `ELSEWHERE` those of series not listed.
        nodule_scans: int64 `(nodules,)`, the scan of each nodule of a listed series.
        nodule_probabilities: float64 `(nodules,)`, of the most probable candidate on it; -inf if missed.
        false_scans: int64 `(false,)`, the scan of each false candidate.
        false_probabilities: float64 `(false,)`.
        repeated: candidates on a nodule beyond its first, summed over the nodules.
        excluded: excluded findings in listed series.
        nodules_elsewhere: nodules of series that are not listed; they do not count.
    """

    kinds: npt.NDArray[np.int8]
    nodule_scans: Codes
    nodule_probabilities: Floats
    false_scans: Codes
    false_probabilities: Floats
    repeated: int
    excluded: int
    nodules_elsewhere: int

    def count(self, kind: Kind) -> int:
        """Returns how many candidates became `kind`."""
        return int((self.kinds == kind).sum())


def match_candidates(
    candidates: Sequence[Candidate],
    nodules: Sequence[Candidate],
    excluded: Sequence[Candidate],
    scans: Scans,
    max_candidates: int | None = MAX_CANDIDATES,
) -> Marks:
    """Matches candidates to nodules and excluded findings, scan by scan.

    Args:
        candidates: each with a finite `probability`; only its order counts.
        nodules: each with a finite `diameter_mm`.
        excluded: findings on which candidates are ignored, alike.
        scans: the series that take part.
        max_candidates: of one scan; None for all.

    Raises:
        InputError: a candidate has no finite probability, a finding no finite diameter, a position is not
            finite, or candidates were given and all are of series that are not listed.
        ValueError: `max_candidates` is less than 1.
    """
    if max_candidates is not None and max_candidates < 1:
        raise ValueError(f"max_candidates must be at least 1 or None. Received: {max_candidates}")
    scores = _numbers("candidate", "probability", candidates)
    places, owners = _positions("candidate", candidates), scans.number(candidates)
    if len(candidates) and (owners < 0).all():
        raise InputError(
            f"None of the {len(candidates):,} candidates is of the {len(scans)} series evaluated; the first "
            f"is of series {candidates[0].series_uid}."
        )
    findings = [*nodules, *excluded]
    radii = _numbers("finding", "diameter_mm", findings)
    radii = np.where(radii < 0.0, UNMEASURED_DIAMETER_MM, radii) / 2.0
    centers, homes = _positions("finding", findings), scans.number(findings)
    counted = np.arange(len(findings)) < len(nodules)

    kinds = np.full(len(candidates), Kind.FALSE, np.int8)
    kinds[owners < 0] = Kind.ELSEWHERE
    kinds[_beyond_cap(owners, scores, max_candidates)] = Kind.CAPPED
    best = np.full(len(findings), -np.inf)
    repeated = 0
    taking_part = np.flatnonzero(kinds == Kind.FALSE)
    ours = _grouped(owners[taking_part], len(scans))
    theirs = _grouped(homes, len(scans))
    for mine, found in zip(ours, theirs, strict=True):
        if not len(mine) or not len(found):
            continue
        mine = taking_part[mine]
        apart = centers[found][:, None] - places[mine][None]
        squared = apart[..., 0] ** 2 + apart[..., 1] ** 2 + apart[..., 2] ** 2
        hits = squared < radii[found][:, None] ** 2
        on_nodule = hits[counted[found]]
        kinds[mine[hits.any(axis=0)]] = Kind.IGNORED
        kinds[mine[on_nodule.any(axis=0)]] = Kind.HIT
        best[found] = np.where(hits, scores[mine], -np.inf).max(axis=1)
        repeated += int((on_nodule.sum(axis=1) - 1).clip(min=0).sum())
    false = kinds == Kind.FALSE
    inside = homes >= 0
    return Marks(
        kinds=kinds,
        nodule_scans=homes[counted & inside],
        nodule_probabilities=best[counted & inside],
        false_scans=owners[false],
        false_probabilities=scores[false],
        repeated=repeated,
        excluded=int((~counted & inside).sum()),
        nodules_elsewhere=int((counted & ~inside).sum()),
    )


def _beyond_cap(owners: Codes, scores: Floats, limit: int | None) -> npt.NDArray[np.bool_]:
    """Tells which candidates are at most as probable as the one after the last that may stay."""
    beyond = np.zeros(len(owners), bool)
    if limit is None:
        return beyond
    order = np.lexsort((-scores, owners))
    starts = np.searchsorted(owners[order], np.arange(owners.max(initial=-1) + 2))
    for start, end in itertools.pairwise(starts.tolist()):
        if end - start > limit:
            members = order[start:end]
            beyond[members] = scores[members] <= scores[members[limit]]
    return beyond


def _grouped(owners: Codes, scans: int) -> list[npt.NDArray[np.int64]]:
    """Returns the indices of the members of each scan; those of no scan (-1) are left out."""
    order = np.argsort(owners, kind="stable")
    return np.split(order, np.searchsorted(owners[order], np.arange(scans + 1)))[1:-1]


def _positions(what: str, ones: Sequence[Candidate]) -> Floats:
    positions = np.array([one.center_xyz_lps_mm for one in ones], np.float64).reshape(-1, 3)
    _check_finite(what, "position", ones, np.asarray(np.isfinite(positions).all(axis=1)))
    return positions


def _numbers(what: str, name: str, ones: Sequence[Candidate]) -> Floats:
    values = np.array([getattr(one, name) for one in ones], np.float64)  # None becomes NaN
    _check_finite(what, name, ones, np.isfinite(values))
    return values


def _check_finite(what: str, name: str, ones: Sequence[Candidate], finite: npt.NDArray[np.bool_]) -> None:
    if not finite.all():
        index = int(np.argmin(finite))
        one = ones[index]
        value = one.center_xyz_lps_mm if name == "position" else getattr(one, name)
        raise InputError(
            f"Each {what} must have a finite {name}. Received: {value} for number {index + 1} of "
            f"{len(ones):,}, in series {one.series_uid}"
        )

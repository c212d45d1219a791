"""What a selection leaves: scans, nodules, the funnel, and a reason for every exclusion (section 6)."""

import functools
from dataclasses import asdict, dataclass
from typing import Any, Literal

from lungnet.config import SelectionRules
from lungnet.errors import InputError
from lungnet.lidc.annotation import Scan
from lungnet.lidc.nodule import Nodule

#: What the paper states of its data (section 6).
PAPER_COHORT = {"patients": 1010, "training_scans": 666, "evaluation_scans": 86, "positives": 5422}

#: The same in words.
PAPER_FUNNEL = (
    f"{PAPER_COHORT['patients']:,} patients, {PAPER_COHORT['training_scans']} scans for training and "
    f"{PAPER_COHORT['evaluation_scans']} for evaluation, {PAPER_COHORT['positives']:,} positive patches"
)

Stage = Literal["all", "slice_thickness", "min_readers", "outliers", "rated", "clear_rating", "no_nodule"]


@dataclass(frozen=True)
class FunnelStage:
    """What is left once a rule has been applied.

    Attributes:
        name: "all" (nothing applied yet), then the rules in their order: "slice_thickness",
            "min_readers", "outliers", "no_nodule" (scans in which none is left). For the task "malignancy"
            "rated" (by a reader) and "clear_rating" (a mean of at least 4, or at most 2) go before the last.
        scans, patients, nodules: what is left.
        excluded: scans or nodules that this rule excluded, each of them one of `Cohort.exclusions`.
    """

    name: Stage
    scans: int
    patients: int
    nodules: int
    excluded: int


@dataclass(frozen=True)
class Exclusion:
    """One scan or nodule that does not enter.

    Attributes:
        kind: "scan" or "nodule".
        rule: the stage that excluded it.
        patient_id, series_uid: whose.
        nodule_id: `Nodule.nodule_id`, -1 for a scan.
        reason: a sentence with the number that was too large or too small.
    """

    kind: Literal["scan", "nodule"]
    rule: Stage
    patient_id: str
    series_uid: str
    nodule_id: int
    reason: str


@dataclass(frozen=True, eq=False)
class Cohort:
    """The scans and nodules that enter, and why the others do not.

    Attributes:
        rules: what was applied.
        scans: those with at least one nodule left, in the order given.
        nodules: those left, in the order of `scans`.
        funnel: what was left after each rule, "all" first.
        exclusions: every scan and nodule excluded, in the order of the rules. Nodules of an excluded scan
            are not listed one by one; the funnel counts them out.
        fences_xy_z: extents (x, y in pixels, z in mm) above which a nodule is an outlier, or None where
            none were drawn.
    """

    rules: SelectionRules
    scans: tuple[Scan, ...]
    nodules: tuple[Nodule, ...]
    funnel: tuple[FunnelStage, ...]
    exclusions: tuple[Exclusion, ...]
    fences_xy_z: tuple[float, float, float] | None

    @property
    def patients(self) -> tuple[str, ...]:
        """Patient ids of `scans`, sorted, each once."""
        return tuple(sorted({scan.patient_id for scan in self.scans}))

    def nodules_in(self, series_uid: str) -> tuple[Nodule, ...]:
        """Returns the nodules left in one series."""
        return tuple(self._by_series.get(series_uid, ()))

    @functools.cached_property
    def _by_series(self) -> dict[str, list[Nodule]]:
        found: dict[str, list[Nodule]] = {}
        for nodule in self.nodules:
            found.setdefault(nodule.scan.series_uid, []).append(nodule)
        return found

    def require_nodules(self) -> "Cohort":
        """Returns the cohort itself, for training needs at least one nodule.

        Raises:
            InputError: no nodule is left; the message tells what each rule left.
        """
        if self.nodules:
            return self
        left = ", ".join(f"{stage.nodules} after {stage.name}" for stage in self.funnel)
        raise InputError(
            f"No nodule is left in the cohort ({left}); expected at least one. "
            "Relax [selection] or give more annotated series."
        )

    def to_json(self) -> dict[str, Any]:
        """Returns what a JSON file can hold: rules, funnel, fences, exclusions, series and nodules kept."""
        return {
            "rules": self.rules.model_dump(mode="json"),
            "funnel": [asdict(stage) for stage in self.funnel],
            "fences_xy_z": None if self.fences_xy_z is None else list(self.fences_xy_z),
            "exclusions": [asdict(exclusion) for exclusion in self.exclusions],
            "scans": [{"patient_id": scan.patient_id, "series_uid": scan.series_uid} for scan in self.scans],
            "nodules": [_summary(nodule) for nodule in self.nodules],
        }


def _summary(nodule: Nodule) -> dict[str, Any]:
    return {
        "nodule_id": nodule.nodule_id,
        "series_uid": nodule.scan.series_uid,
        "patient_id": nodule.scan.patient_id,
        "readers": nodule.readers,
        "diameter_mm": round(nodule.diameter_mm, 3),
        "malignancy": round(nodule.malignancy, 3),
    }

"""Which scans and nodules enter: the paper's exclusions (section 6), each counted and with its reason."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from lungnet.config import SelectionRules
from lungnet.errors import InputError
from lungnet.lidc.annotation import Annotation, Scan
from lungnet.lidc.database import load_annotations, load_scans
from lungnet.lidc.nodule import Nodule, nodules_of

#: What the paper states of its data (section 6).
PAPER_COHORT = {"patients": 1010, "training_scans": 666, "evaluation_scans": 86, "positives": 5422}

Stage = Literal["all", "slice_thickness", "min_readers", "outliers", "no_nodule"]


@dataclass(frozen=True)
class FunnelStage:
    """What is left once a rule has been applied.

    Attributes:
        name: "all" (nothing applied yet), then the rules in their order: "slice_thickness",
            "min_readers", "outliers", "no_nodule" (scans in which none is left).
        scans, patients, nodules: what is left.
    """

    name: Stage
    scans: int
    patients: int
    nodules: int


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
        return tuple(nodule for nodule in self.nodules if nodule.scan.series_uid == series_uid)

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


def select_cohort(
    rules: SelectionRules | None = None,
    scans: Sequence[tuple[Scan, Sequence[Annotation]]] | None = None,
) -> Cohort:
    """Applies the rules of section 6, in the order of `SelectionRules`.

    Outliers are found in one pass: the extent of each remaining nodule's bounding box (union over its
    readers; x and y in pixels, z in mm) is held against Q3 + `outlier_iqr` x IQR of that axis, quartiles
    by linear interpolation. Fewer than four nodules have no quartiles to speak of: none is excluded then.

    Args:
        rules: default the paper's.
        scans: scans with all their annotations, default the whole database.

    Returns:
        The cohort, which may be empty: `Cohort.require_nodules` raises where that will not do.

    Raises:
        InputError: the database is wanted and missing, or a series is given twice.
    """
    rules = SelectionRules() if rules is None else rules
    if scans is None:
        annotations = load_annotations()
        scans = [(scan, annotations[scan.scan_id]) for scan in load_scans()]
    selection = _Selection(scans)
    selection.by_thickness(rules.max_slice_thickness_mm)
    selection.by_readers(rules.min_readers)
    fences = selection.by_extent(rules.outlier_iqr)
    selection.by_presence()
    return Cohort(
        rules=rules,
        scans=tuple(selection.scans),
        nodules=tuple(selection.nodules),
        funnel=tuple(selection.funnel),
        exclusions=tuple(selection.exclusions),
        fences_xy_z=fences,
    )


class _Selection:
    """What is left, stage by stage."""

    def __init__(self, scans: Sequence[tuple[Scan, Sequence[Annotation]]]) -> None:
        self.scans: list[Scan] = []
        self.nodules: list[Nodule] = []
        self.funnel: list[FunnelStage] = []
        self.exclusions: list[Exclusion] = []
        seen: set[str] = set()
        for scan, annotations in scans:
            if scan.series_uid in seen:
                raise InputError(f"Series {scan.series_uid} is given twice; expected each series once.")
            seen.add(scan.series_uid)
            self.scans.append(scan)
            self.nodules += nodules_of(scan, annotations)
        self._count("all")

    def by_thickness(self, limit_mm: float) -> None:
        thick = {
            scan.series_uid: f"slices of {scan.slice_thickness_mm:g} mm are thicker than {limit_mm:g} mm"
            for scan in self.scans
            if scan.slice_thickness_mm > limit_mm
        }
        self._drop_scans("slice_thickness", thick)

    def by_readers(self, least: int) -> None:
        self._drop_nodules(
            "min_readers",
            [
                f"marked by {nodule.readers} of the readers, fewer than {least}"
                if nodule.readers < least
                else ""
                for nodule in self.nodules
            ],
        )

    def by_extent(self, outlier_iqr: float) -> tuple[float, float, float] | None:
        fences = None
        reasons = [""] * len(self.nodules)
        if outlier_iqr > 0 and len(self.nodules) >= 4:
            extents = np.array([extent_xy_z(nodule) for nodule in self.nodules])
            fences = outlier_fences(extents, outlier_iqr)
            reasons = [_beyond(extent, fences) for extent in extents.tolist()]
        self._drop_nodules("outliers", reasons)
        return fences

    def by_presence(self) -> None:
        held = {nodule.scan.series_uid for nodule in self.nodules}
        empty = {scan.series_uid: "no nodule is left" for scan in self.scans if scan.series_uid not in held}
        self._drop_scans("no_nodule", empty)

    def _drop_scans(self, rule: Stage, reasons: dict[str, str]) -> None:
        for scan in self.scans:
            if scan.series_uid in reasons:
                reason = reasons[scan.series_uid]
                self.exclusions.append(Exclusion("scan", rule, scan.patient_id, scan.series_uid, -1, reason))
        self.scans = [scan for scan in self.scans if scan.series_uid not in reasons]
        self.nodules = [nodule for nodule in self.nodules if nodule.scan.series_uid not in reasons]
        self._count(rule)

    def _drop_nodules(self, rule: Stage, reasons: list[str]) -> None:
        for nodule, reason in zip(self.nodules, reasons, strict=True):
            if reason:
                scan = nodule.scan
                self.exclusions.append(
                    Exclusion("nodule", rule, scan.patient_id, scan.series_uid, nodule.nodule_id, reason)
                )
        kept = zip(self.nodules, reasons, strict=True)
        self.nodules = [nodule for nodule, reason in kept if not reason]
        self._count(rule)

    def _count(self, name: Stage) -> None:
        patients = len({scan.patient_id for scan in self.scans})
        self.funnel.append(FunnelStage(name, len(self.scans), patients, len(self.nodules)))


def extent_xy_z(nodule: Nodule) -> tuple[float, float, float]:
    """Returns the extent of a nodule's bounding box: x and y in pixels, z in mm."""
    (x0, x1), (y0, y1), (z0, z1) = nodule.box_xy_z
    return x1 - x0, y1 - y0, z1 - z0


def outlier_fences(extents: npt.NDArray[np.float64], outlier_iqr: float) -> tuple[float, float, float]:
    """Returns Q3 + `outlier_iqr` x IQR of each column of `extents` `(nodules, 3)`."""
    first, third = np.percentile(extents, [25, 75], axis=0)
    x, y, z = (third + outlier_iqr * (third - first)).tolist()
    return x, y, z


def _beyond(extent: Sequence[float], fences: tuple[float, float, float]) -> str:
    axes = zip("xyz", ("px", "px", "mm"), extent, fences, strict=True)
    over = [
        f"{axis} extent {size:g} {unit} is above {fence:g}"
        for axis, unit, size, fence in axes
        if size > fence
    ]
    return ", ".join(over)


def _summary(nodule: Nodule) -> dict[str, Any]:
    return {
        "nodule_id": nodule.nodule_id,
        "series_uid": nodule.scan.series_uid,
        "patient_id": nodule.scan.patient_id,
        "readers": nodule.readers,
        "diameter_mm": round(nodule.diameter_mm, 3),
        "malignancy": round(nodule.malignancy, 3),
    }

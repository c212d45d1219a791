"""The paper's exclusions (section 6), applied one after the other."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from lungnet.config import SelectionRules
from lungnet.errors import InputError
from lungnet.lidc.annotation import Annotation, Scan
from lungnet.lidc.cohort import Cohort, Exclusion, FunnelStage, Stage
from lungnet.lidc.database import load_annotations, load_scans
from lungnet.lidc.nodule import Nodule, nodules_of
from lungnet.lidc.task import BENIGN_UP_TO, MALIGNANT_FROM, Task, malignancy_label


def select_cohort(
    rules: SelectionRules | None = None,
    scans: Sequence[tuple[Scan, Sequence[Annotation]]] | None = None,
    task: Task = "nodule",
) -> Cohort:
    """Applies the rules of section 6, in the order of `SelectionRules`.

    Outliers are found in one pass: the extent of each remaining nodule's bounding box (union over its
    readers; x and y in pixels, z in mm) is held against Q3 + `outlier_iqr` x IQR of that axis, quartiles
    by linear interpolation. Fewer than four nodules have no quartiles to speak of: none is excluded then.

    Args:
        rules: default the paper's.
        scans: scans with all their annotations, default the whole database.
        task: "malignancy" also leaves out nodules that are unrated or rated between 2 and 4 in the mean;
            fences of outliers are drawn before that.

    Returns:
        The cohort, which may be empty: `Cohort.require_nodules` raises where that will not do.

    Raises:
        InputError: the database is wanted and missing, or a series is given twice.
    """
    if scans is None:
        annotations = load_annotations()
        scans = [(scan, annotations[scan.scan_id]) for scan in load_scans()]
    found = [(scan, nodules_of(scan, of_scan)) for scan, of_scan in scans]
    return select_nodules(SelectionRules() if rules is None else rules, found, task)


def select_nodules(
    rules: SelectionRules, scans: Sequence[tuple[Scan, Sequence[Nodule]]], task: Task = "nodule"
) -> Cohort:
    """Does the work of `select_cohort` on nodules, which need not hold their annotations here.

    Raises:
        InputError: a series is given twice.
    """
    selection = _Selection(scans)
    selection.by_thickness(rules.max_slice_thickness_mm)
    selection.by_readers(rules.min_readers)
    fences = selection.by_extent(rules.outlier_iqr)
    if task == "malignancy":
        selection.by_malignancy()
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

    def __init__(self, scans: Sequence[tuple[Scan, Sequence[Nodule]]]) -> None:
        self.scans: list[Scan] = []
        self.nodules: list[Nodule] = []
        self.funnel: list[FunnelStage] = []
        self.exclusions: list[Exclusion] = []
        seen: set[str] = set()
        for scan, nodules in scans:
            if scan.series_uid in seen:
                raise InputError(f"Series {scan.series_uid} is given twice; expected each series once.")
            seen.add(scan.series_uid)
            self.scans.append(scan)
            self.nodules += nodules
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

    def by_malignancy(self) -> None:
        unrated = ["no reader rated its malignancy" if not n.malignancy else "" for n in self.nodules]
        self._drop_nodules("rated", unrated)
        between = f"lies between {BENIGN_UP_TO:g} and {MALIGNANT_FROM:g}"
        self._drop_nodules(
            "clear_rating",
            [
                f"mean malignancy {nodule.malignancy:.3g} {between}"
                if malignancy_label(nodule.malignancy) is None
                else ""
                for nodule in self.nodules
            ],
        )

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
        excluded = sum(exclusion.rule == name for exclusion in self.exclusions)
        self.funnel.append(FunnelStage(name, len(self.scans), patients, len(self.nodules), excluded))


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

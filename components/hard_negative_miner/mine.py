"""The false positives of one training series.

No TensorFlow here: a worker holds one volume and the scanner.
"""

import functools
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from lungnet.components.lidc_example_gen.left_out import LeftOut
from lungnet.components.lidc_example_gen.survey import series_from_json
from lungnet.config import PatchRules, ScanConfig
from lungnet.ct import SeriesFiles, Volume, read_series
from lungnet.errors import InputError
from lungnet.lidc import Annotation, Scan, annotations_of_series
from lungnet.patches import ExampleArrays, mined_examples, outline_boxes, place_mined
from lungnet.patches.columns import LAYOUT
from lungnet.serving import CTScanner, Detection

#: One processor for all: what is mined must not hang on the machine.
_PROVIDERS = ("CPUExecutionProvider",)


@functools.lru_cache(maxsize=1)
def open_scanner(path: str, config: ScanConfig) -> CTScanner:
    """Opens a scanner on one core: as many processes as there are cores share the series among them.

    Raises:
        InputError: as `CTScanner`.
    """
    return CTScanner(path, config, _PROVIDERS, threads=1)


@dataclass(frozen=True, eq=False)
class MinedSeries:
    """What was mined in one series.

    Attributes:
        examples: negatives, the most probable first.
        probabilities: float64 `(n,)`, that the scanner gave what each is about.
        detections: of the scanner, from the threshold on.
        touching: of these, how many touch a reader's mark.
    """

    examples: ExampleArrays
    probabilities: npt.NDArray[np.float64]
    detections: int
    touching: int


def false_positives(
    volume: Volume,
    scan: Scan,
    annotations: Sequence[Annotation],
    detections: Sequence[Detection],
    most: int,
    rules: PatchRules,
    seed: int,
) -> MinedSeries:
    """Makes negatives of the detections in one series that touch no reader's mark.

    Args:
        volume: the CT.
        scan: the series as the readers' annotations know it.
        annotations: of all readers, one of them suffices.
        detections: in the CT, the most probable first, as `CTScanner.scan` gives them.
        most: negatives at most; the least probable ones are dropped.
        rules: translation of the windows.
        seed: of the translations.

    Raises:
        InputError: an outline lies on no slice of the volume.
    """
    places = [volume.world_to_index(one.center_xyz_lps_mm) for one in detections]
    extents = [one.extent_mm[0] / volume.spacing_mm[0] if one.extent_mm else 0.0 for one in detections]
    boxes = outline_boxes(volume, annotations)
    windows = place_mined(volume, np.array(places), extents, boxes, rules, seed)
    examples = mined_examples(volume, scan, windows)[:most]
    return MinedSeries(
        ExampleArrays.from_examples(examples),
        np.array([detections[row].probability for row in windows.rows[:most]], np.float64),
        len(detections),
        len(detections) - len(windows.rows),
    )


def mine(
    series: Mapping[str, Any],
    scanner: str,
    scan_settings: Mapping[str, Any],
    most: int,
    rules: Mapping[str, Any],
    seed: int,
) -> bytes:
    """Scans one series for what is wrongly taken for a nodule: a task for an engine.

    Args:
        series: as `series_to_json` gives it.
        scanner: path of `scanner.onnx`.
        scan_settings: of `ScanConfig`.
        most: negatives at most.
        rules: of `PatchRules`.
        seed: of the translations.

    Returns:
        What `mined_from` or `left_out_from` reads.
    """
    files = series_from_json(series)
    ct_scanner = open_scanner(scanner, ScanConfig(**scan_settings))
    try:
        scan, annotations = _annotated(files)
        volume = read_series(files)
        found = ct_scanner.scan(volume)
        mined = false_positives(volume, scan, annotations, found, most, PatchRules(**rules), seed)
    except InputError as error:  # one CT that is no chest does not end a run over a thousand
        return json.dumps(vars(LeftOut.because_of(error, files))).encode()
    columns = {name: getattr(mined.examples, name) for name in LAYOUT}
    stream = io.BytesIO()
    np.savez(
        stream,
        allow_pickle=False,
        **columns,
        probabilities=mined.probabilities,
        counts=np.array([mined.detections, mined.touching]),
    )
    return stream.getvalue()


def _annotated(files: SeriesFiles) -> tuple[Scan, list[Annotation]]:
    known = annotations_of_series(files)
    if known is None:  # what nobody marked would all count as false
        raise InputError(f"{files.folder}: the annotations of series {files.series_uid} are gone.")
    return known


def mined_from(result: bytes) -> MinedSeries:
    """Reads what `mine` found in a series that was not left out."""
    with np.load(io.BytesIO(result), allow_pickle=False) as columns:
        detections, touching = columns["counts"].tolist()
        examples = ExampleArrays(**{name: columns[name] for name in LAYOUT})
        return MinedSeries(examples, columns["probabilities"], detections, touching)


def left_out_from(result: bytes) -> LeftOut | None:
    """Reads why `mine` left a series out, or None if it did not."""
    return LeftOut(**json.loads(result)) if result.startswith(b"{") else None

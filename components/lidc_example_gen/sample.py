"""Third pass over an archive: the patches of each series of the cohort.

No TensorFlow here: a worker holds one volume and what it takes to look at it.
"""

import io
import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from lungnet.components.lidc_example_gen.annotated import scan_from_json
from lungnet.components.lidc_example_gen.left_out import LeftOut
from lungnet.components.lidc_example_gen.survey import series_from_json
from lungnet.config import PatchRules
from lungnet.ct import SeriesFiles, read_series
from lungnet.errors import InputError
from lungnet.lidc import Annotation, Nodule, Scan, annotations_of_series, nodules_of
from lungnet.lidc.task import Task
from lungnet.patches import ExampleArrays, SampledSeries, sample_series
from lungnet.patches.columns import LAYOUT

#: Beside the columns of a result: how many of its last rows are further windows.
_FURTHER = "further"


def patches_of_series(
    series: SeriesFiles,
    scan: Scan,
    nodules: Sequence[Nodule],
    annotations: Sequence[Annotation],
    rules: PatchRules,
    seed: int,
    task: Task,
    further: Mapping[int, float] | None = None,
) -> SampledSeries | LeftOut:
    """Reads one series and takes its patches: they depend on the arguments and the files alone.

    Args:
        series: its files.
        scan: the series as the readers' annotations know it.
        nodules: of the cohort that lie in it.
        annotations: of all readers of it.
        rules: how patches are taken; negatives are as many as training needs, and splits that need fewer
            take the first of them.
        seed: of every choice.
        task: "nodule" or "malignancy".
        further: as `lungnet.patches.sample_series` takes it.

    Returns:
        The patches, or why the series cannot be read or sampled.
    """
    ratio = rules.negatives_per_positive + rules.negative_surplus
    try:
        volume = read_series(series)
        return sample_series(volume, scan, nodules, annotations, rules, seed, task, ratio, further)
    except InputError as error:  # an archive of a thousand series has broken ones
        return LeftOut.because_of(error, series)


def sample(
    series: Mapping[str, Any],
    scan: Mapping[str, Any],
    nodule_ids: Sequence[int],
    rules: Mapping[str, Any],
    seed: int,
    task: Task,
    further: Sequence[float] = (0.0, 0.0),
) -> bytes:
    """Takes the patches of one series: the task of the third pass.

    Args:
        series: as `series_to_json` gives it.
        scan: of `lungnet.components.lidc_example_gen.annotated.annotate`.
        nodule_ids: of the nodules of the cohort.
        rules: of `PatchRules`.
        seed: of every choice.
        task: "nodule" or "malignancy".
        further: of label 0 and of label 1, windows that training takes besides each of a nodule's.

    Returns:
        What `patches_of_series` returns, for `sampled_from` or `left_out_from` to read.
    """
    files, known_scan = series_from_json(series), scan_from_json(scan)
    try:
        known = annotations_of_series(files, known_scan)
        annotations = known[1] if known else []
    except InputError as error:  # they could be read a moment ago
        return _to_bytes(LeftOut.because_of(error, files))
    wanted = set(nodule_ids)
    nodules = [one for one in nodules_of(known_scan, annotations) if one.nodule_id in wanted]
    limits = PatchRules(**rules)
    more = dict(enumerate(further))
    return _to_bytes(patches_of_series(files, known_scan, nodules, annotations, limits, seed, task, more))


def sampled_from(result: bytes) -> SampledSeries:
    """Reads the patches that `sample` returned; those of a series left out are none."""
    if _is_left_out(result):
        return SampledSeries([], [])
    with np.load(io.BytesIO(result), allow_pickle=False) as columns:
        examples = list(ExampleArrays(**{name: columns[name] for name in LAYOUT}).examples())
        own = len(examples) - int(columns[_FURTHER])
    by_label = {label: [one for one in examples[:own] if one.label == label] for label in (0, 1)}
    return SampledSeries(positives=by_label[1], negatives=by_label[0], further=examples[own:])


def left_out_from(result: bytes) -> LeftOut | None:
    """Reads why a series was left out, or None if it was not."""
    return LeftOut(**json.loads(result)) if _is_left_out(result) else None


def counts_from(result: bytes) -> tuple[int, int]:
    """Returns how many positives and negatives `sample` took, less further ones, without unpacking them."""
    if _is_left_out(result):
        return 0, 0
    with np.load(io.BytesIO(result), allow_pickle=False) as columns:
        labels = columns["labels"][: len(columns["labels"]) - int(columns[_FURTHER])]
    return int((labels == 1).sum()), int((labels == 0).sum())


def _to_bytes(made: SampledSeries | LeftOut) -> bytes:
    if isinstance(made, LeftOut):
        return json.dumps(vars(made)).encode()
    arrays = ExampleArrays.from_examples([*made.positives, *made.negatives, *made.further])
    columns = {name: getattr(arrays, name) for name in LAYOUT} | {_FURTHER: np.int64(len(made.further))}
    stream = io.BytesIO()
    np.savez(stream, allow_pickle=False, **columns)
    return stream.getvalue()


def _is_left_out(result: bytes) -> bool:
    return result.startswith(b"{")

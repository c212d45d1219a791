"""What the splits hold, as JSON."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from lungnet.patches.checks import measured_unit
from lungnet.patches.columns import ExampleArrays, as_arrays
from lungnet.patches.example import PatchExample
from lungnet.patches.splits import Unit

#: Bin edges of the HU histogram: 40 HU each, from air to bone. What lies outside is counted apart.
HISTOGRAM_EDGES_HU = tuple(range(-1040, 1041, 40))


def summarize(
    examples: Mapping[str, ExampleArrays | Iterable[PatchExample]], unit: Unit | None = None
) -> dict[str, Any]:
    """Counts what each split holds.

    Args:
        examples: split name -> examples.
        unit: what the splits were made never to part; measured on them if None.

    Returns:
        A dict fit for JSON: `unit`, `leaks` (whether a patient or group stands in two splits), and `splits`:
        for each its `patches`, `by_label`, `by_source` (source -> label -> patches), `patients`,
        `groups`, `series`, `nodules`, `prevalence` (None if empty), and `hu` with `mean` and `std`
        (None if empty), `edges_hu`, and `by_label` -> `below`, `counts` per bin, `above`: pixels.
    """
    arrays = {name: as_arrays(part) for name, part in examples.items()}
    measured = measured_unit(arrays)
    return {
        "unit": unit or measured,
        "leaks": measured != "patient",
        "splits": {name: _summary(part) for name, part in arrays.items()},
    }


def _summary(arrays: ExampleArrays) -> dict[str, Any]:
    sources = sorted(set(arrays.source.tolist()))
    real = arrays.take(arrays.source == "real")
    nodules = {
        (series, nodule)
        for series, nodule in zip(real.series_uid.tolist(), real.nodule_id.tolist(), strict=True)
        if nodule >= 0
    }
    return {
        "patches": len(arrays),
        "by_label": _by_label(arrays.labels),
        "by_source": {source: _by_label(arrays.labels[arrays.source == source]) for source in sources},
        # Synthetic patches are nobody's.
        "patients": len(set(real.patient_id.tolist())),
        "groups": len(set(real.group_id.tolist())),
        "series": len(set(real.series_uid.tolist())),
        "nodules": len(nodules),
        "prevalence": float(arrays.labels.mean()) if len(arrays) else None,
        "hu": _intensities(arrays),
    }


def _by_label(labels: npt.NDArray[np.int64]) -> dict[str, int]:
    counts = Counter(labels.tolist())
    return {str(label): counts[label] for label in (0, 1)}


def _intensities(arrays: ExampleArrays) -> dict[str, Any]:
    patches = arrays.patches_hu
    return {
        "mean": float(patches.mean(dtype=np.float64)) if len(arrays) else None,
        "std": float(patches.std(dtype=np.float64)) if len(arrays) else None,
        "edges_hu": list(HISTOGRAM_EDGES_HU),
        "by_label": {str(label): _histogram(patches[arrays.labels == label]) for label in (0, 1)},
    }


def _histogram(patches_hu: npt.NDArray[np.int16]) -> dict[str, Any]:
    # One count per HU value, then sums over bins: exact, and faster than a search for every pixel.
    lowest = int(np.iinfo(np.int16).min)
    values = np.bincount(patches_hu.ravel().astype(np.int64) - lowest, minlength=2**16)
    edges = np.array(HISTOGRAM_EDGES_HU) - lowest
    return {
        "below": int(values[: edges[0]].sum()),
        "counts": np.add.reduceat(values[: edges[-1]], edges[:-1]).tolist(),
        "above": int(values[edges[-1] :].sum()),
    }

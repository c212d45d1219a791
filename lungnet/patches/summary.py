"""What the splits hold, as JSON."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from lungnet.patches.columns import ExampleArrays, as_arrays
from lungnet.patches.example import PatchExample
from lungnet.patches.sightings import Sightings
from lungnet.patches.splits import Unit

#: Bin edges of the HU histogram: 40 HU each, from air to bone. What lies outside is counted apart.
HISTOGRAM_EDGES_HU = tuple(range(-1040, 1041, 40))

_LOWEST_HU = int(np.iinfo(np.int16).min)
_VALUES = 2**16


class Summary:
    """Counts what splits hold, batch by batch; of the patches it keeps no more than `Sightings` does.

    Args:
        splits: that are listed even if nothing is added to them.
    """

    def __init__(self, splits: Iterable[str] = ()) -> None:
        self._sightings = Sightings()
        self._tallies = {split: _Tally() for split in splits}

    def add(self, split: str, arrays: ExampleArrays) -> None:
        """Counts a batch of a split."""
        self._sightings.add(split, arrays)
        self._tallies.setdefault(split, _Tally()).add(arrays)

    def to_json(self, unit: Unit | None = None) -> dict[str, Any]:
        """Returns what `summarize` does."""
        measured = self._sightings.unit()
        return {
            "unit": unit or measured,
            "leaks": measured != "patient",
            "splits": {
                split: {
                    **tally.to_json(),
                    "patients": len(self._sightings.names("patient", split)),
                    "groups": len(self._sightings.names("group", split)),
                    "series": len(self._sightings.names("series", split)),
                    "nodules": self._sightings.nodules(split),
                }
                for split, tally in self._tallies.items()
            },
        }


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
        `groups`, `series`, `nodules` (of real patches: synthetic ones are nobody's), `prevalence` (None if
        empty), and `hu` with `mean` and `std` (None if empty), `edges_hu`, and `by_label` -> `below`,
        `counts` per bin, `above`: pixels.
    """
    summary = Summary(examples)
    for split, part in examples.items():
        summary.add(split, as_arrays(part))
    return summary.to_json(unit)


class _Tally:
    """The numbers of one split."""

    def __init__(self) -> None:
        self.by_source: dict[str, npt.NDArray[np.int64]] = {}  # patches of each label
        # One count per HU value: exact, and faster than a search for every pixel.
        self.pixels = np.zeros((2, _VALUES), np.int64)

    def add(self, arrays: ExampleArrays) -> None:
        for source in set(arrays.source.tolist()):
            counts = np.bincount(arrays.labels[arrays.source == source], minlength=2)
            self.by_source[source] = self.by_source.get(source, 0) + counts
        for label in (0, 1):
            values = arrays.patches_hu[arrays.labels == label].ravel().astype(np.int64) - _LOWEST_HU
            self.pixels[label] += np.bincount(values, minlength=_VALUES)

    def to_json(self) -> dict[str, Any]:
        negatives, positives = sum(self.by_source.values(), start=np.zeros(2, np.int64)).tolist()
        patches = negatives + positives
        return {
            "patches": patches,
            "by_label": {"0": negatives, "1": positives},
            "by_source": {
                source: dict(zip("01", counts.tolist(), strict=True))
                for source, counts in sorted(self.by_source.items())
            },
            "prevalence": positives / patches if patches else None,
            "hu": {
                **_moments(self.pixels.sum(axis=0)),
                "edges_hu": list(HISTOGRAM_EDGES_HU),
                "by_label": {str(label): _histogram(self.pixels[label]) for label in (0, 1)},
            },
        }


def _moments(pixels: npt.NDArray[np.int64]) -> dict[str, float | None]:
    count = int(pixels.sum())
    if not count:
        return {"mean": None, "std": None}
    values = np.arange(_VALUES, dtype=np.float64) + _LOWEST_HU
    mean = float(pixels @ values) / count
    return {"mean": mean, "std": float(np.sqrt(pixels @ (values - mean) ** 2 / count))}


def _histogram(pixels: npt.NDArray[np.int64]) -> dict[str, Any]:
    edges = np.array(HISTOGRAM_EDGES_HU) - _LOWEST_HU
    return {
        "below": int(pixels[: edges[0]].sum()),
        "counts": np.add.reduceat(pixels[: edges[-1]], edges[:-1]).tolist(),
        "above": int(pixels[edges[-1] :].sum()),
    }

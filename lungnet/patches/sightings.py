"""Which splits hold which patients, groups, series and nodules: what a split must not share."""

from collections.abc import Iterable, Mapping
from typing import Literal

import numpy as np
import numpy.typing as npt

from lungnet.patches.columns import ExampleArrays, as_arrays
from lungnet.patches.example import PatchExample
from lungnet.patches.splits import Unit

#: Pairs of splits, the worst to share something first.
PAIRS = (("train", "eval"), ("validation", "eval"), ("train", "validation"))

#: What has a name.
Named = Literal["patient", "group", "series"]
_COLUMNS: Mapping[Named, str] = {"patient": "patient_id", "group": "group_id", "series": "series_uid"}


class Sightings:
    """Remembers whom and what each split holds, batch by batch (some 100 bytes a nodule).

    Synthetic patches are nobody's and do not count.
    """

    def __init__(self) -> None:
        self._names: dict[tuple[Named, str], set[str]] = {}
        self._numbers: dict[str, int] = {}  # of each series
        self._nodules: dict[str, list[npt.NDArray[np.int64]]] = {}  # rows: series, nodule, z, y, x

    def add(self, split: str, arrays: ExampleArrays) -> None:
        """Counts a batch of a split."""
        real = arrays.source == "real"
        for kind, column in _COLUMNS.items():
            self._names.setdefault((kind, split), set()).update(getattr(arrays, column)[real].tolist())
        rows = np.flatnonzero(real & (arrays.nodule_id >= 0))
        numbers = [
            self._numbers.setdefault(uid, len(self._numbers)) for uid in arrays.series_uid[rows].tolist()
        ]
        centers = arrays.center_zyx[rows]
        centers[:, 1:] -= arrays.offset_yx[rows]
        seen = np.column_stack([np.array(numbers, np.int64), arrays.nodule_id[rows], centers])
        self._nodules.setdefault(split, []).append(np.unique(seen, axis=0))

    def names(self, kind: Named, split: str) -> set[str]:
        """The patients, groups or series of a split."""
        return self._names.get((kind, split), set())

    def shared(self, kind: Named, left: str, right: str) -> list[str]:
        """The patients, groups or series that two splits share, sorted."""
        return sorted(self.names(kind, left) & self.names(kind, right))

    def nodules(self, split: str) -> int:
        """How many nodules a split holds."""
        return len(self._rows(split, slice(0, 2)))

    def shared_nodules(self, left: str, right: str) -> list[tuple[str, int]]:
        """Series and number of the nodules that two splits share."""
        return [(uid, nodule[0]) for uid, nodule in self._shared_rows(left, right, slice(0, 2))]

    def shared_centers(self, left: str, right: str) -> list[tuple[str, tuple[int, ...]]]:
        """Series and centre (slice, row, column) of the nodules that stand at one place in two splits.

        The centre of a nodule in a patch is the centre of its window less the translation. A nodule that
        goes by two numbers is found by it.
        """
        return self._shared_rows(left, right, slice(0, 5), leave_out=1)

    def unit(self) -> Unit:
        """Returns the coarsest unit that no two splits share; see `measured_unit`."""
        parted = [
            (left, right)
            for left, right in PAIRS
            if self.shared("patient", left, right) or self.shared("group", left, right)
        ]
        if not parted:
            return "patient"
        inner = ("train", "validation")
        return "nodule" if parted == [inner] and not self.shared_nodules(*inner) else "patch"

    def _rows(self, split: str, columns: slice, leave_out: int | None = None) -> npt.NDArray[np.int64]:
        """Distinct nodules of a split as rows of some of their columns."""
        kept = [column for column in range(5)[columns] if column != leave_out]
        parts = self._nodules.get(split, [])
        everything = np.concatenate(parts) if parts else np.empty((0, 5), np.int64)
        return np.unique(everything[:, kept], axis=0)

    def _shared_rows(
        self, left: str, right: str, columns: slice, leave_out: int | None = None
    ) -> list[tuple[str, tuple[int, ...]]]:
        both = np.concatenate([self._rows(split, columns, leave_out) for split in (left, right)])
        rows, counts = np.unique(both, axis=0, return_counts=True)
        uids = list(self._numbers)
        return sorted((uids[row[0]], tuple(row[1:])) for row in rows[counts == 2].tolist())


def measured_unit(examples: Mapping[str, ExampleArrays | Iterable[PatchExample]]) -> Unit:
    """Returns the coarsest unit that no two splits share, whatever they were meant to keep together.

    Args:
        examples: split name -> examples; splits may be missing.

    Returns:
        "patient" if no patient and no group stands in two splits; "nodule" if only training and
        validation share patients, but no nodule; else "patch".
    """
    sightings = Sightings()
    for split, part in examples.items():
        sightings.add(split, as_arrays(part))
    return sightings.unit()

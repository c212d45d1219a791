"""Patches whose pixels are those of another, found by a digest of each (48 bytes a patch)."""

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from lungnet.patches.columns import ExampleArrays
from lungnet.patches.example import SPLITS

_ROW = np.dtype(
    [
        ("content", "<u8", (2,)),
        ("place", "<u8"),
        ("split", "i1"),
        ("label", "i1"),
        ("series", "<i4"),
        ("center", "<i4", (3,)),
    ]
)


@dataclass(frozen=True)
class Repeats:
    """Patches of one split whose pixels occur in it before.

    Attributes:
        count: of them.
        contradictory: contents that carry both labels.
    """

    count: int
    contradictory: int


@dataclass(frozen=True)
class SharedContents:
    """Contents that two splits share.

    Attributes:
        count: of them.
        left, right: where one of them stands in either split, in words.
    """

    count: int
    left: str
    right: str


class PixelContents:
    """Remembers the pixels of every patch by their digest, batch by batch.

    Patches of a single value are left out: that two of those are equal says nothing.
    """

    def __init__(self) -> None:
        self._batches: list[npt.NDArray[Any]] = []
        self._numbers: dict[str, int] = {}  # of each series
        self._synthetic = 0

    def add(self, split: str, arrays: ExampleArrays) -> None:
        """Adds a batch of a split."""
        patches = arrays.patches_hu
        arrays = arrays.take((patches != patches[:, :1, :1]).any(axis=(1, 2)))
        rows = np.empty(len(arrays), _ROW)
        rows["content"] = _digests(arrays.patches_hu, 16).reshape(-1, 2)
        rows["split"] = SPLITS.index(split)
        rows["label"] = arrays.labels
        rows["series"] = [
            self._numbers.setdefault(uid, len(self._numbers)) for uid in arrays.series_uid.tolist()
        ]
        rows["center"] = arrays.center_zyx
        where = np.column_stack([rows["series"], arrays.center_zyx, arrays.offset_yx]).astype("<i8")
        # A synthetic patch has a place of its own.
        synthetic = np.flatnonzero(arrays.source != "real")
        where[synthetic, 0] = -1 - self._synthetic - np.arange(len(synthetic))
        rows["series"][synthetic] = -1
        self._synthetic += len(synthetic)
        rows["place"] = _digests(where, 8)
        self._batches.append(rows)

    def repeated(self) -> "Repeated":
        """Gathers the contents that occur more than once."""
        rows = np.concatenate([np.empty(0, _ROW), *self._batches])
        order = np.lexsort((rows["content"][:, 0], rows["content"][:, 1]))
        contents = rows["content"][order]
        new = np.ones(len(rows), np.bool_)
        new[1:] = (contents[1:] != contents[:-1]).any(axis=1)
        group = np.cumsum(new) - 1
        several = np.bincount(group, minlength=1)[group] > 1
        return Repeated(rows[order][several], group[several], list(self._numbers))


@dataclass(frozen=True, eq=False)
class Repeated:
    """The patches whose contents occur more than once; `PixelContents.repeated` makes it.

    Attributes:
        rows: of the patches.
        content: number of the content of each, `(n,)`.
        series: UID of each series number.
    """

    rows: npt.NDArray[Any]
    content: npt.NDArray[np.int64]
    series: list[str]

    def within(self, split: str) -> Repeats:
        """Counts the repeats in a split.

        In training the same window of the same series does not count: balance repeats patches there.
        """
        mine = self._of(split)
        content, rows = self.content[mine], self.rows[mine]
        if split == "train":
            places = np.column_stack([content.astype(np.uint64), rows["place"]])
            occurrences = len(np.unique(places, axis=0))
        else:
            occurrences = len(rows)
        negative, positive = (np.unique(content[rows["label"] == label]) for label in (0, 1))
        contradictory = len(np.intersect1d(negative, positive, assume_unique=True))
        return Repeats(occurrences - len(np.unique(content)), contradictory)

    def across(self, left: str, right: str) -> SharedContents | None:
        """Counts the contents that two splits share; None if there are none."""
        ours, theirs = (np.unique(self.content[self._of(split)]) for split in (left, right))
        both = np.intersect1d(ours, theirs, assume_unique=True)
        if not len(both):
            return None
        where = [
            self._place(self.rows[np.flatnonzero((self.content == both[0]) & self._of(split))[0]])
            for split in (left, right)
        ]
        return SharedContents(len(both), *where)

    def _of(self, split: str) -> npt.NDArray[np.bool_]:
        mask: npt.NDArray[np.bool_] = self.rows["split"] == SPLITS.index(split)
        return mask

    def _place(self, row: Any) -> str:
        if row["series"] < 0:
            return "a synthetic patch"
        center = ", ".join(str(index) for index in row["center"].tolist())
        return f"series {self.series[row['series']]} at voxel ({center})"


def _digests(values: npt.NDArray[Any], size: int) -> npt.NDArray[np.uint64]:
    """Digests of `size` bytes of each row, as unsigned integers."""
    rows = np.ascontiguousarray(values)
    digests = b"".join(hashlib.blake2b(row.tobytes(), digest_size=size).digest() for row in rows)
    return np.frombuffer(digests, "<u8")

"""Labels that say nothing: a run on them must come out at chance, or something leaks.

A permutation test (Ojala & Garriga, JMLR 2010): the labels of each split are dealt anew among its nodules
and patches, evaluation included, and what is dealt to one hangs on itself alone, whatever split it is in.
Only a model that has seen evaluation patches while training can then know their labels. Were evaluation to
keep the true ones, what was learned at random would still point somewhere, off 0.5 without any leak.
"""

import dataclasses
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import numpy.typing as npt

from lungnet.hashing import stable_fraction
from lungnet.patches.example import PatchExample
from lungnet.patches.splits import nodule_or_patch


def shuffled_labels(labels: npt.NDArray[np.int64], units: Sequence[str], seed: int) -> npt.NDArray[np.int64]:
    """Deals the labels of one split anew.

    All patches of a nodule get one label, so that no nodule is two things at once. Nodules and patches
    become positive in an order drawn by hash until as many patches are positive as were before; one that
    would be too large for what is left stays negative. Where every unit is a single patch that is a
    permutation.

    Args:
        labels: int64 `(n,)` of 0 and 1.
        units: what a patch belongs to, `(n,)`: its nodule, or itself where it has none.
        seed: of the order, which is the same in all splits.

    Returns:
        int64 `(n,)`, as many of them 1 as before (fewer where no unit fits what is left).
    """
    _, which, sizes = np.unique(np.asarray(units, np.str_), return_inverse=True, return_counts=True)
    names = dict(zip(which.tolist(), units, strict=True))
    order = sorted(names, key=lambda unit: stable_fraction(seed, "shuffle", names[unit]))
    positive = np.zeros(len(sizes), np.int64)
    left = int(labels.sum())
    for unit in order:
        if sizes[unit] <= left:
            positive[unit] = 1
            left -= int(sizes[unit])
    return positive[which]


def with_shuffled_labels(
    examples: Iterable[PatchExample], again: Iterable[PatchExample], seed: int
) -> Iterator[PatchExample]:
    """Yields the examples of a split with labels dealt anew.

    Args:
        examples: of one split, gone through for their labels.
        again: the same in the same order, so that none needs to be kept in memory.
        seed: as in `shuffled_labels`.
    """
    labels, units = [], []
    for example in examples:
        labels.append(example.label)
        units.append(nodule_or_patch(example))
    dealt = shuffled_labels(np.array(labels, np.int64), units, seed)
    for example, label in zip(again, dealt.tolist(), strict=True):
        yield dataclasses.replace(example, label=label)

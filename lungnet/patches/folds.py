"""Folds of a cross-validation: whole groups (patients), each in the evaluation set of one fold."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from lungnet.errors import InputError

#: How groups are parted; see `part_groups`.
FoldRule = Literal["consecutive", "balanced"]

#: So many numbered groups are taken for blocks of one list; more of them are patients.
MOST_BLOCKS = 32


class GroupCounts(NamedTuple):
    """What a group holds.

    Attributes:
        name: of the group.
        negatives, positives: patches, or whatever stands for them.
    """

    name: str
    negatives: int
    positives: int


@dataclass(frozen=True)
class Partition:
    """Groups parted into folds.

    Attributes:
        rule: how.
        folds: names of the groups that each fold evaluates.
    """

    rule: FoldRule
    folds: tuple[tuple[str, ...], ...]


def count_groups(groups: Sequence[str], labels: npt.ArrayLike) -> list[GroupCounts]:
    """Counts patches of each group, sorted by name.

    Args:
        groups: of each patch.
        labels: 0 or 1, `(n,)`.
    """
    counts = Counter(zip(groups, np.asarray(labels).tolist(), strict=True))
    return [GroupCounts(name, counts[name, 0], counts[name, 1]) for name in sorted(set(groups))]


def part_groups(counts: Sequence[GroupCounts], folds: int) -> Partition:
    """Parts groups into folds, the same way whatever order they come in, and whatever seed there is.

    Up to `MOST_BLOCKS` groups whose names are whole numbers are blocks of one list, and neighbours may
    share a patient: runs of consecutive numbers stay together, the first ones longer by one where the
    number of groups cannot be divided. All others are balanced: from the largest group to the smallest,
    each goes where it adds least to the sum over folds and classes of the squared share of the class.

    Args:
        counts: of each group.
        folds: at least 2.

    Raises:
        InputError: there are more folds than groups, or a fold would hold one class only.
        ValueError: fewer than 2 folds.

    Example:
        >>> part_groups([GroupCounts(str(number), 9, 1) for number in range(4)], 2).folds
        (('0', '1'), ('2', '3'))
    """
    if folds < 2:
        raise ValueError(f"folds must be at least 2. Received: {folds}")
    if len(counts) < folds:
        raise InputError(
            f"{folds} folds need at least {folds} groups (patients), for no group is parted. "
            f"Received: {len(counts)}"
        )
    numbered = all(one.name.isdecimal() for one in counts) and len(counts) <= MOST_BLOCKS
    parts = _consecutive(counts, folds) if numbered else _balanced(counts, folds)
    _check_classes(parts)
    names = tuple(tuple(one.name for one in part) for part in parts)
    return Partition("consecutive" if numbered else "balanced", names)


def _consecutive(counts: Sequence[GroupCounts], folds: int) -> list[list[GroupCounts]]:
    ordered = sorted(counts, key=lambda one: (int(one.name), one.name))
    return [[ordered[row] for row in rows] for rows in np.array_split(np.arange(len(ordered)), folds)]


def _balanced(counts: Sequence[GroupCounts], folds: int) -> list[list[GroupCounts]]:
    values = np.array([one[1:] for one in counts], np.float64)
    shares = values / np.maximum(values.sum(axis=0), 1.0)
    order = sorted(range(len(counts)), key=lambda row: (-shares[row].sum(), counts[row].name))
    held = np.zeros((folds, 2))
    parts: list[list[GroupCounts]] = [[] for _ in range(folds)]
    for row in order:
        # (held + share)^2 - held^2, without the part that is the same in every fold.
        added = np.round(held @ shares[row], 12)
        chosen = min(range(folds), key=lambda fold: (added[fold], len(parts[fold]), fold))
        parts[chosen].append(counts[row])
        held[chosen] += shares[row]
    return [sorted(part) for part in parts]


def _check_classes(parts: Sequence[Sequence[GroupCounts]]) -> None:
    for number, part in enumerate(parts):
        inside = [sum(one.negatives for one in part), sum(one.positives for one in part)]
        if 0 in inside:
            raise InputError(
                f"Fold {number} ({_named(part)}) holds no patch of class {inside.index(0)}; expected both "
                "classes in every fold. Fewer folds hold more groups each."
            )


def _named(part: Sequence[GroupCounts]) -> str:
    names = ", ".join(one.name for one in part[:3])
    return f"groups {names} and {len(part) - 3} more" if len(part) > 3 else f"groups {names}"

"""Two disjoint halves of real patches, so that real can be measured against real: the floor.

No measure of synthetic patches says anything alone. What two samples of different patients are apart, both
real and of the same size, is what a perfect generator would score.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from lungnet.errors import InputError
from lungnet.evaluation.checks import encode_groups
from lungnet.hashing import stable_id


@dataclass(frozen=True, eq=False)
class Halves:
    """Two samples of equal size that share no group.

    Attributes:
        reference: int64 `(n,)`, rows of the first.
        floor: int64 `(n,)`, rows of the second.
        unit: what they do not share: "group" (a patient or what stands for one), or "nodule" where all
            patches are of one group.
    """

    reference: npt.NDArray[np.int64]
    floor: npt.NDArray[np.int64]
    unit: Literal["group", "nodule"]


def halve(
    groups: npt.ArrayLike,
    nodules: npt.ArrayLike,
    *,
    patches_per_nodule: int = 1,
    max_patches: int = 1000,
    seed: int = 0,
    halving: int = 0,
) -> Halves:
    """Cuts patches in two halves by group, and samples both alike.

    Groups come in random order, each to the half that has fewer nodules so far. From each half as many
    patches are drawn, at most `patches_per_nodule` of a nodule.

    Args:
        groups: patient, or what stands for one, of each patch, `(n,)`.
        nodules: nodule of each patch, `(n,)`; names need be unique within a group alone.
        patches_per_nodule: at most.
        max_patches: of each half.
        seed: of the order and the draw.
        halving: number of the halving; each has an order of its own.

    Raises:
        InputError: lengths differ, a name is missing, or there are fewer than two nodules.
    """
    names = np.asarray(nodules)
    group_codes, group_count = encode_groups(groups, len(names))
    nodule_codes = nodule_units(group_codes, names)
    unit: Literal["group", "nodule"] = "group" if group_count > 1 else "nodule"
    units = group_codes if unit == "group" else nodule_codes
    if len(np.unique(units)) < 2:
        raise InputError(f"Two halves need at least two nodules. Received: {len(np.unique(nodule_codes))}")
    rng = np.random.default_rng([seed, stable_id("halving", halving)])
    sides: tuple[list[int], list[int]] = ([], [])
    sizes = [0, 0]
    for one in rng.permutation(np.unique(units)):
        side = int(sizes[1] < sizes[0])
        rows = np.flatnonzero(units == one)
        sides[side].extend(rows.tolist())
        sizes[side] += len(np.unique(nodule_codes[rows]))
    drawn = [_draw(np.array(rows, np.int64), nodule_codes, patches_per_nodule, rng) for rows in sides]
    count = min(max_patches, *(len(rows) for rows in drawn))
    return Halves(drawn[0][:count], drawn[1][:count], unit)


def nodule_units(groups: npt.ArrayLike, nodules: npt.ArrayLike) -> npt.NDArray[np.int64]:
    """Numbers nodules from 0, each within its group, `(n,)`."""
    pairs = zip(np.asarray(groups).tolist(), np.asarray(nodules).tolist(), strict=True)
    names = np.array([f"{group!r} {nodule!r}" for group, nodule in pairs], np.str_)
    return np.unique(names, return_inverse=True)[1].astype(np.int64)


def _draw(
    rows: npt.NDArray[np.int64], nodules: npt.NDArray[np.int64], most: int, rng: np.random.Generator
) -> npt.NDArray[np.int64]:
    """Rows in random order, without those beyond the first `most` of their nodule."""
    shuffled = rng.permutation(rows)
    seen: dict[int, int] = {}
    kept = []
    for row in shuffled.tolist():
        nodule = int(nodules[row])
        seen[nodule] = seen.get(nodule, 0) + 1
        if seen[nodule] <= most:
            kept.append(row)
    return np.array(kept, np.int64)

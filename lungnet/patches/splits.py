"""Splits that are not by patient: the paper's over patches, and a validation cut by nodule.

Both leak: patches of a nodule, or nodules of a patient, stand on both sides. The first exists to
reproduce the paper, the second for training data of a single patient, from which no validation can
be cut by patient. `summarize` is told the unit, so that reports and `find_anomalies` know it.
"""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt

from lungnet.config import SplitRules
from lungnet.errors import InputError
from lungnet.hashing import stable_fraction
from lungnet.lidc import hold_out
from lungnet.patches.example import PatchExample

#: What a split never parts.
Unit = Literal["patient", "nodule", "patch"]


def random_split_of(example: PatchExample, rules: SplitRules, seed: int) -> str:
    """Returns the split of a patch where patches are parted at random (section 6 to the letter: "8:2").

    It hangs on the patch's own identity and the seed alone, so shares are met on average.

    Args:
        example: the patch.
        rules: the shares.
        seed: of the choice.

    Returns:
        "train", "validation" or "eval".

    Raises:
        InputError: `rules.eval_groups` is set, which a random split cannot keep.
    """
    key = (example.series_uid, example.nodule_id, example.center_zyx, example.offset_yx)
    return random_side(key, rules, seed)


def random_side(key: object, rules: SplitRules, seed: int) -> str:
    """Returns the split of the patch whose identity is `key`.

    Raises:
        InputError: as `random_split_of`.
    """
    if rules.eval_groups:
        raise InputError(
            "split.eval_groups needs split.by = 'patient'. "
            f"Received: split.by={rules.by!r}, split.eval_groups={rules.eval_groups}"
        )
    if stable_fraction(seed, "eval", key) < rules.eval_fraction:
        return "eval"
    return "validation" if stable_fraction(seed, "validation", key) < rules.validation_fraction else "train"


def hold_out_validation(
    examples: Sequence[PatchExample], fraction: float, negatives_per_positive: float, seed: int
) -> tuple[list[PatchExample], list[PatchExample]]:
    """Cuts validation from the patches of one training patient such that no nodule is parted.

    Nodules are drawn as `validation_by_nodule` draws them. Negatives that are no nodules are drawn by
    hash, as many as balance the positives drawn; a surplus of negatives stays with training.

    Args:
        examples: all patches of the patient.
        fraction: share of the nodules that goes to validation.
        negatives_per_positive: balance of validation.
        seed: of the choice.

    Returns:
        The examples of training and of validation, each in the given order.

    Raises:
        InputError: a class has fewer than two nodules, or fewer than two patches that are none.
    """
    labels = np.array([example.label for example in examples], np.int64)
    units = [nodule_or_patch(example) for example in examples]
    chosen = validation_by_nodule(labels, units, fraction, seed)
    elsewhere = np.array([example.nodule_id < 0 for example in examples], np.bool_) & (labels == 0)
    if elsewhere.any():
        rows = sorted(
            np.flatnonzero(elsewhere).tolist(),
            key=lambda row: stable_fraction(seed, "validation", units[row]),
        )
        count = round(int((chosen & (labels == 1)).sum()) * negatives_per_positive)
        chosen[elsewhere] = False
        chosen[rows[: min(max(count, 1), len(rows) - 1)]] = True
    training = [example for example, held_out in zip(examples, chosen, strict=True) if not held_out]
    return training, [example for example, held_out in zip(examples, chosen, strict=True) if held_out]


def nodule_or_patch(example: PatchExample) -> str:
    """Returns what a patch belongs to and shares its label with: its nodule, or itself where it has none."""
    if example.nodule_id >= 0:
        return f"{example.series_uid} nodule {example.nodule_id}"
    return f"{example.series_uid} {example.center_zyx} {example.offset_yx}"


def validation_by_nodule(
    labels: npt.NDArray[np.int64], units: Sequence[str], fraction: float, seed: int
) -> npt.NDArray[np.bool_]:
    """Chooses validation patches of one patient such that no nodule is parted.

    Units of each class are drawn by hash: at least one, and never all.

    Args:
        labels: int64 `(n,)`.
        units: what a patch belongs to, `(n,)`: its nodule, or itself where it has none. A unit has one label.
        fraction: share of the units of each class.
        seed: of the choice.

    Returns:
        bool `(n,)`, true for validation.

    Raises:
        InputError: a class has fewer than two units.
    """
    chosen: set[str] = set()
    for label in (0, 1):
        distinct = {
            unit for unit, its_label in zip(units, labels.tolist(), strict=True) if its_label == label
        }
        if len(distinct) < 2:
            raise InputError(
                f"A single training patient with {len(distinct)} nodules or patches of class {label} leaves "
                "no validation; expected at least 2 of each class, or more patients."
            )
        chosen |= hold_out(distinct, fraction, seed, "validation")
    return np.array([unit in chosen for unit in units], np.bool_)

"""Which patients train, which settle thresholds, which evaluate (section 6: 8:2).

The side of a patient depends on the seed and the patient's id alone, so that a patient who joins the
cohort moves nobody else, save where a side would be empty without it.
"""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from lungnet.config import SplitRules
from lungnet.errors import InputError
from lungnet.hashing import stable_fraction

SplitName = Literal["train", "validation", "eval"]


@dataclass(frozen=True)
class Split:
    """Who is where.

    Attributes:
        assignment: patient (or group) id -> "train", "validation" or "eval".
        validation_by: "patient": validation patients are cut from those not in eval. "nodule": only one
            patient is left beside eval, so that nobody is assigned to validation; whoever makes examples
            cuts part of that patient's nodules off with `hold_out`, and reports that thresholds were
            settled on a patient that trained.
    """

    assignment: dict[str, SplitName]
    validation_by: Literal["patient", "nodule"]

    def ids(self, name: SplitName) -> tuple[str, ...]:
        """Returns the sorted ids of one split."""
        return tuple(sorted(key for key, side in self.assignment.items() if side == name))


def split_patients(ids: Iterable[str], rules: SplitRules, seed: int) -> Split:
    """Parts patients (or the groups of an array) so that none stands in two splits.

    Args:
        ids: patient or group ids, repeats allowed, in any order.
        rules: `eval_groups` replaces the share drawn by hash; `by` is not looked at.
        seed: of the hash.

    Returns:
        The split. With three or more patients all three splits have at least one patient; with two, or
        where `eval_groups` leaves one, the validation part is by nodule.

    Raises:
        InputError: there are fewer than two patients, or `eval_groups` names one that is not there or
            leaves none to train on.
    """
    patients = sorted(set(ids))
    if len(patients) < 2:
        raise InputError(
            "A split needs at least two patients (or groups): one to train on and one to evaluate. "
            f"Received: {', '.join(patients) or 'none'}"
        )
    if rules.eval_groups:
        held_out = _named(patients, rules.eval_groups)
    else:
        held_out = hold_out(patients, rules.eval_fraction, seed, "eval", least_rest=min(len(patients) - 1, 2))
    rest = [patient for patient in patients if patient not in held_out]
    by_patient = len(rest) > 1
    validation = hold_out(rest, rules.validation_fraction, seed, "validation") if by_patient else frozenset()
    sides: dict[str, SplitName] = {
        patient: "eval" if patient in held_out else "validation" if patient in validation else "train"
        for patient in patients
    }
    return Split(sides, "patient" if by_patient else "nodule")


def hold_out(
    keys: Iterable[str], fraction: float, seed: int, purpose: str, least_rest: int = 1
) -> frozenset[str]:
    """Draws a share of `keys` by hash: those whose `stable_fraction(seed, purpose, key)` is below `fraction`.

    If no key is below, the nearest to the boundary is taken; if fewer than `least_rest` would be left,
    those nearest to the boundary are left.

    Args:
        keys: at least `least_rest + 1` different ones.
        fraction: share to hold out, in (0, 1).
        seed: of the hash.
        purpose: makes two draws from the same keys independent.
        least_rest: keys that must stay.

    Raises:
        ValueError: there are too few keys.
    """
    drawn = sorted((stable_fraction(seed, purpose, key), key) for key in set(keys))
    if len(drawn) <= least_rest:
        raise ValueError(f"hold_out needs more than {least_rest} keys. Received: {len(drawn)}")
    below = sum(share < fraction for share, _ in drawn)
    count = min(max(below, 1), len(drawn) - least_rest)
    return frozenset(key for _, key in drawn[:count])


def _named(patients: list[str], eval_groups: tuple[str, ...]) -> frozenset[str]:
    for group in eval_groups:
        if group not in patients:
            close = difflib.get_close_matches(group, patients, n=1, cutoff=0.0)[0]
            raise InputError(
                f"split.eval_groups names {group!r}, which is not among the {len(patients)} patients or "
                f"groups; the closest is {close!r}."
            )
    if set(eval_groups) == set(patients):
        raise InputError(
            "split.eval_groups names every patient (or group); expected at least one left to train."
        )
    return frozenset(eval_groups)

"""What the runs of a cross-validation said of their evaluation patches."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lungnet.errors import InputError
from lungnet.evaluation.checks import check_labels, check_probabilities, check_threshold, encode_groups
from lungnet.evaluation.inputs import SplitUnit
from lungnet.evaluation.predictions import Predictions


@dataclass(frozen=True, eq=False)
class FoldRun:
    """One run on one fold: a model for each row, trained without the groups that it judges here.

    Attributes:
        fold: number of the fold, from 0.
        seed: of everything that trained.
        head_seed: which of several trainings on the same features; rows that were trained once are in
            the runs of head seed 0 alone.
        predictions: of the evaluation patches.
        thresholds: row key -> from which probability on it calls a patch positive, frozen on inner
            validation.
    """

    fold: int
    seed: int
    head_seed: int
    predictions: Predictions
    thresholds: Mapping[str, float]

    @property
    def key(self) -> tuple[int, int, int]:
        """Fold, seed and head seed."""
        return self.fold, self.seed, self.head_seed

    @property
    def name(self) -> str:
        """The run in words."""
        head = f", head seed {self.head_seed}" if self.head_seed else ""
        return f"fold {self.fold}, seed {self.seed}{head}"

    @property
    def rows(self) -> tuple[str, ...]:
        """Keys of the rows that it has."""
        return tuple(self.predictions.probabilities)


@dataclass(frozen=True, eq=False)
class CrossValidationInputs:
    """Everything that the report of a cross-validation tells.

    Attributes:
        runs: that have ended, at least one; their first row is the model in question.
        data_description: which data, as `EvaluationInputs` has it.
        split_unit: what the splits of the runs never part.
        threshold_origin: where the thresholds come from, a clause.
        task: "nodule" or "malignancy".
        date: as it shall be printed; empty for none.
        fold_rule: how groups were parted into folds, a clause.
        missing: runs that have not ended yet, in words.
        source_states: how many different states of lungnet's sources the runs were made by.
        config: the configuration that all runs share, as `Config.model_dump(mode="json")` gives it.
    """

    runs: Sequence[FoldRun]
    data_description: str
    split_unit: SplitUnit = "patient"
    threshold_origin: str = "frozen on inner-validation patients"
    task: str = "nodule"
    date: str = ""
    fold_rule: str = ""
    missing: Sequence[str] = ()
    source_states: int = 1
    config: Mapping[str, Any] = field(default_factory=dict)


def checked_runs(runs: Sequence[FoldRun]) -> list[FoldRun]:
    """Makes sure that the runs are a cross-validation, and sorts them by fold, seed and head seed.

    Raises:
        InputError: there is none, one is there twice, a group is judged in two folds, a fold has one
            class, a probability or threshold is none, or a row has no threshold.
    """
    if not runs:
        raise InputError("A cross-validation needs at least one run. Received: none")
    seen: set[tuple[int, int, int]] = set()
    folds: dict[str, int] = {}
    for run in runs:
        if run.key in seen:
            raise InputError(f"Two runs are {run.name}; expected one.")
        seen.add(run.key)
        for group in dict.fromkeys(run.predictions.group_id):
            if folds.setdefault(group, run.fold) != run.fold:
                raise InputError(
                    f"The group {group!r} is judged in fold {folds[group]} and in fold {run.fold}; expected "
                    "one fold for each group."
                )
        try:
            _check(run)
        except InputError as error:
            raise InputError(f"{run.name.capitalize()}: {error}") from error
    return sorted(runs, key=lambda run: run.key)


def _check(run: FoldRun) -> None:
    labels = check_labels(run.predictions.labels)
    encode_groups(run.predictions.group_id, len(labels))
    for row, probabilities in run.predictions.probabilities.items():
        check_probabilities(probabilities, len(labels), f"probabilities of {row}")
        if row not in run.thresholds:
            known = ", ".join(run.thresholds) or "none"
            raise InputError(f"{row} has no threshold; expected one for each row. Received: {known}")
        check_threshold(run.thresholds[row])

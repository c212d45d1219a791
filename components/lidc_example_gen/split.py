"""From the patches of each series on disk to train, validation and eval: one series in memory at a time."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from lungnet.components.lidc_example_gen.sample import sampled_from
from lungnet.config import PatchRules, SplitRules
from lungnet.lidc import split_patients
from lungnet.patches import (
    SPLITS,
    PatchExample,
    drop_surplus,
    hold_out_validation,
    random_split_of,
    with_shuffled_labels,
    write_examples,
)
from lungnet.patches.splits import Unit
from lungnet.pipeline import TaskResults


@dataclass(frozen=True)
class SpilledSeries:
    """A series whose patches lie on disk.

    Attributes:
        key: of the result of `lungnet.components.lidc_example_gen.sample.sample`.
        patient_id: of the series.
        patches: how many there are.
    """

    key: str
    patient_id: str
    patches: int


@dataclass(frozen=True)
class Written:
    """What was written.

    Attributes:
        unit: what the splits never part: "patient", "nodule" or "patch".
        patients: of each split, sorted.
    """

    unit: Unit
    patients: dict[str, list[str]]


def write_splits(
    uri: Path,
    series: Sequence[SpilledSeries],
    results: TaskResults,
    rules: PatchRules,
    split: SplitRules,
    seed: int,
) -> Written:
    """Parts the patches of sampled series and writes each split.

    In memory are the patches of one series, and besides them: where a single patient trains, from whom
    validation is cut by nodule, that patient's; with `split.by = "random"`, validation or evaluation
    (3.5 kB a patch).

    Args:
        uri: folder of the splits.
        series: in the order in which they are to be written.
        results: with the surplus of negatives that training takes.
        rules: validation and evaluation keep `negatives_per_positive` of them; with `shuffle_labels` all
            get labels that say nothing.
        split: by patient, or "random" over patches.
        seed: of the split.

    Raises:
        InputError: there are too few patients, or too few nodules of a single one.
    """
    parts = _Random if split.by == "random" else _ByPatient
    parted = parts(series, results, rules, split, seed)
    patients: dict[str, list[str]] = {}
    for name in SPLITS:
        seen: set[str] = set()
        examples = parted.examples(name)
        if rules.shuffle_labels:
            examples = with_shuffled_labels(examples, parted.examples(name), seed)
        write_examples(uri, _noting(examples, seen), name, rules.shards)
        patients[name] = sorted(seen)
    return Written(parted.unit, patients)


@dataclass
class _Random:
    """Patches fall to the splits one by one."""

    series: Sequence[SpilledSeries]
    results: TaskResults
    rules: PatchRules
    split: SplitRules
    seed: int
    unit: ClassVar[Unit] = "patch"

    def examples(self, name: str) -> Iterable[PatchExample]:
        training = name == "train"
        part = (one for one in self._all(training) if random_split_of(one, self.split, self.seed) == name)
        return part if training else drop_surplus(list(part), self.rules, self.seed)

    def _all(self, training: bool) -> Iterator[PatchExample]:
        for one in self.series:
            sampled = sampled_from(self.results.read(one.key))
            yield from (*sampled.positives, *sampled.negatives, *(sampled.further if training else ()))


class _ByPatient:
    """Series fall to the splits with their patient."""

    def __init__(
        self,
        series: Sequence[SpilledSeries],
        results: TaskResults,
        rules: PatchRules,
        split: SplitRules,
        seed: int,
    ) -> None:
        self._results = results
        self._ratio = rules.negatives_per_positive
        self._series = [one for one in series if one.patches]
        parted = split_patients({one.patient_id for one in self._series}, split, seed)
        self._side = parted.assignment
        self.unit: Unit = parted.validation_by
        self._held: dict[str, list[PatchExample]] = {}
        if self.unit == "nodule":
            sampled = [sampled_from(results.read(one.key)) for one in self._in("train")]
            training, validation = hold_out_validation(
                [example for one in sampled for example in (*one.positives, *one.negatives)],
                split.validation_fraction,
                self._ratio,
                seed,
            )
            held = {(example.series_uid, example.nodule_id) for example in validation}
            further = [example for one in sampled for example in one.further]
            training += [one for one in further if (one.series_uid, one.nodule_id) not in held]
            self._held = {"train": training, "validation": validation}

    def examples(self, name: str) -> Iterable[PatchExample]:
        return self._held[name] if name in self._held else self._of(name)

    def _in(self, name: str) -> Iterator[SpilledSeries]:
        return (one for one in self._series if self._side[one.patient_id] == name)

    def _of(self, name: str) -> Iterator[PatchExample]:
        for one in self._in(name):
            sampled = sampled_from(self._results.read(one.key))
            if name == "train":
                yield from (*sampled.positives, *sampled.negatives, *sampled.further)
                continue
            kept = round(self._ratio * len(sampled.positives)) or len(sampled.negatives)
            yield from sampled.positives
            # Only those that are no nodules can be a surplus.
            yield from (
                negative
                for number, negative in enumerate(sampled.negatives)
                if number < kept or negative.nodule_id >= 0
            )


def _noting(examples: Iterable[PatchExample], patients: set[str]) -> Iterator[PatchExample]:
    for example in examples:
        patients.add(example.patient_id)
        yield example

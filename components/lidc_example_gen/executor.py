"""What LidcExampleGen does."""

import logging
from collections.abc import Sequence
from typing import Any

from lungnet.components.lidc_example_gen.annotated import AnnotatedScans, annotated_scans
from lungnet.config import PatchRules, SelectionRules, SplitRules
from lungnet.ct import SeriesFiles, read_series
from lungnet.errors import InputError
from lungnet.files import write_json
from lungnet.lidc import Cohort, select_cohort, split_patients
from lungnet.patches import (
    SPLITS,
    PatchExample,
    SampledSeries,
    drop_surplus,
    hold_out_validation,
    random_split,
    sample_series,
    write_examples,
)
from lungnet.pipeline import Artifact, BaseExecutor

_LOGGER = logging.getLogger(__name__)


class Executor(BaseExecutor):
    """Selects the cohort, samples each of its series, splits by patient."""

    def Do(
        self,
        input_dict: dict[str, list[Artifact]],
        output_dict: dict[str, list[Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """See `lungnet.components.LidcExampleGen`."""
        root, seed = exec_properties["input_base"], exec_properties["seed"]
        rules = PatchRules(**exec_properties["patches"])
        found = annotated_scans(root, self.context.progress)
        for reason in found.broken.values():
            _LOGGER.warning("Left out: %s", reason)
        cohort = select_cohort(SelectionRules(**exec_properties["selection"]), found.scans).require_nodules()
        sampled, unread = self._sample(found, cohort, rules, exec_properties["task"], seed)
        unreadable = {**found.broken, **unread}
        try:
            splits, unit = split_series(sampled, rules, SplitRules(**exec_properties["split"]), seed)
        except InputError as error:
            raise InputError(f"{error}{_why_so_few(cohort, unreadable)}") from error

        examples = output_dict["examples"][0]
        for split in SPLITS:
            write_examples(examples.uri, splits[split], split, rules.shards)
        examples.properties.update(
            split_names=list(SPLITS),
            span=0,
            version=0,
            unit=unit,
            data_description=describe([scan.patient_id for scan, _ in found.scans]),
        )
        write_json(
            output_dict["cohort"][0].uri / "cohort.json",
            {
                **cohort.to_json(),
                "without_annotations": [one.series_uid for one in found.without_annotations],
                "unreadable": {
                    uid: _without_folder(why, found.files[uid]) for uid, why in unreadable.items()
                },
                "split": {
                    name: sorted({one.patient_id for one in examples_of})
                    for name, examples_of in splits.items()
                },
            },
        )

    def _sample(
        self, found: AnnotatedScans, cohort: Cohort, rules: PatchRules, task: Any, seed: int
    ) -> tuple[list[SampledSeries], dict[str, str]]:
        """Samples every series of the cohort; a series that cannot be read is left out, with the reason."""
        sampled: list[SampledSeries] = []
        unreadable: dict[str, str] = {}
        annotations = {scan.series_uid: of_scan for scan, of_scan in found.scans}
        # As many as training needs: other splits take the first of them.
        ratio = rules.negatives_per_positive + rules.negative_surplus
        for done, scan in enumerate(cohort.scans):
            self.context.progress(done, len(cohort.scans), scan.patient_id)
            uid = scan.series_uid
            try:
                volume, nodules = read_series(found.files[uid]), cohort.nodules_in(uid)
                one = sample_series(volume, scan, nodules, annotations[uid], rules, seed, task, ratio)
            except InputError as error:  # an archive of a thousand series has broken ones
                unreadable[uid] = str(error)
                _LOGGER.warning("Left out: %s", error)
            else:
                sampled.append(one)
        if not sampled:
            raise InputError(next(iter(unreadable.values())))
        return sampled, unreadable


def split_series(
    sampled: Sequence[SampledSeries], rules: PatchRules, split: SplitRules, seed: int
) -> tuple[dict[str, list[PatchExample]], str]:
    """Parts the patches of sampled series.

    Args:
        sampled: with the surplus of negatives that training takes.
        rules: validation and evaluation keep `negatives_per_positive` of them.
        split: by patient, or "random" over patches.
        seed: of the split.

    Returns:
        Split name -> examples, and what the split never parts: "patient", "nodule" or "patch".

    Raises:
        InputError: there are too few patients, or too few nodules of a single one.
    """
    everything = [example for one in sampled for example in (*one.positives, *one.negatives)]
    if split.by == "random":
        parts = random_split(everything, split, seed)
        held = {name: drop_surplus(part, rules, seed) for name, part in parts.items() if name != "train"}
        return {**parts, **held}, "patch"
    parted = split_patients({example.patient_id for example in everything}, split, seed)
    splits: dict[str, list[PatchExample]] = {name: [] for name in SPLITS}
    for one in sampled:
        if one.positives or one.negatives:
            side = parted.assignment[(one.positives or one.negatives)[0].patient_id]
            kept = len(one.negatives)
            if side != "train" and one.positives:
                kept = round(rules.negatives_per_positive * len(one.positives))
            splits[side] += [*one.positives, *one.negatives[:kept]]
    if parted.validation_by == "nodule":
        splits["train"], splits["validation"] = hold_out_validation(
            splits["train"], split.validation_fraction, rules.negatives_per_positive, seed
        )
    return splits, parted.validation_by


def describe(patients: Sequence[str]) -> str:
    """Says in a sentence what the series are; a phantom is called one."""
    people = sorted(set(patients))
    count = f"{len(patients)} CT series of {len(people)} patients"
    phantoms = sum(patient.startswith("PHANTOM-") for patient in people)
    if phantoms == len(people):
        return (
            f"Phantom: {count} with synthetic pixels, whose nodule outlines, sizes and ratings come from "
            "LIDC-IDRI (CC BY 3.0)."
        )
    if phantoms:
        return f"{count}, {phantoms} of them phantoms with synthetic pixels."
    if all(patient.startswith("LIDC-IDRI-") for patient in people):
        return f"LIDC-IDRI: {count}; negatives are drawn at random where no reader marked anything."
    return f"{count}; negatives are drawn at random where no reader marked anything."


def _without_folder(reason: str, series: SeriesFiles) -> str:
    """The reason without the folder, in whose name a patient's may stand."""
    return reason.replace(f"{series.folder}/", "").replace(str(series.folder), "The series")


def _why_so_few(cohort: Cohort, unreadable: dict[str, str]) -> str:
    """What the funnel and unreadable series took away, for an error that says too little is left."""
    excluded = [f"{e.patient_id}: {e.reason}" for e in cohort.exclusions if e.kind == "scan"]
    reasons = [*unreadable.values(), *excluded]
    return f" {len(reasons)} series were left out, the first because: {reasons[0]}" if reasons else ""

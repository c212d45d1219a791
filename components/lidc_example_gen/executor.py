"""What LidcExampleGen does."""

import logging
from collections.abc import Iterator, Sequence
from typing import Any

from lungnet.components.lidc_example_gen.annotated import AnnotatedArchive, annotated_archive
from lungnet.components.lidc_example_gen.left_out import LeftOut
from lungnet.components.lidc_example_gen.sample import counts_from, left_out_from, sample
from lungnet.components.lidc_example_gen.split import SpilledSeries, write_splits
from lungnet.components.lidc_example_gen.survey import series_to_json
from lungnet.config import PatchRules, SelectionRules, SplitRules
from lungnet.errors import InputError
from lungnet.files import write_json
from lungnet.lidc import Cohort, select_nodules
from lungnet.lidc.task import RATED, RATINGS_ARE
from lungnet.patches import SPLITS, further_windows
from lungnet.pipeline import Artifact, BaseExecutor, Engine, Task, TaskResults

_LOGGER = logging.getLogger(__name__)


class Executor(BaseExecutor):
    """Looks the annotations up, selects the cohort, samples each of its series, splits by patient.

    The three passes (folders, annotations, patches) go over many processes or machines. What they found
    lies in `checkpoint_dir`, a file for each folder or series, and is not done again after an
    interruption.
    """

    def Do(
        self,
        input_dict: dict[str, list[Artifact]],
        output_dict: dict[str, list[Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """See `lungnet.components.LidcExampleGen`."""
        folder, seed = self.context.checkpoint_dir, exec_properties["seed"]
        rules = PatchRules(**exec_properties["patches"])
        results = TaskResults(folder / "patches")
        with Engine(self.context.runtime, self.context.progress) as engine:
            found = annotated_archive(exec_properties["input_base"], folder, engine)
            task = exec_properties["task"]
            cohort = select_nodules(SelectionRules(**exec_properties["selection"]), found.scans, task)
            tasks = sampling_tasks(found, cohort.require_nodules(), rules, seed, task)
            function = f"{sample.__module__}:sample"
            engine.run(function, tasks, results, total=len(cohort.scans), text="patches")
        sampled: list[SpilledSeries] = []
        left_out = dict(found.left_out)
        for scan in cohort.scans:
            key = found.places[scan.series_uid].key
            result = results.read(key)
            if why := left_out_from(result):
                left_out[scan.series_uid] = why
            else:
                sampled.append(SpilledSeries(key, scan.patient_id, sum(counts_from(result))))
                self.context.series_uids.append(scan.series_uid)
        for why in left_out.values():
            _LOGGER.warning("Left out: %s", why.reason)
        if not sampled:
            raise InputError(left_out[cohort.scans[0].series_uid].reason)

        examples = output_dict["examples"][0]
        split = SplitRules(**exec_properties["split"])
        try:
            written = write_splits(examples.uri, sampled, results, rules, split, seed)
        except InputError as error:
            raise InputError(f"{error}{_why_so_few(cohort, left_out)}") from error
        examples.properties.update(
            split_names=list(SPLITS),
            span=0,
            version=0,
            unit=written.unit,
            data_description=describe([scan.patient_id for scan, _ in found.scans], task),
        )
        write_json(
            output_dict["cohort"][0].uri / "cohort.json",
            {
                **cohort.to_json(),
                "without_annotations": found.without_annotations,
                "unreadable": {uid: why.reason_without_folder for uid, why in left_out.items()},
                "split": written.patients,
            },
        )


def sampling_tasks(
    found: AnnotatedArchive, cohort: Cohort, rules: PatchRules, seed: int, task: str
) -> Iterator[Task]:
    """Yields the task of each series of the cohort, in its order.

    Args:
        found: where the files and the annotations of the series are known.
        cohort: chosen among them.
        rules, seed, task: as `lungnet.components.lidc_example_gen.sample.sample` takes them.
    """
    further = further_windows(cohort.nodules, rules) if task == "malignancy" else {}
    shared = {
        "rules": rules.model_dump(mode="json"),
        "seed": seed,
        "task": task,
        "further": [further.get(label, 0.0) for label in (0, 1)],
    }
    for scan in cohort.scans:
        place = found.places[scan.series_uid]
        arguments = {
            "series": series_to_json(found.archive.files(place)),
            "scan": vars(found.scan(place)),
            "nodule_ids": [nodule.nodule_id for nodule in cohort.nodules_in(scan.series_uid)],
            **shared,
        }
        yield Task(place.key, f"series {scan.series_uid}", arguments)


def describe(patients: Sequence[str], task: str = "nodule") -> str:
    """Says what the series are, and what is positive in them; a phantom is called one.

    Args:
        patients: of each series.
        task: "nodule" or "malignancy".
    """
    people = sorted(set(patients))
    count = f"{len(patients)} CT series of {len(people)} patients"
    phantoms = sum(patient.startswith("PHANTOM-") for patient in people)
    if phantoms == len(people):
        said = (
            f"Phantom: {count} with synthetic pixels, whose nodule outlines, sizes and ratings come from "
            "LIDC-IDRI (CC BY 3.0)."
        )
    elif phantoms:
        said = f"{count}, {phantoms} of them phantoms with synthetic pixels."
    else:
        origin = "LIDC-IDRI: " if all(patient.startswith("LIDC-IDRI-") for patient in people) else ""
        said = f"{origin}{count}."
    if task == "malignancy":
        return f"{said} {RATED}, in the mean over the readers. {RATINGS_ARE}"
    return (
        said if phantoms else f"{said[:-1]}; negatives are drawn at random where no reader marked anything."
    )


def _why_so_few(cohort: Cohort, left_out: dict[str, LeftOut]) -> str:
    """What the funnel and unreadable series took away, for an error that says too little is left."""
    excluded = [f"{e.patient_id}: {e.reason}" for e in cohort.exclusions if e.kind == "scan"]
    reasons = [*(why.reason for why in left_out.values()), *excluded]
    return f" {len(reasons)} series were left out, the first because: {reasons[0]}" if reasons else ""

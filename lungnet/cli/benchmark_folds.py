"""Which groups or patients a benchmark's data hold, parted into folds."""

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lungnet.cli.root_file import RootFile
from lungnet.cli.running import Running
from lungnet.config import Config
from lungnet.errors import InputError
from lungnet.lidc import malignancy_label
from lungnet.patches import (
    GroupCounts,
    Partition,
    count_groups,
    part_groups,
    read_array_file,
)

#: Where under a benchmark's root the CT is looked through once, before there are folds.
COHORT = "cohort"

#: How groups were parted, for the reader of a report.
RULES = {
    "consecutive": "numbered blocks of one list, of which neighbours share a fold",
    "balanced": "parted so that each fold has about as many patches of either class",
}


def check_splittable(config: Config) -> None:
    """Makes sure that a configuration leaves evaluation sets to the folds.

    Raises:
        InputError: it names evaluation groups, splits at random, is one of another head seed, or is for
            several machines.
    """
    if config.split.eval_groups:
        raise InputError("split.eval_groups is set by the folds of a benchmark; expected it to be empty.")
    if config.split.by != "patient":
        raise InputError(
            "Folds are of whole groups (patients): expected split.by = 'patient'. "
            f"Received: {config.split.by!r}"
        )
    if config.calm.head_seed:
        raise InputError("calm.head_seed is set by --head-seeds of a benchmark; expected it to be 0.")
    if config.distribution.strategy == "multi_worker":
        raise InputError(
            "A benchmark trains each fold on one machine: expected distribution.strategy 'none' or "
            "'mirrored'. Several machines share the folds with --only-fold, or one of them with `lungnet "
            "run`. Received: 'multi_worker'"
        )


def folds_of_arrays(arrays: Path, config: Config, folds: int) -> Partition:
    """Parts the groups of a file of arrays.

    Raises:
        InputError: as `read_array_file` and `part_groups`.
    """
    held = read_array_file(arrays, config.task)
    return part_groups(count_groups(held.groups, held.labels), folds)


def folds_of_ct(this: Running, source: RootFile, folds: int) -> Partition | None:
    """Looks through a folder of CT series for patients that have patches, and parts them.

    Only the step that makes examples runs, under `<root>/cohort`; it is not repeated.

    Returns:
        The folds; None on a dry run.

    Raises:
        InputError: as that step, and `part_groups`.
    """
    pipeline = source.pipeline()
    made = this.run(source, pipeline, pipeline.select(only="LidcExampleGen"))
    if made is None:
        return None
    cohort = made["LidcExampleGen"]["cohort"].uri / "cohort.json"
    return part_groups(count_patients(json.loads(cohort.read_text("utf-8")), source.config.task), folds)


def count_patients(cohort: Mapping[str, Any], task: str) -> list[GroupCounts]:
    """Counts the nodules of each patient that has patches.

    Args:
        cohort: what `cohort.json` of `LidcExampleGen` holds.
        task: with "nodule" each nodule has negatives beside it, with "malignancy" it is one or the other.
    """
    counts: Counter[tuple[str, int]] = Counter()
    for nodule in cohort["nodules"]:
        if nodule["series_uid"] in cohort["unreadable"]:
            continue
        label = malignancy_label(nodule["malignancy"]) if task == "malignancy" else None
        for one in (0, 1) if task == "nodule" else (label,):
            if one is not None:
                counts[nodule["patient_id"], one] += 1
    patients = sorted({patient for split in cohort["split"].values() for patient in split})
    return [GroupCounts(patient, counts[patient, 0], counts[patient, 1]) for patient in patients]

"""Which series are mined, what of it training takes first, and what is recorded."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from lungnet.components.hard_negative_miner.mine import MinedSeries
from lungnet.errors import InputError
from lungnet.patches import ExampleArrays


def training_series(cohort: Mapping[str, Any]) -> set[str]:
    """Returns the UIDs of the series of patients who train and do nothing else.

    Args:
        cohort: what `cohort.json` holds of CT.

    Raises:
        InputError: there are none.
    """
    split = cohort["split"]
    patients = set(split["train"]) - set(split["validation"]) - set(split["eval"])
    series = {scan["series_uid"] for scan in cohort["scans"] if scan["patient_id"] in patients}
    series -= set(cohort["unreadable"])
    if not series:
        raise InputError(
            "No CT is of a patient who trains and does not validate, so none can be mined for hard "
            "negatives; expected more patients, or mining.rounds = 0."
        )
    return series


def hardest_first(mined: Mapping[str, MinedSeries]) -> ExampleArrays:
    """Orders what was mined: the hardest of each series, by probability, then the second of each, and so on.

    So no series with many false positives crowds out the others.
    """
    parts = [one.examples for one in mined.values()]
    ranks = [np.arange(len(part)) for part in parts]
    probabilities = [one.probabilities for one in mined.values()]
    joined = ExampleArrays.concatenate(parts)
    if not parts:
        return joined
    return joined.take(np.lexsort((joined.series_uid, -np.concatenate(probabilities), np.concatenate(ranks))))


def statistics(
    mined: Mapping[str, MinedSeries], taken: Sequence[str], left_out: Mapping[str, str], threshold: float
) -> dict[str, Any]:
    """Counts what was mined.

    Args:
        mined: by series UID.
        taken: the series of each hard negative that training holds.
        left_out: series UID -> why it was not mined.
        threshold: least probability.

    Returns:
        JSON: `threshold`, `detections`, `touching_a_mark`, `mined` and `in_training`, and the same counts for
        each series under `series`; `left_out`.
    """
    series = {
        uid: {
            "detections": one.detections,
            "touching_a_mark": one.touching,
            "mined": len(one.examples),
            "in_training": taken.count(uid),
        }
        for uid, one in mined.items()
    }
    counts = ("detections", "touching_a_mark", "mined", "in_training")
    totals = {name: sum(one[name] for one in series.values()) for name in counts}
    return {"threshold": threshold, **totals, "series": series, "left_out": dict(left_out)}


def in_words(record: Mapping[str, Any]) -> str:
    """Says what was mined, for the report."""
    taken, negatives, touching = (record[name] for name in ("in_training", "negatives", "touching_a_mark"))
    return (
        f"{taken:,} of the {negatives:,} training negatives are false positives of the first round's scanner "
        f"(probability from {record['threshold']:.3f} on) in {len(record['series']):,} training CTs; of its "
        f"{record['detections']:,} detections there {touching:,} touch a reader's mark and were not used"
    )

"""Balance: the training split with synthetic positives (section 6), and splits without a surplus."""

import logging
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from lungnet.config import PatchRules
from lungnet.hashing import stable_id
from lungnet.patches.columns import ExampleArrays
from lungnet.patches.example import PatchExample

_LOGGER = logging.getLogger(__name__)

#: Stands for patient and group of a patch that a generator made.
SYNTHETIC = "synthetic"


def balance_training(
    real: ExampleArrays, synthetic_patches_hu: npt.NDArray[np.int16], rules: PatchRules, seed: int
) -> list[PatchExample]:
    """Adds synthetic positives to real training patches and tops up the negatives with real ones.

    All real positives come first, then the synthetic ones, then as many real negatives as
    `rules.negatives_per_positive` asks for all positives. Which negatives is settled by a hash of each,
    so that an added one displaces at most one. If there are too few (`rules.negative_surplus` says how
    many were sampled beyond balance) all are taken and a warning is logged.

    Args:
        real: the training split.
        synthetic_patches_hu: int16 `(n, 40, 40)` from the generator.
        rules: the balance.
        seed: of the choice.

    Returns:
        The examples; synthetic ones have label 1, source, patient and group "synthetic", no series
        and nodule -1.

    Raises:
        ValueError: `real` holds synthetic patches already, or a synthetic patch is not int16 `(40, 40)`.
    """
    if np.any(real.source != "real"):
        raise ValueError("real must hold real patches only. Received: a split that was augmented already")
    positives = np.flatnonzero(real.labels == 1)
    negatives = np.flatnonzero(real.labels == 0)
    wanted = round(rules.negatives_per_positive * (len(positives) + len(synthetic_patches_hu)))
    if wanted > len(negatives):
        _LOGGER.warning(
            "Training has %d negatives for %d positives; patches.negatives_per_positive = %g asks for more.",
            len(negatives),
            len(positives) + len(synthetic_patches_hu),
            rules.negatives_per_positive,
        )
    kept = np.array(sorted(negatives, key=lambda row: _rank(real, int(row), seed))[:wanted], np.int64)
    synthetic = [
        PatchExample(
            patch_hu=patch,
            label=1,
            patient_id=SYNTHETIC,
            series_uid="",
            group_id=SYNTHETIC,
            source="synthetic",
        )
        for patch in synthetic_patches_hu
    ]
    ExampleArrays.from_examples(synthetic)  # refuses a wrong shape or dtype
    return [*real.take(positives).examples(), *synthetic, *real.take(np.sort(kept)).examples()]


def drop_surplus(examples: Sequence[PatchExample], rules: PatchRules, seed: int) -> list[PatchExample]:
    """Leaves out the negatives beyond `rules.negatives_per_positive`, chosen by hash.

    For validation and evaluation patches that were sampled along with training's surplus, as a random
    split has them. Negatives that are nodules, as for the task "malignancy", are no surplus: all stay.

    Args:
        examples: of one split.
        rules: the balance.
        seed: of the choice.

    Returns:
        All positives, and the negatives that are kept, in the given order.
    """
    arrays = ExampleArrays.from_examples(examples)
    wanted = round(rules.negatives_per_positive * int((arrays.labels == 1).sum()))
    negatives = np.flatnonzero((arrays.labels == 0) & (arrays.nodule_id < 0)).tolist()
    dropped = set(sorted(negatives, key=lambda row: _rank(arrays, row, seed))[wanted:])
    return [example for row, example in enumerate(examples) if row not in dropped]


def _rank(arrays: ExampleArrays, row: int, seed: int) -> int:
    identity = (arrays.center_zyx[row].tolist(), arrays.offset_yx[row].tolist())
    return stable_id(seed, "balance", arrays.series_uid[row], arrays.nodule_id[row], *identity)

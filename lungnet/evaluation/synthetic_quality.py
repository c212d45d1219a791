"""Is the generator any good? All measures of its patches as one `quality.json`.

Nothing here is fitted on the evaluation split: its patches are asked about once, by the classifiers of
`compare_training`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from lungnet.config import QualityConfig
from lungnet.errors import InputError
from lungnet.evaluation.copies import Suspects, search_copies
from lungnet.evaluation.gan_stability import gan_stability
from lungnet.evaluation.halves import Halves, halve, nodule_units
from lungnet.evaluation.sample_distances import sample_distances
from lungnet.evaluation.synthetic_training import Encode, compare_training
from lungnet.hashing import stable_id
from lungnet.patches import ExampleArrays

SCHEMA = "lungnet.synthetic_quality/1"


@dataclass(frozen=True, eq=False)
class QualityInputs:
    """What a generator is judged from.

    Attributes:
        train: real patches that the generator was trained on; negatives are used where classifiers train.
        validation: real patches of patients it never saw.
        evaluation: the same; asked about once, never fitted to.
        synthetic_hu: int16 `(n, 40, 40)`, patches of the generator.
        spaces: name -> features of patches: "encoder" and "random".
        window_hu: of the generator.
        history: curves of the GAN's training.
    """

    train: ExampleArrays
    validation: ExampleArrays
    evaluation: ExampleArrays
    synthetic_hu: npt.NDArray[np.int16]
    spaces: Mapping[str, Encode]
    window_hu: tuple[float, float]
    history: Mapping[str, Sequence[float]]


@dataclass(frozen=True, eq=False)
class Judged:
    """What came of judging a generator.

    Attributes:
        quality: what `quality.json` holds.
        positives: the real positives of training; rows of the others count in them.
        halves: the first halving of them, None where there are too few.
        suspects: synthetic patches in the order in which they look like copies, None where they could not
            be looked up.
    """

    quality: dict[str, Any]
    positives: ExampleArrays
    halves: Halves | None
    suspects: Suspects | None


def judge_synthetic(
    inputs: QualityInputs,
    config: QualityConfig,
    seed: int,
    progress: Callable[[int, int, str], None] = lambda done, total, text: None,
) -> Judged:
    """Judges a generator's patches.

    `quality` is JSON, without NaN. A part for which there are too few patches is `{"missing": sentence}`.

        schema              "lungnet.synthetic_quality/1"
        training            {patches, nodules, groups} of the positives that the generator was trained on
        synthetic           patches that were drawn
        distances           see `sample_distances`
        copies              see `CopySearch`
        training_value      see `compare_training`
        stability           see `Stability`

    Args:
        inputs: patches and curves.
        config: sizes of samples and the like.
        seed: of every sample.
        progress: called as `progress(parts done, of how many, text)`.
    """
    train, window_hu = inputs.train, inputs.window_hu
    positives = train.take(train.labels == 1)
    nodules = nodule_units(positives.group_id, _nodules(positives))
    validation = inputs.validation
    found: dict[str, Any] = {
        "schema": SCHEMA,
        "training": {
            "patches": len(positives),
            "nodules": len(np.unique(nodules)),
            "groups": len(np.unique(positives.group_id)),
        },
        "synthetic": len(inputs.synthetic_hu),
    }
    suspects: list[Suspects] = []
    halvings: list[Halves] = []

    def distances() -> dict[str, Any]:
        for number in range(config.halvings):
            halvings.append(
                halve(
                    positives.group_id,
                    nodules,
                    patches_per_nodule=config.patches_per_nodule,
                    max_patches=min(config.max_patches, len(inputs.synthetic_hu)),
                    seed=seed,
                    halving=number,
                )
            )
        return sample_distances(
            positives.patches_hu, halvings, inputs.synthetic_hu, inputs.spaces, window_hu, config, seed
        )

    def copies() -> dict[str, Any]:
        search, those = search_copies(
            inputs.synthetic_hu[: config.copy_patches],
            _sampled(validation.patches_hu[validation.labels == 1], config.copy_patches, seed),
            positives.patches_hu,
            nodules,
            window_hu,
            config.copy_shift_px,
            config.neighbours,
        )
        suspects.append(those)
        return search.to_json()

    parts: dict[str, Callable[[], dict[str, Any]]] = {
        "distances": distances,
        "copies": copies,
        "training_value": lambda: compare_training(
            positives.patches_hu,
            inputs.synthetic_hu,
            train.patches_hu[train.labels == 0],
            {"validation": validation, "eval": inputs.evaluation},
            inputs.spaces,
            window_hu,
            max_patches=config.classifier_patches,
            cnn_steps=config.cnn_steps,
            seed=seed,
        ),
        "stability": lambda: gan_stability(inputs.history).to_json(),
    }
    for done, (name, measure) in enumerate(parts.items()):
        progress(done, len(parts), name.replace("_", " "))
        try:
            found[name] = measure()
        except InputError as error:
            found[name] = {"missing": str(error)}
    return Judged(found, positives, halvings[0] if halvings else None, suspects[0] if suspects else None)


def _nodules(positives: ExampleArrays) -> npt.NDArray[np.str_]:
    """Names each positive's nodule within its group; without an id, a position of its own."""
    return np.array(
        [
            f"{series} {nodule}" if nodule >= 0 else f"{series} at {center}"
            for series, nodule, center in zip(
                positives.series_uid.tolist(),
                positives.nodule_id.tolist(),
                positives.center_zyx.tolist(),
                strict=True,
            )
        ]
    )


def _sampled(patches: npt.NDArray[np.int16], most: int, seed: int) -> npt.NDArray[np.int16]:
    rng = np.random.default_rng([seed, stable_id("held-out patches")])
    return patches[np.sort(rng.permutation(len(patches))[:most])]

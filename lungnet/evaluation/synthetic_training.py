"""Trained on synthetic positives, tested on real patches: what the generator's patches teach.

A classifier sees synthetic positives and real negatives; another one as many real positives and the same
negatives. If synthetic patches hold what makes a nodule, the first does as well as the second.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import expit

from lungnet.config import BaselineConfig
from lungnet.errors import InputError
from lungnet.evaluation.auc import roc_auc
from lungnet.evaluation.checks import Floats
from lungnet.evaluation.paired import paired_difference
from lungnet.hashing import stable_id
from lungnet.patches import ExampleArrays

PatchesHU = npt.NDArray[np.int16]
#: From patches in HU, int16 `(n, 40, 40)`, to features `(n, d)`.
Encode = Callable[[PatchesHU], npt.NDArray[np.float32]]
#: Fewer training patches of a kind teach nothing.
FEWEST = 10
_CNN_BATCH = 128
#: Patches that the network is asked about at a time.
_CHUNK = 256
#: Inverse regularisation: hundreds of features of a few thousand patches are fitted loosely.
_REGULARISATION_C = 0.01


def compare_training(
    real_hu: PatchesHU,
    synthetic_hu: PatchesHU,
    negatives_hu: PatchesHU,
    tests: Mapping[str, ExampleArrays],
    spaces: Mapping[str, Encode],
    window_hu: tuple[float, float],
    *,
    max_patches: int = 5000,
    cnn_steps: int = 0,
    seed: int = 0,
) -> dict[str, Any]:
    """Trains classifiers on real and on synthetic positives, as many, and tests both on real patches.

    In each space of features the classifier is a logistic regression; "cnn" is the convolutional network of
    Table 1, with random symmetries. Test patches decide nothing.

    Args:
        real_hu: int16 `(n, 40, 40)`, real positives of training.
        synthetic_hu: int16 `(m, 40, 40)`.
        negatives_hu: int16 `(k, 40, 40)`, real negatives of training.
        tests: name -> real patches; one of a single class is left out.
        spaces: name -> features.
        window_hu: of the convolutional network.
        max_patches: positives, and as many negatives, at most.
        cnn_steps: updates of the convolutional network; 0 for none.
        seed: of the choice of patches and of the network.

    Returns:
        `{positives, negatives, classifiers: {<name>: {<test>: {patches, trained_on_real,
        trained_on_synthetic, difference}}}}`: two AUCs, and their difference (synthetic less real) as
        `paired_difference` gives it. An encoder that was tuned with labels saw synthetic patches as
        positives: "cnn" and untrained features owe it nothing.

    Raises:
        InputError: fewer than 10 patches of a kind.
    """
    counts = len(real_hu), len(synthetic_hu), len(negatives_hu)
    if min(counts) < FEWEST:
        raise InputError(
            f"Training on synthetic patches needs at least {FEWEST} real positives, synthetic ones and "
            f"negatives. Received: {counts[0]}, {counts[1]} and {counts[2]}"
        )
    count = min(max_patches, *counts)
    rng = np.random.default_rng([seed, stable_id("train on synthetic")])
    real, synthetic, negatives = (
        patches[rng.permutation(len(patches))[:count]] for patches in (real_hu, synthetic_hu, negatives_hu)
    )
    held = {name: test for name, test in tests.items() if len(np.unique(test.labels)) == 2}
    held_hu = {name: test.patches_hu for name, test in held.items()}
    answers = {
        name: [_logistic_regression(encode, positives, negatives, held_hu) for positives in (real, synthetic)]
        for name, encode in spaces.items()
    }
    if cnn_steps:
        answers["cnn"] = [
            _convolutional_network(positives, negatives, held_hu, window_hu, cnn_steps, seed)
            for positives in (real, synthetic)
        ]
    return {
        "positives": count,
        "negatives": count,
        "classifiers": {
            name: {test: _compared(held[test], by_real[test], by_synthetic[test], seed) for test in held}
            for name, (by_real, by_synthetic) in answers.items()
        },
    }


def _compared(test: ExampleArrays, by_real: Floats, by_synthetic: Floats, seed: int) -> dict[str, Any]:
    difference = paired_difference(test.labels, by_synthetic, by_real, test.group_id, "auc", seed=seed)
    return {
        "patches": len(test),
        "trained_on_real": roc_auc(test.labels, by_real),
        "trained_on_synthetic": roc_auc(test.labels, by_synthetic),
        "difference": difference.to_json(),
    }


def _logistic_regression(
    encode: Encode, positives: PatchesHU, negatives: PatchesHU, held_hu: Mapping[str, PatchesHU]
) -> dict[str, Floats]:
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    model = make_pipeline(StandardScaler(), LogisticRegression(C=_REGULARISATION_C, max_iter=5000))
    model.fit(np.concatenate([encode(positives), encode(negatives)]), _labels(positives, negatives))
    return {name: model.predict_proba(encode(patches))[:, 1] for name, patches in held_hu.items()}


def _convolutional_network(
    positives: PatchesHU,
    negatives: PatchesHU,
    held_hu: Mapping[str, PatchesHU],
    window_hu: tuple[float, float],
    steps: int,
    seed: int,
) -> dict[str, Floats]:
    from lungnet.models import to_unit, train_cnn

    patches = np.concatenate([positives, negatives])
    config = BaselineConfig(cnn_steps=steps, cnn_batch_size=min(_CNN_BATCH, len(patches)), cnn_flips=True)
    labels = _labels(positives, negatives)
    network = train_cnn(patches, labels, None, None, config, window_hu, seed).model

    def probabilities(of: PatchesHU) -> Floats:
        unit = to_unit(of, window_hu)[..., None]
        chunks = [unit[start : start + _CHUNK] for start in range(0, len(unit), _CHUNK)]
        logits = np.concatenate([np.asarray(network(chunk, training=False), np.float64) for chunk in chunks])
        answers: Floats = expit(logits)
        return answers

    return {name: probabilities(each) for name, each in held_hu.items()}


def _labels(positives: PatchesHU, negatives: PatchesHU) -> npt.NDArray[np.int64]:
    return np.repeat([1, 0], [len(positives), len(negatives)])

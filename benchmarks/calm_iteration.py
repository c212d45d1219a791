"""Seconds of a CALM iteration, and how often a forest on few samples chooses the full forest's centres.

    python benchmarks/calm_iteration.py [features/6-7/fine_tuned ...] [--turns 3] [--states 4]

Takes folders of features as FeatureGen writes them (8,676 x 450 from `encoder_features.py`); without one, an
untrained encoder's features of that size. An iteration is one epoch of the network, a forest, new centres and
the new assignment; the rival's forest grows each tree on as many samples as there are, as in the paper.

For the centres, a training to the letter is followed for `--states` iterations. In each state they are
chosen from the errors of the rival's forest, of one on 1,000 samples a tree, and of another full one of
another seed: two full forests agree no more often than that. `objective` is by how much objective (3) lies
above that of the rival's centres, as a mean over states. Prints JSON.
"""

import argparse
import json
import os
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
from turns import faster, machine, median

from lungnet.config import CalmConfig
from lungnet.export import sample_patches
from lungnet.files import write_json
from lungnet.models import CALM, ClusteringCallback, ConvolutionalAutoencoder, encode, train_calm
from lungnet.models.calm_training import compile_classifier
from lungnet.models.cluster_centers import Clustering, choose_centers, out_of_bag_error
from lungnet.models.dissimilarity import clustering_objective
from lungnet.patches import load_features
from lungnet.presets import load_config

_ROWS = 8676
_SAMPLES = 1000
#: Name -> how its centres are chosen; the last one is the rival.
VARIANTS: dict[str, dict[str, Any]] = {
    "literal": {"center_rule": "forest", "forest_samples": _SAMPLES},
    "best_of_forest": {"center_rule": "best_of_forest", "forest_samples": _SAMPLES},
    "full_forest": {"center_rule": "forest", "forest_samples": 0},
}
#: Name -> samples of a tree and seed of the forest; the first one is the rival.
FORESTS = {"full": (0, 0), "samples_1000": (_SAMPLES, 0), "full_of_another_seed": (0, 1)}
RULES = ("forest", "best_of_forest")


def features_of(path: Path | None) -> tuple[np.ndarray, np.ndarray]:
    """Returns training features and labels."""
    if path is not None:
        stored = load_features(path, "train")
        return stored.features, stored.labels
    config = load_config("paper")
    encoder = ConvolutionalAutoencoder(config.cae).encoder
    return encode(encoder, sample_patches(_ROWS), config.window_hu), np.arange(_ROWS) % 2


def iteration_seconds(features: np.ndarray, labels: np.ndarray, calm: CalmConfig) -> tuple[float, float]:
    """Trains and returns the median seconds of an iteration, of the clock and of the processors.

    The first iteration, which builds the graph, does not count.
    """
    clock: list[tuple[float, float]] = []
    train_calm(
        features,
        labels,
        config=calm,
        progress=lambda *_: clock.append((time.perf_counter(), time.process_time())),
    )
    laps = np.median(np.diff(clock, axis=0), axis=0)
    return float(laps[0]), float(laps[1])


def states_of(features: np.ndarray, labels: np.ndarray, calm: CalmConfig) -> list[tuple[np.ndarray, ...]]:
    """Trains and returns assignment, centres and importance after each iteration."""
    states = []

    class Recorder(keras.callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: object = None) -> None:
            model = self.model
            kept = (keras.ops.convert_to_numpy(v).copy() for v in (model.centers, model.importance))
            states.append((clustering.assignment.copy(), *kept))

    model, clustering = CALM(calm, features.shape[1]), ClusteringCallback(features, calm)
    model.network.adapt(features)
    compile_classifier(model, calm, clustering.steps_per_epoch)
    model.fit(
        clustering.dataset(labels.astype(np.int64)),
        epochs=calm.max_iterations,
        shuffle=False,
        callbacks=[clustering, Recorder()],
        verbose=0,
    )
    return states


def agreement(features: np.ndarray, states: list[tuple[np.ndarray, ...]], calm: CalmConfig) -> dict[str, Any]:
    """Returns, for each rule and forest, how many of the rival's centres are chosen, and the objective."""
    same: dict[tuple[str, str], list[bool]] = {}
    above: dict[tuple[str, str], list[float]] = {}
    for assignment, present, importance in states:
        errors = {
            name: out_of_bag_error(
                features, assignment, calm.model_copy(update={"forest_samples": samples}), seed
            )
            for name, (samples, seed) in FORESTS.items()
        }
        for rule in RULES:
            config = calm.model_copy(update={"center_rule": rule})
            chosen = {
                name: choose_centers(
                    Clustering(features, assignment, error, present, importance), config, seed=0
                )
                for name, error in errors.items()
            }
            objectives = {name: clustering_objective(features, c, importance) for name, c in chosen.items()}
            for name in list(FORESTS)[1:]:
                equal = (chosen[name] == chosen["full"]).all(axis=1)
                same.setdefault((rule, name), []).extend(equal.tolist())
                above.setdefault((rule, name), []).append(objectives[name] / objectives["full"] - 1.0)
    return {
        rule: {
            name: {
                "same_centres": f"{sum(same[rule, name])} of {len(same[rule, name])}",
                "objective": float(np.mean(above[rule, name])),
            }
            for name in list(FORESTS)[1:]
        }
        for rule in RULES
    }


def measured(path: Path | None, options: argparse.Namespace) -> dict[str, Any]:
    """Returns all that is told of one folder of features."""
    features, labels = features_of(path)
    seconds: dict[str, list[float]] = {name: [] for name in VARIANTS}
    processor: dict[str, list[float]] = {name: [] for name in VARIANTS}
    calm = load_config("standard").calm
    for _ in range(options.turns):
        for name, changes in VARIANTS.items():
            laps = options.laps if name != "full_forest" else 1
            config = calm.model_copy(update={**changes, "max_iterations": laps + 1})
            wall, used = iteration_seconds(features, labels, config)
            seconds[name].append(wall)
            processor[name].append(used)
    letter = calm.model_copy(update={**VARIANTS["literal"], "max_iterations": max(1, options.states)})
    states = states_of(features, labels, letter)[: options.states]
    return {
        "features": list(features.shape),
        "seconds": {name: round(median(seconds, name), 2) for name in VARIANTS},
        "processor_seconds": {name: round(median(processor, name), 2) for name in VARIANTS},
        "times_as_fast_as_full_forest": {
            name: round(faster(seconds, name, "full_forest"), 2) for name in list(VARIANTS)[:-1]
        },
        "times_less_processor_than_full_forest": {
            name: round(faster(processor, name, "full_forest"), 2) for name in list(VARIANTS)[:-1]
        },
        "states": len(states),
        "centres": agreement(features, states, calm) if states else None,
    }


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("features", nargs="*", type=Path, help="folders that FeatureGen wrote")
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--laps", type=int, default=4, help="iterations of a turn that are timed")
    parser.add_argument("--states", type=int, default=4, help="0 leaves the comparison of centres out")
    parser.add_argument("--output", type=Path, help="JSON file to write")
    options = parser.parse_args()
    result = {
        **machine(None, cpu_time=False),
        "runs": {
            "untrained encoder" if path is None else "/".join(path.parts[-2:]): measured(path, options)
            for path in options.features or [None]
        },
    }
    print(json.dumps(result, indent=2))
    if options.output:
        write_json(options.output, result)


if __name__ == "__main__":
    main()

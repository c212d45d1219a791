"""One training of CALM or of a rival on stored features, and what is to be told of it."""

import itertools
import json
import statistics
import time
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from lungnet.config import BaselineConfig, CalmConfig, Config
from lungnet.files import write_json
from lungnet.hashing import file_sha256, fingerprint
from lungnet.models import dissimilarity, train_calm, train_logistic_regression, train_network
from lungnet.models.cluster_centers import initial_centers
from lungnet.models.dissimilarity import clustering_objective
from lungnet.patches import FeatureArrays, load_features

#: What makes the clustering come to rest: centres move only where that lowers objective (3), and the rate of
#: the network falls, so that importance settles.
CONVERGING = {"center_rule": "best_of_forest", "learning_rate_decay": 0.8, "keep": "settled"}
#: The paper, which breaks no ties.
LITERAL = {"center_rule": "any_of_forest", "learning_rate_decay": 1.0, "keep": "best"}
#: Name of a variant -> what distinguishes it from `CONVERGING`.
VARIANTS: dict[str, dict[str, Any]] = {
    "literal": LITERAL,
    "literal, ties broken": {**LITERAL, "center_rule": "forest"},
    "literal, falling rate": {"center_rule": "any_of_forest"},
    "objective, constant rate": {"learning_rate_decay": 1.0},
    "objective, smoothed importance": {"learning_rate_decay": 1.0, "importance_smoothing": 0.9},
    "converging": {},
}
NETWORK = "plain network"
LOGISTIC = "logistic regression"


def variant_config(calm: CalmConfig, variant: str, iterations: int) -> CalmConfig:
    """Returns the configuration of a variant, with its own bound on the iterations."""
    return calm.model_copy(update={**CONVERGING, **VARIANTS[variant], "max_iterations": iterations})


def stored_run(
    folder: Path, features: Path, variant: str, seed: int, iterations: int, config: Config
) -> dict[str, Any]:
    """Returns what `run` returned when it was asked the same before, or asks it."""
    rival = variant in (NETWORK, LOGISTIC)
    calm = config.calm if rival else variant_config(config.calm, variant, iterations)
    baselines = config.baselines
    settings = baselines.lr_c if variant == LOGISTIC else baselines.nn_epochs
    asked = fingerprint([_content(features), variant, seed, calm.model_dump(mode="json"), settings])
    path = folder / f"{asked[:16]}.json"
    if not path.exists():
        splits = {name: load_features(features, name) for name in ("train", "validation", "eval")}
        splits["train"] = splits["train"].restricted_to(calm.train_on)
        told = run(splits, variant, seed, calm, baselines)
        write_json(path, {"features": features.name, "variant": variant, "seed": seed, **told})
    found: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return found


def _content(features: Path) -> dict[str, str]:
    files = (path for path in sorted(features.rglob("*")) if path.is_file())
    return {path.relative_to(features).as_posix(): file_sha256(path) for path in files}


def run(
    splits: dict[str, FeatureArrays], variant: str, seed: int, calm: CalmConfig, baselines: BaselineConfig
) -> dict[str, Any]:
    """Trains once; returns plain data, with the probabilities of the evaluation patches."""
    train, validation, evaluation = (splits[name] for name in ("train", "validation", "eval"))
    data = train.features, train.labels, validation.features, validation.labels
    clock = [(time.perf_counter(), time.process_time())]

    def tick(*_: object) -> None:
        clock.append((time.perf_counter(), time.process_time()))

    told: dict[str, Any] = {}
    if variant == NETWORK:
        model = train_network(*data, calm, baselines.nn_epochs, seed, progress=tick).model
        logits = model(evaluation.features)
    elif variant == LOGISTIC:
        logits = train_logistic_regression(train.features, train.labels, baselines.lr_c)(evaluation.features)
    else:
        model, history = train_calm(*data, calm, seed, progress=tick)
        logits = model.logit(evaluation.features)
        told = {"history": history.to_dict(), **clusters_told(model, train.features, calm, seed)}
    # The first iteration builds the graph.
    laps = [(b[0] - a[0], b[1] - a[1]) for a, b in itertools.pairwise(clock[1:])]
    told["seconds"] = statistics.median(wall for wall, _ in laps) if laps else None
    told["processor_seconds"] = statistics.mean(cpu for _, cpu in laps) if laps else None
    logits = keras.ops.convert_to_numpy(logits).astype(np.float64)
    return {**told, "probability": (1.0 / (1.0 + np.exp(-logits))).tolist()}


def clusters_told(
    model: keras.Model, features: npt.NDArray[np.float32], calm: CalmConfig, seed: int
) -> dict[str, Any]:
    """Returns what became of the clusters of a trained CALM.

    smallest_share: of the samples, in the smallest cluster. moved: dissimilarity of each centre to the
    nearest of those that were drawn, in units of a sample's mean dissimilarity to its centre.
    correlation: of the importance in use with FC1's as trained, over features that vary, once as the
    dissimilarity takes both and once without the scale of standardisation; the lower one is given.
    """
    importance, learned = (
        np.asarray(values, np.float64)
        for values in (keras.ops.convert_to_numpy(model.importance), model.network_importance())
    )
    centers = keras.ops.convert_to_numpy(model.centers)
    drawn = initial_centers(features, calm.clusters, seed)
    mean = clustering_objective(features, centers, importance) / len(features)
    scale = keras.ops.convert_to_numpy(model.network.scale).astype(np.float64)
    varies = scale > 0
    pairs = [(importance[varies], learned[varies])]
    pairs.append((pairs[0][0] / scale[varies], pairs[0][1] / scale[varies]))
    sizes = np.bincount(np.asarray(model.cluster(features)), minlength=calm.clusters)
    return {
        "smallest_share": float(sizes.min() / len(features)),
        "moved": (dissimilarity(centers, drawn, importance).min(axis=1) / mean).tolist(),
        "correlation": min(float(np.corrcoef(*pair)[0, 1]) for pair in pairs),
        "total_variance": float(features.var(axis=0, dtype=np.float64).sum()),
    }

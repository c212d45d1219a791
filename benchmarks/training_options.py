"""What options of training are worth on held-out groups: schedule, weight decay, dropout, early stopping.

    lungnet benchmark --arrays patches.npz --root runs/folds --only-fold 0
    python benchmarks/training_options.py patches.npz runs/folds/fold-*/FeatureGen/features/* \\
        --root runs/options --docs docs

Each option is changed alone, the rest is the preset's. CALM's network without clusters learns from the
features of a fold's run; the network of the CNN row learns from patches, for `--steps` updates, as in
`augmentation.py`, with each of the first `--folds` quarters of the groups held out. Trainings are kept below
the root, so that the tables can be finished bit by bit.
"""

import argparse
import datetime
import itertools
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
from augmentation_arms import Arm
from augmentation_runs import PARTS, ROW, Experiment, Run, load
from calm_runs import NETWORK, stored_run
from paired_auc import Runs, difference_words, paired_auc

import lungnet
from lungnet.config import BaselineConfig
from lungnet.errors import LungnetError
from lungnet.evaluation.markdown import NOTHING, markdown_table
from lungnet.files import write_text
from lungnet.patches import load_features
from lungnet.presets import load_config

PRESET = "standard"
#: Words -> fields of `CalmConfig`.
OF_NETWORK: dict[str, dict[str, Any]] = {
    f"`{PRESET}`": {},
    "constant rate": {"learning_rate_decay": 1.0},
    "weight decay 0.01": {"weight_decay": 0.01},
    "dropout 0.3": {"dropout": 0.3},
    "stopped after 5 epochs without progress": {"early_stopping": 5},
}
#: Words -> fields of `BaselineConfig`.
OF_CNN: dict[str, dict[str, Any]] = {
    f"`{PRESET}`": {},
    "constant rate": {"cnn_schedule": "constant"},
    "no weight decay": {"cnn_weight_decay": 0.0},
    "dropout 0.3": {"cnn_dropout": 0.3},
    "stopped after 5 reports without progress": {"cnn_early_stopping": 5},
    "no batch normalisation": {"cnn_batch_norm": False},
}
#: Fold -> labels of the evaluation patches.
Labels = dict[str, np.ndarray]
#: Option -> fold -> runs.
Found = dict[str, dict[str, Runs]]


@dataclass(frozen=True)
class Option(Arm):
    """Patches as the preset augments them in each batch, and one setting of the network's training.

    Attributes:
        settings: fields of `BaselineConfig`.
    """

    settings: tuple[tuple[str, Any], ...] = ()

    def baselines(self, baselines: BaselineConfig) -> BaselineConfig:
        """Returns how the network is trained."""
        return baselines.model_copy(update=dict(self.settings))


def of_network(folders: Sequence[Path], runs: Path, seeds: int) -> tuple[Labels, Found]:
    """Trains the plain network on stored features with each option."""
    config = load_config(PRESET)
    held = {folder: load_features(folder, "eval") for folder in folders}
    folds = {folder: "-".join(sorted(set(stored.group_id.tolist()))) for folder, stored in held.items()}
    labels = {folds[folder]: stored.labels for folder, stored in held.items()}
    found: Found = {}
    for (name, settings), folder in itertools.product(OF_NETWORK.items(), folders):
        changed = config.model_copy(update={"calm": config.calm.model_copy(update=settings)})
        found.setdefault(name, {})[folds[folder]] = [
            stored_run(runs, folder, NETWORK, seed, 0, changed) for seed in range(seeds)
        ]
        print(f"network, {name}, groups {folds[folder]}", file=sys.stderr, flush=True)
    return labels, found


def of_cnn(experiment: Experiment, folds: Sequence[int]) -> tuple[Labels, Found]:
    """Trains the convolutional network with each option."""
    labels: Labels = {}
    found: Found = {}
    for fold, (name, settings) in itertools.product(folds, OF_CNN.items()):
        run = Run("option", Option(name, settings=tuple(settings.items())), fold, 0)
        if not experiment.is_kept(run):
            experiment.train(run)
            keras.utils.clear_session()
        predictions = experiment.predictions(run)
        held = np.array(predictions.split) == "eval"
        group = "-".join(experiment.folds[fold])
        labels[group] = np.asarray(predictions.labels)[held]
        probability = np.asarray(predictions.probabilities[ROW])[held]
        found.setdefault(name, {})[group] = [{"probability": probability}]
        print(f"CNN, {name}, groups {group}", file=sys.stderr, flush=True)
    return labels, found


def table(labels: Mapping[str, np.ndarray], found: Found) -> str:
    """Returns Markdown: AUC of each option, and what it changes."""
    first, *_ = found
    body = []
    for name, runs in found.items():
        pairs = [(labels[fold], runs[fold], found[first][fold]) for fold in labels]
        told = paired_auc(pairs)
        change = difference_words(told) if name != first else (NOTHING, NOTHING)
        body.append((name, f"{told['auc'][0]:.4f}", *change))
    return markdown_table(("Trained", "AUC", f"AUC less that of {first}", "Higher in"), body)


def page(network: tuple[Labels, Found], cnn: tuple[Labels, Found], seeds: int, steps: int) -> str:
    """Returns `docs/training.md`."""
    date = datetime.datetime.now(datetime.UTC).date().isoformat()
    parts = [
        "# What options of training are worth",
        f"Written by `benchmarks/training_options.py` on {date}, lungnet {lungnet.__version__}; not edited "
        "by hand.",
        "Patches about LUNA16's candidates (hard negatives). Each option is changed "
        f"alone, the rest is that of the preset `{PRESET}`, whose own line is the first.",
        "## Network on fine-tuned features",
        f"CALM's network without clusters, as in the row GAN+CAE+NN, on held-out groups "
        f"{' and '.join(network[0])}; {seeds} seeds. The epoch of the least validation loss is kept. Early "
        "stopping looks at the loss on the inner validation groups.",
        table(*network),
        "## Convolutional network",
        f"That of the row CNN, trained for {steps:,} updates, fewer than the preset's, on held-out groups "
        f"{' and '.join(cnn[0])}; one seed. Early stopping looks at the AUC on the inner validation groups, "
        "twenty times in a training.",
        table(*cnn),
        "Differences are between the same evaluation patches, means over folds and seeds; intervals are "
        "those of resampled patches within folds, not of other trainings.",
    ]
    return "\n\n".join(parts) + "\n"


def main() -> None:
    """Trains what is not there yet and writes what was found."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("arrays", type=Path, help="the .npz with the patches")
    parser.add_argument("features", nargs="+", type=Path, help="folders that FeatureGen wrote, one a fold")
    parser.add_argument("--root", type=Path, required=True, help="folder in which trainings are kept")
    parser.add_argument("--seeds", type=int, default=3, help="of the network on features (default 3)")
    parser.add_argument("--steps", type=int, default=600, help="updates of the CNN (default 600)")
    parser.add_argument("--folds", type=int, default=2, choices=range(1, PARTS + 1), help="of the CNN")
    parser.add_argument("--docs", type=Path, help="folder of documentation to write to")
    options = parser.parse_args()
    try:
        arrays, settings = load(options.arrays, PRESET, [f"baselines.cnn_steps={options.steps}"])
        experiment = Experiment(options.root / "cnn", settings, arrays)
        features = options.root / "network"
        features.mkdir(parents=True, exist_ok=True)
        network = of_network(options.features, features, options.seeds)
        cnn = of_cnn(experiment, range(options.folds))
    except LungnetError as error:
        raise SystemExit(f"{Path(sys.argv[0]).name}: {error}") from None
    text = page(network, cnn, options.seeds, options.steps)
    print(text)
    if options.docs:
        write_text(options.docs / "training.md", text)


if __name__ == "__main__":
    main()

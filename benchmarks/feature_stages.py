"""What each stage of the encoder's training adds: its features under the same heads, fold by fold.

    for g in 0,1 2,3 4,5 6,7; do
        python benchmarks/encoder_features.py patches.npz --eval-groups $g --output features/${g/,/-}
    done
    python benchmarks/feature_stages.py features/* --runs runs/stages --output stages.json \\
        --markdown docs/features.md

Takes the folders of `encoder_features.py`, one a fold. Logistic regression and CALM's network without
clusters (the epoch of the least validation loss is kept) learn from the features of the untrained, the
greedy and the fine-tuned encoder. Runs are kept in `--runs`, so that the tables can be finished bit by bit.
"""

import argparse
import datetime
import itertools
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
from calm_runs import LOGISTIC, NETWORK, stored_run
from encoder_features import SETTINGS, STAGES
from paired_auc import Runs, difference_words, paired_auc

import lungnet
from lungnet.config import CaeConfig, Config
from lungnet.evaluation import roc_auc
from lungnet.files import write_json, write_text
from lungnet.patches import load_features
from lungnet.presets import load_config

HEADS = (LOGISTIC, NETWORK)
#: A stage less an earlier one.
STEPS = (("greedy", "untrained"), ("fine_tuned", "greedy"), ("fine_tuned", "untrained"))


def same_patches(fold: Path) -> dict[str, np.ndarray]:
    """Returns the labels of each split, having made sure that all stages saw the same patches."""
    labels: dict[str, np.ndarray] = {}
    for stage, split in itertools.product(STAGES, ("train", "validation", "eval")):
        found = load_features(fold / stage, split)
        if not np.array_equal(labels.setdefault(split, found.labels), found.labels):
            raise SystemExit(f"{fold / stage} is not of the same {split} patches as {fold / STAGES[0]}.")
    return labels


def encoder_settings(folds: Sequence[Path]) -> CaeConfig:
    """Returns how the encoders of all folds were trained."""
    found = {(fold / "fine_tuned" / SETTINGS).read_text("utf-8") for fold in folds}
    if len(found) > 1:
        raise SystemExit("The folds' encoders were trained in different ways.")
    return CaeConfig.model_validate_json(found.pop())


def measure(
    folds: Mapping[str, np.ndarray], found: Mapping[tuple[str, str, str], Runs]
) -> dict[str, dict[str, Any]]:
    """Returns, for each head, the AUC of each stage and what a stage adds to an earlier one.

    Args:
        folds: name -> labels of the evaluation patches.
        found: (fold, stage, head) -> runs, one a seed.
    """
    told: dict[str, dict[str, Any]] = {}
    for head in HEADS:
        auc = {
            stage: {
                fold: float(
                    np.mean([roc_auc(labels, run["probability"]) for run in found[fold, stage, head]])
                )
                for fold, labels in folds.items()
            }
            for stage in STAGES
        }
        steps = {
            f"{later} less {earlier}": paired_auc(
                [
                    (labels, found[fold, later, head], found[fold, earlier, head])
                    for fold, labels in folds.items()
                ]
            )
            for later, earlier in STEPS
        }
        told[head] = {"auc": auc, "steps": steps}
    return told


def auc_table(head: Mapping[str, Any]) -> str:
    """Returns Markdown: a line a stage, a column a fold, and the mean over folds."""
    folds = list(next(iter(head["auc"].values())))
    lines = ["| Encoder | " + " | ".join(f"groups {fold}" for fold in folds) + " | Mean |"]
    lines.append("|---" * (len(folds) + 2) + "|")
    for stage, values in head["auc"].items():
        cells = [f"{values[fold]:.4f}" for fold in folds]
        lines.append(f"| {words(stage)} | {' | '.join(cells)} | {np.mean(list(values.values())):.4f} |")
    return "\n".join(lines)


def steps_table(head: Mapping[str, Any]) -> str:
    """Returns Markdown: a line a pair of stages."""
    lines = ["| Encoders | Difference in AUC (95 %) | Higher in |", "|---|---|---|"]
    for name, step in head["steps"].items():
        lines.append(f"| {words(name)} | {' | '.join(difference_words(step))} |")
    return "\n".join(lines)


def words(name: str) -> str:
    """Returns a stage as a reader calls it."""
    return name.replace("_", "-")


def page(result: Mapping[str, Any]) -> str:
    """Returns `docs/features.md`."""
    counts, heads = result["patches"], result["heads"]
    parts = [
        "# What each stage of the encoder adds",
        f"Written by `benchmarks/feature_stages.py` on {result['date']}, lungnet "
        f"{result['lungnet_version']}; not edited by hand.",
        f"{result['data']} Each fold holds out the groups that it is named after, {span(counts['eval'])} "
        f"patches; {span(counts['train'])} patches of the others train, both classes repeated with new "
        f"translations, no synthetic ones; {span(counts['validation'])} settle when to stop. All stages "
        "see the same patches.",
        f"- `untrained`: the weights as they are drawn.\n- `greedy`: after {result['encoder']['greedy']} "
        f"(Algorithm 1).\n- `fine-tuned`: after that and {result['encoder']['fine_tuned']}.",
    ]
    for head, told in heads.items():
        parts += [f"## {head.capitalize()}", _HEADS[head].format(**result)]
        parts += [auc_table(told), steps_table(told)]
    parts.append(
        "Differences are between the same evaluation patches, means over folds (and seeds); intervals are "
        "those of resampled patches within folds, not of other training groups. Higher in: of the folds "
        "(times seeds)."
    )
    return "\n\n".join(parts) + "\n"


_HEADS = {
    LOGISTIC: "On standardised features, as in the row GAN+CAE+LR; AUC on the held-out patches.",
    NETWORK: "CALM's network without clusters, as in the row GAN+CAE+NN: {network}; the epoch of the least "
    "validation loss is kept. AUC as mean over seeds ({seeds}).",
}


def greedy_words(cae: CaeConfig) -> str:
    """Says how the layers were trained."""
    return f"{cae.epochs} epochs a layer without labels, SGD at {cae.learning_rate:g}"


def fine_tuning_words(cae: CaeConfig) -> str:
    """Says how labels were used."""
    said = f"{cae.fine_tune_epochs} epochs with labels, Adam from {cae.fine_tune_learning_rate:g} on a cosine"
    if cae.fine_tune_weight_decay:
        said += f", weight decay {cae.fine_tune_weight_decay:g}"
    if cae.fine_tune_flips:
        said += ", flips and right-angle rotations"
    if cae.fine_tune_shift:
        said += f", shifts of up to {cae.fine_tune_shift} pixels"
    if cae.fine_tune_batch_norm:
        said += ", batch normalisation"
    return f"{said}, the {cae.fine_tune_keep} epoch kept"


def network_words(config: Config) -> str:
    """Says how the plain network is trained."""
    calm, epochs = config.calm, config.baselines.nn_epochs
    said = f"{epochs} epochs, batches of {calm.batch_size}, Adam at {calm.learning_rate:g}"
    if calm.learning_rate_decay != 1.0:
        said += f", times {calm.learning_rate_decay:g} after each epoch"
    return said + (", standardised features" if calm.standardise else "")


def span(values: Sequence[int]) -> str:
    """Returns the least and the largest number, or the one that both are."""
    low, high = f"{min(values):,}", f"{max(values):,}"
    return low if low == high else f"{low} to {high}"


def main() -> None:
    """Runs what is not there yet and writes what was found."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folds", nargs="+", type=Path, help="folders that encoder_features.py wrote")
    parser.add_argument("--seeds", type=int, default=3, help="of the network (default 3)")
    parser.add_argument("--preset", default="standard", help="of the heads")
    parser.add_argument("--set", dest="settings", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--data", default="Patches about LUNA16's candidates (hard negatives).")
    parser.add_argument("--runs", type=Path, required=True, help="folder in which runs are kept")
    parser.add_argument("--output", type=Path, required=True, help="JSON file to write")
    parser.add_argument("--markdown", type=Path, help="page to write")
    options = parser.parse_args()
    config = load_config(options.preset, settings=options.settings)
    encoder = encoder_settings(options.folds)
    options.runs.mkdir(parents=True, exist_ok=True)

    labels = {fold.name: same_patches(fold) for fold in options.folds}
    found: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
    for fold, stage, head in itertools.product(options.folds, STAGES, HEADS):
        for seed in range(options.seeds if head == NETWORK else 1):  # the other one draws nothing
            run = stored_run(options.runs, fold / stage, head, seed, 0, config)
            found.setdefault((fold.name, stage, head), []).append(run)
            auc = roc_auc(labels[fold.name]["eval"], run["probability"])
            print(f"groups {fold.name}, {stage}, {head}, seed {seed}: AUC {auc:.4f}", flush=True)
    result = {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "lungnet_version": lungnet.__version__,
        "encoder": {"greedy": greedy_words(encoder), "fine_tuned": fine_tuning_words(encoder)},
        "network": network_words(config),
        "seeds": options.seeds,
        "data": options.data,
        "patches": {
            split: [len(of_fold[split]) for of_fold in labels.values()]
            for split in ("train", "validation", "eval")
        },
        "heads": measure({fold: of_fold["eval"] for fold, of_fold in labels.items()}, found),
    }
    write_json(options.output, result)
    text = page(result)
    if options.markdown:
        write_text(options.markdown, text)
    print(text)


if __name__ == "__main__":
    main()

"""Whether the GAN pays: ways to augment few positives, compared under one convolutional network.

    python benchmarks/augmentation.py --arrays patches.npz --root runs/augmentation --output gan.json
    python benchmarks/augmentation.py --root runs/augmentation --summarise --docs docs

Groups are cut into four parts, as `lungnet benchmark` does; `--folds` of them are held out in turn. All arms
of a fold have the same network, first weights, updates, validation groups and rule for the threshold, and
differ in what `augmentation_arms.ARMS` says; learning curves repeat two of them with a share of the
positives. A GAN learns from the positives of its training split alone. Each run's predictions are kept below
the root, so that the table can be finished over several calls: one that is ended loses what it was at since
its last checkpoint.

With `--output` comes a Markdown summary and a figure beside the JSON; `--docs` puts both into a folder of
documentation. `--summarise` trains nothing and tells of what there is, and of what is missing.
"""

import argparse
import itertools
import logging
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
from augmentation_arms import ARMS, CURVES, SHARES
from augmentation_results import results
from augmentation_runs import PARTS, Experiment, Run, load
from augmentation_text import draw_learning_curves, markdown

from lungnet.errors import LungnetError
from lungnet.files import write_json, write_text

FIGURE = "augmentation_learning_curves.png"


def planned(arms: Sequence[str], folds: int, seeds: int, with_curves: bool) -> list[Run]:
    """Returns the runs in the order in which they are best begun: the ablation, then its learning curves."""
    runs = [Run(name, ARMS[name], fold, 0) for fold, name in itertools.product(range(folds), arms)]
    if with_curves:
        runs += [
            Run(name, ARMS[name].with_share(share), fold, 0)
            for share, fold, name in itertools.product(SHARES, range(folds), CURVES)
            if name in arms and share < 1
        ]
    return [Run(run.name, run.arm, run.fold, seed) for seed in range(seeds) for run in runs]


def write(told: dict[str, object], output: Path | None, docs: Path | None) -> None:
    """Writes the results as JSON, Markdown and a figure, and both of the latter as documentation."""
    targets = []
    if output is not None:
        write_json(output, told)
        targets.append((output.with_suffix(".md"), output.parent / FIGURE))
    if docs is not None:
        targets.append((docs / "augmentation.md", docs / "figures" / FIGURE))
    for text, figure in targets:
        if told["curves"]:
            draw_learning_curves(figure, told)
        write_text(text, markdown(told, figure.relative_to(text.parent).as_posix()))


def main() -> None:
    """Trains what is not there yet, then tells of all that is."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--arrays", type=Path, help="the .npz with the patches (none with --summarise)")
    parser.add_argument("--root", type=Path, required=True, help="folder in which runs are kept")
    parser.add_argument("--folds", type=int, default=2, choices=range(1, PARTS + 1))
    parser.add_argument("--seeds", type=int, default=1, help="trainings of each arm and fold (default 1)")
    parser.add_argument("--arms", nargs="+", default=list(ARMS), choices=list(ARMS))
    parser.add_argument("--no-curves", action="store_true", help="leave out the learning curves")
    parser.add_argument("--steps", type=int, default=1200, help="updates of each network (default 1200)")
    parser.add_argument("--gan-steps", type=int, help="updates of each generator (default: the preset's)")
    parser.add_argument("--preset", default="standard")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="any other setting")
    parser.add_argument("--summarise", action="store_true", help="train nothing")
    parser.add_argument("--output", type=Path, help="JSON file to write")
    parser.add_argument("--docs", type=Path, help="folder of documentation to write to")
    options = parser.parse_args()
    logging.getLogger("tensorflow").setLevel(logging.ERROR)  # it counts the models that were compiled
    try:
        if options.summarise:
            experiment = Experiment(options.root)
        elif options.arrays is None:
            parser.error("--arrays is needed to train")
        else:
            steps = [f"baselines.cnn_steps={options.steps}", 'baselines.cnn_keep="best"']
            if options.gan_steps is not None:
                steps.append(f"gan.generator_steps={options.gan_steps}")
            arrays, settings = load(options.arrays, options.preset, [*steps, *options.set])
            experiment = Experiment(options.root, settings, arrays)
        runs = planned(options.arms, options.folds, options.seeds, not options.no_curves)
        if not options.summarise:
            train(experiment, runs)
        missing = [run for run in runs if not experiment.is_kept(run)]
        for run in missing:
            print(f"missing: {run}")
        told = results(experiment, [run for run in runs if run not in missing], len(missing))
        print(markdown(told, FIGURE))
        write(told, options.output, options.docs)
    except LungnetError as error:
        raise SystemExit(f"{Path(sys.argv[0]).name}: {error}") from None
    except KeyboardInterrupt:
        print("interrupted; the same command goes on from here.", file=sys.stderr)
        raise SystemExit(130) from None


def train(experiment: Experiment, runs: Sequence[Run]) -> None:
    """Trains the runs that are not kept yet, and says on stderr how far it is."""
    for number, run in enumerate(runs, 1):
        if experiment.is_kept(run):
            continue
        began = time.monotonic()
        experiment.train(run)
        keras.utils.clear_session()
        seconds = time.monotonic() - began
        print(f"{number} of {len(runs)}: {run}, {seconds:.0f} s", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()

"""Whether CALM's clustering comes to rest, and whether CALM beats the plain network, over seeds.

    python benchmarks/encoder_features.py patches.npz --eval-groups 6,7 --output features/6-7
    python benchmarks/calm_convergence.py features/6-7/* --runs runs/calm --output calm.json
    python benchmarks/calm_convergence.py features/6-7/* --runs runs/calm --markdown docs/calm.md

Takes folders of features as FeatureGen writes them; those with the same name are folds, and are told of
together. Each variant is the preset's CALM that comes to rest (`calm_runs.CONVERGING`) but for what
`calm_runs.VARIANTS` says, and stops when no sample has changed cluster for ten iterations, or after
`--iterations`. Runs are kept in `--runs`, so that a table can be finished bit by bit.
"""

import argparse
import datetime
import itertools
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
from calm_page import page
from calm_runs import NETWORK, VARIANTS, stored_run
from paired_auc import Runs, difference_words, paired_auc

import lungnet
from lungnet.evaluation import draw_variances
from lungnet.files import write_json, write_text
from lungnet.patches import load_features
from lungnet.presets import load_config

#: Least share of the samples in a cluster, and least correlation, for a convergence that counts.
_SMALLEST_SHARE, _CORRELATION = 0.05, 0.9


def counts(run: dict[str, Any]) -> bool:
    """Whether a run came to rest with clusters, centres and importance that mean something."""
    return bool(
        run["history"]["converged"]
        and run["smallest_share"] >= _SMALLEST_SHARE
        and min(run["moved"]) > 0.0
        and run["correlation"] >= _CORRELATION
    )


def summary(runs: Runs) -> dict[str, Any]:
    """Returns what the table says of the seeds of one variant on one kind of features."""
    histories = [run["history"] for run in runs]
    variance = [[h["intra_cluster_variance"][i] for h in histories] for i in (0, -1)]
    total = [run["total_variance"] for run in runs]
    return {
        "runs": len(runs),
        "converged": sum(h["converged"] for h in histories),
        "counts": sum(map(counts, runs)),
        "iterations": [len(h["loss"]) for h in histories],
        "changed_late": [float(np.mean(h["changed"][-10:])) for h in histories],
        "objective_rises": [float(np.mean(np.array(h["objective_change"]) > 0)) for h in histories],
        "smallest_share": [run["smallest_share"] for run in runs],
        "moved": [min(run["moved"]) for run in runs],
        "correlation": [run["correlation"] for run in runs],
        "variance": [[v / t for v, t in zip(row, total, strict=True)] for row in variance],
        "seconds": float(np.median([run["seconds"] for run in runs])),
        "processor_seconds": float(np.median([run["processor_seconds"] for run in runs])),
    }


def convergence_table(summaries: dict[str, dict[str, dict[str, Any]]]) -> str:
    """Returns Markdown: a block a kind of features, a line a variant."""
    lines = [
        "| Features | Variant | At rest | of them not trivial | Iterations | Changed in the last 10 | "
        "Smallest cluster | Centres moved | Importance and FC1 | Variance, start to end | "
        "Seconds (processor) |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for kind, variants in summaries.items():
        for name, s in variants.items():
            start, end = (100 * np.mean(row) for row in s["variance"])
            cells = [
                kind,
                name,
                f"{s['converged']} of {s['runs']}",
                f"{s['counts']} of {s['runs']}",
                span(s["iterations"], "{:.0f}"),
                span([100 * v for v in s["changed_late"]], "{:.2f}") + " %",
                span([100 * v for v in s["smallest_share"]], "{:.1f}") + " %",
                span(s["moved"], "{:.2f}"),
                span(s["correlation"], "{:.3f}"),
                f"{start:.1f} to {end:.1f} %",
                f"{s['seconds']:.2f} ({s['processor_seconds']:.2f})",
            ]
            lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def span(values: Sequence[float], form: str) -> str:
    """Returns the least and the largest value, or the one that both are."""
    low, high = (form.format(value) for value in (min(values), max(values)))
    return low if low == high else f"{low} to {high}"


def auc_table(compared: dict[str, dict[str, dict[str, Any]]]) -> str:
    """Returns Markdown: a line a kind of features and variant."""
    lines = [
        "| Features | Variant | AUC | of the plain network | Difference (95 %) | Better in |",
        "|---|---|---|---|---|---|",
    ]
    for kind, variants in compared.items():
        for name, c in variants.items():
            aucs = f"{c['auc'][0]:.4f} | {c['auc'][1]:.4f}"
            lines.append(f"| {kind} | {name} | {aucs} | {' | '.join(difference_words(c))} |")
    return "\n".join(lines)


def main() -> None:
    """Runs what is not there yet and prints both tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("features", nargs="+", type=Path, help="folders that FeatureGen wrote")
    parser.add_argument("--variants", nargs="+", default=list(VARIANTS), choices=list(VARIANTS))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--iterations", type=int, default=150)
    parser.add_argument("--preset", default="standard")
    parser.add_argument("--runs", type=Path, required=True, help="folder in which runs are kept")
    parser.add_argument("--data", default="Patches about LUNA16's candidates (hard negatives).")
    parser.add_argument("--output", type=Path, help="JSON file to write")
    parser.add_argument("--markdown", type=Path, help="page to write")
    parser.add_argument("--figure", type=Path, help="PNG of Figure 4 to write")
    options = parser.parse_args()
    config = load_config(options.preset)
    options.runs.mkdir(parents=True, exist_ok=True)

    found: dict[tuple[Path, str], list[dict[str, Any]]] = {}
    for seed, features, variant in itertools.product(
        range(options.seeds), options.features, [*options.variants, NETWORK]
    ):
        run = stored_run(options.runs, features, variant, seed, options.iterations, config)
        found.setdefault((features, variant), []).append(run)
        if variant != NETWORK:
            history = run["history"]
            state = "at rest" if history["converged"] else f"{100 * history['changed'][-1]:.2f} % changed"
            print(
                f"{features}, seed {seed}, {variant}: {len(history['loss'])} iterations, {state}", flush=True
            )

    summaries: dict[str, dict[str, dict[str, Any]]] = {}
    compared: dict[str, dict[str, dict[str, Any]]] = {}
    curves: dict[str, dict[str, list[list[float]]]] = {}
    for kind in dict.fromkeys(path.name for path in options.features):
        folds = [path for path in options.features if path.name == kind]
        labels = {path: load_features(path, "eval").labels for path in folds}
        for variant in options.variants:
            runs = [run for path in folds for run in found[path, variant]]
            summaries.setdefault(kind, {})[variant] = summary(runs)
            compared.setdefault(kind, {})[variant] = paired_auc(
                [(labels[path], found[path, variant], found[path, NETWORK]) for path in folds]
            )
            curves.setdefault(kind, {})[variant] = [
                [value / run["total_variance"] for value in run["history"]["intra_cluster_variance"]]
                for run in runs
            ]
    tables = convergence_table(summaries), auc_table(compared)
    print("", *tables, sep="\n\n")
    result = {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "lungnet_version": lungnet.__version__,
        "preset": options.preset,
        "data": options.data,
        "iterations": options.iterations,
        "seeds": options.seeds,
        "folds": list(dict.fromkeys(path.parent.name for path in options.features)),
        "samples": len(load_features(options.features[0], "train").labels),
        "convergence": summaries,
        "auc": compared,
    }
    if options.output:
        write_json(options.output, result)
    if options.figure:
        draw_variances(options.figure, curves)
    if options.markdown:
        figure = options.figure and os.path.relpath(options.figure, options.markdown.parent)
        write_text(options.markdown, page(result, *tables, figure))


if __name__ == "__main__":
    main()

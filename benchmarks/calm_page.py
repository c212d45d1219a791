"""What docs/calm.md says of the runs of `calm_convergence.py`."""

from collections.abc import Mapping
from typing import Any

_WHY = """\
## Why the letter does not settle

Algorithm 2 alternates an epoch of learning with a new clustering: FC1's weights give the importance of each
feature, a random forest that predicts the cluster gives the centres, each sample goes to the centre of least
dissimilarity. Three things keep it moving.

1. **The forest does not say which sample.** It predicts the clusters it was fitted on so well that many
   samples share the least out-of-bag error, often zero. The paper breaks no ties, so the centre is any of
   them, another one at each iteration, and with it go the samples between the clusters (`literal`).
2. **Nothing asks whether the new centre is better.** A sample that the forest knows well may lie far from the
   middle of its cluster.{rises} Intra-cluster variance (Figure 4) has no reason to fall.
3. **Importance keeps moving.** The network goes on to learn (and to overfit) at a constant rate, FC1's
   weights drift, and samples near the border change sides even if the centres stay.

## What makes it rest

- `calm.center_rule = "best_of_forest"`: the forest still proposes: of the half of each cluster that it
  knows better, 20 samples, evenly from the most central to the most remote. Each centre is exchanged for
  whichever of all clusters' candidates lowers objective (3) most, old and new compared under the same
  importance, and stays where none lowers it.
- `calm.learning_rate_decay = 0.8`: Adam's rate falls by a fifth at each iteration, so that importance settles
  as learning ends. It still is FC1's as trained, not smoothed or frozen.
- `calm.keep = "settled"`: of the iterations that trained with the last assignment the one of the least
  validation loss is kept, so that network, centres and importance belong together.

The preset `standard` has all three; the defaults are the paper's. All variants share its other settings:
standardised features, and forests on 1,000 samples a tree. The rule stops after ten iterations without
a sample that changed its cluster. A run counts as not trivial if each cluster holds at least 5 % of the
samples, no centre is where it was drawn, and importance correlates with FC1's as trained by 0.9 or more.
"""

_COLUMNS = """\
*Changed*: share of the samples that changed their cluster, mean of the last ten iterations. *Centres moved*:
dissimilarity between a centre and the nearest that was drawn, in units of a sample's mean dissimilarity to
its centre; the least of both. *Variance*: intra-cluster variance (Euclidean) as a share of the total one.
Ranges are over the seeds."""

_AUC = """\
The plain network has the same layers, rate and features, without the cluster as input. Means over folds and
seeds on the held-out patches; intervals are those of resampled patches."""


def page(result: Mapping[str, Any], convergence: str, auc: str, figure: str | None) -> str:
    """Returns `docs/calm.md`.

    Args:
        result: "date", "lungnet_version", "preset", "data", "iterations", "seeds", "folds", "samples" (of
            training), "convergence" and "auc" (kind of features -> variant -> what was found).
        convergence, auc: the tables.
        figure: address of Figure 4, from the page.
    """
    parts = [
        "# Does CALM's clustering come to rest, and does it help?",
        f"Written by `benchmarks/calm_convergence.py` on {result['date']}, lungnet "
        f"{result['lungnet_version']}, preset `{result['preset']}`; not edited by hand.",
        f"{result['data']} Features of {result['samples']:,} training patches, held out: groups "
        f"{', '.join(result['folds'])}; {result['seeds']} seeds; at most {result['iterations']} iterations.",
        _WHY.format(rises=_rises(result["convergence"])).strip(),
        "## Measured",
        convergence,
        _COLUMNS,
        *([f"![Figure 4 for each variant]({figure})"] if figure else []),
        "## CALM against the plain network",
        auc,
        _AUC + " " + verdict(result["auc"]),
    ]
    return "\n\n".join(parts) + "\n"


def _rises(convergence: Mapping[str, Mapping[str, Any]]) -> str:
    """How often the literal centres made objective (3) larger."""
    shares = (
        [share for variants in convergence.values() for share in variants["literal"]["objective_rises"]]
        if all("literal" in variants for variants in convergence.values())
        else []
    )
    if not shares:
        return ""
    return (
        f" In the literal runs the new centres raised objective (3) in {100 * min(shares):.0f} to "
        f"{100 * max(shares):.0f} % of the iterations."
    )


def verdict(compared: Mapping[str, Mapping[str, Any]]) -> str:
    """Returns a sentence a kind of features on whether the variant that rests beats the plain network."""
    sentences = []
    for kind, variants in compared.items():
        if "converging" not in variants:
            continue
        low, high = variants["converging"]["interval_95"]
        says = (
            "beats the plain network"
            if low > 0
            else "is worse than the plain network"
            if high < 0
            else "cannot be told from the plain network"
        )
        sentences.append(f"On {kind.replace('_', '-')} features CALM that comes to rest {says}.")
    return " ".join(sentences)

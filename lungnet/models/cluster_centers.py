"""How CALM chooses the centre of each cluster (section 5.1)."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from sklearn.ensemble import RandomForestClassifier

from lungnet.config import CalmConfig
from lungnet.errors import InputError
from lungnet.hashing import stable_id
from lungnet.models.dissimilarity import dissimilarity, total_dissimilarity

Array = npt.NDArray[np.floating]
Assignment = npt.NDArray[np.int64]

#: Share of a cluster, those of the least error, whom the forest knows well enough to stand for it.
_WELL_KNOWN = 0.5
#: Sums that differ by less than this share of them are equal but for the order of summation.
_ROUNDING = 1e-9


class Clustering(NamedTuple):
    """What centres are chosen from.

    Attributes:
        features: float32 `(n, d)`.
        assignment: int64 `(n,)`, present cluster of each sample.
        error: float64 `(n,)`, of `out_of_bag_error` for this assignment.
        centers: `(clusters, d)`, present centres.
        importance: `(d,)`, by which old and new centres are compared.
    """

    features: Array
    assignment: Assignment
    error: npt.NDArray[np.float64]
    centers: Array
    importance: Array


#: (clustering, candidates of a cluster, generator) -> the next centres `(clusters, d)`.
CenterRule = Callable[[Clustering, int, np.random.Generator], Array]


def initial_centers(features: Array, clusters: int, seed: int) -> Array:
    """Returns `clusters` different samples, drawn at random (Algorithm 2, step 1).

    Raises:
        InputError: the features hold fewer different samples than clusters.
    """
    rng = np.random.default_rng([seed, stable_id("calm centers")])
    chosen: list[Array] = []
    for row in rng.permutation(len(features)):
        if not any(np.array_equal(features[row], center) for center in chosen):
            chosen.append(features[row])
        if len(chosen) == clusters:
            return np.stack(chosen)
    raise InputError(
        f"The training features hold {len(chosen)} different samples; expected at least {clusters}, "
        "one for each cluster."
    )


def out_of_bag_error(
    features: Array, assignment: Assignment, config: CalmConfig, seed: int
) -> npt.NDArray[np.float64]:
    """Returns `(n,)`: 1 - the out-of-bag probability that a random forest gives a sample's own cluster.

    The forest is fitted on all features with the cluster as target. With one seed throughout training,
    an assignment that has not changed gives the same errors again. scikit-learn's own out-of-bag score
    copies the features once for every tree; here each tree's leaves are looked up in place.

    Args:
        features: float32 `(n, d)`.
        assignment: int64 `(n,)`.
        config: `trees` and `forest_samples`.
        seed: of the bootstrap samples and splits.

    Returns:
        float64; 1.0 for a sample that every tree has seen.
    """
    forest = RandomForestClassifier(
        config.trees,
        max_samples=min(config.forest_samples, len(features)) or None,
        n_jobs=-1,
        random_state=seed % 2**32,
    ).fit(features, assignment)
    own = np.searchsorted(forest.classes_, assignment)
    leaves = forest.apply(features)
    probability, votes = np.zeros(len(features)), np.zeros(len(features))
    for leaf, tree, seen in zip(leaves.T, forest.estimators_, forest.estimators_samples_, strict=True):
        counts = tree.tree_.value[:, 0, :]
        unseen = np.ones(len(features), bool)
        unseen[seen] = False
        probability += unseen * (counts / counts.sum(axis=1, keepdims=True))[leaf, own]
        votes += unseen
    return 1.0 - probability / np.maximum(votes, 1.0)


def _of_least_error(now: Clustering, candidates: int, rng: np.random.Generator) -> Array:
    """The sample of least error; the least total dissimilarity decides among equal errors."""
    centers = now.centers.copy()
    for cluster in np.unique(now.assignment):
        members = np.flatnonzero(now.assignment == cluster)
        tied = _least(now.error, members)
        centers[cluster] = now.features[_by_total_dissimilarity(now, tied, members)[0]]
    return centers


def _any_of_least_error(now: Clustering, candidates: int, rng: np.random.Generator) -> Array:
    """Any sample of least error: all that section 5.1 says."""
    centers = now.centers.copy()
    for cluster in np.unique(now.assignment):
        members = np.flatnonzero(now.assignment == cluster)
        centers[cluster] = now.features[rng.choice(_least(now.error, members))]
    return centers


def _best_of_least_errors(now: Clustering, candidates: int, rng: np.random.Generator) -> Array:
    """Centres are exchanged for the forest's candidates as long as that lowers objective (3).

    A candidate may become the centre of any cluster, and is judged by the objective after all samples
    went to their nearest centre, so that a poor division can be left where no member would do.
    """
    tried = np.concatenate(
        [_representatives(now, cluster, candidates) for cluster in np.unique(now.assignment)]
    )
    to_tried = dissimilarity(now.features, now.features[tried], now.importance)
    to_centers = dissimilarity(now.features, now.centers, now.importance)
    centers = now.centers.copy()
    objective = to_centers.min(axis=1).sum(dtype=np.float64)
    for cluster in range(len(centers)):
        to_others = np.delete(to_centers, cluster, axis=1).min(axis=1, keepdims=True)
        objectives = np.minimum(to_tried, to_others).sum(axis=0, dtype=np.float64)
        best = np.argmin(objectives)
        if objectives[best] < objective - _ROUNDING * abs(objective):
            objective = objectives[best]
            centers[cluster] = now.features[tried[best]]
            to_centers[:, cluster] = to_tried[:, best]
    return centers


def _least(error: npt.NDArray[np.float64], members: Assignment) -> Assignment:
    """The members whose error is the least."""
    own = error[members]
    return members[own <= own.min() + 1e-12]


def _by_total_dissimilarity(now: Clustering, rows: Assignment, members: Assignment) -> Assignment:
    """The rows in order, the most central sample of the members first."""
    total = total_dissimilarity(now.features[rows], now.features[members], now.importance)
    return rows[np.argsort(total, kind="stable")]


def _representatives(now: Clustering, cluster: int, candidates: int) -> Assignment:
    """Rows of a cluster's well known members, evenly from the most central to the most remote."""
    members = np.flatnonzero(now.assignment == cluster)
    error = now.error[members]
    last = int(np.ceil(_WELL_KNOWN * len(members))) - 1
    known = members[error <= np.partition(error, last)[last] + 1e-12]
    order = _by_total_dissimilarity(now, known, members)
    return order[np.linspace(0, len(order) - 1, min(candidates, len(order))).astype(np.int64)]


CENTER_RULES: dict[str, CenterRule] = {
    "forest": _of_least_error,
    "any_of_forest": _any_of_least_error,
    "best_of_forest": _best_of_least_errors,
}


def choose_centers(now: Clustering, config: CalmConfig, seed: int) -> Array:
    """Returns the next centres `(clusters, d)`, each a sample or the present centre.

    Under the rules of the least error a centre is a member of its cluster, and a cluster without members
    keeps its centre. Under "best_of_forest" objective (3) is no higher with the new centres than with the
    present ones.

    Args:
        now: features, how they are clustered, and how well the forest knows each of them.
        config: `center_rule` and `center_candidates`.
        seed: of the choice under "any_of_forest".
    """
    rng = np.random.default_rng(seed)
    return CENTER_RULES[config.center_rule](now, config.center_candidates, rng)

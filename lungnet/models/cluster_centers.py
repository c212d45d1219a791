"""How CALM chooses the centre of each cluster (section 5.1)."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from sklearn.ensemble import RandomForestClassifier

from lungnet.config import CalmConfig
from lungnet.errors import InputError
from lungnet.models.dissimilarity import total_dissimilarity

Array = npt.NDArray[np.floating]

#: (members, their errors, present centre, importance, candidates) -> row of the new centre among the
#: members, or None to keep the present one.
CenterRule = Callable[[Array, Array, Array, Array, int], int | None]


def initial_centers(features: Array, clusters: int, rng: np.random.Generator) -> Array:
    """Returns `clusters` different samples, drawn at random (Algorithm 2, step 1).

    Raises:
        InputError: the features hold fewer different samples than clusters.
    """
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
    features: Array, assignment: npt.NDArray[np.int64], config: CalmConfig, seed: int
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


def _of_least_error(
    members: Array, error: Array, center: Array, importance: Array, candidates: int
) -> int | None:
    """The paper's rule; the least total dissimilarity decides among equal errors."""
    tied = np.flatnonzero(error <= error.min() + 1e-12)
    return int(tied[np.argmin(total_dissimilarity(members[tied], members, importance))])


def _best_of_least_errors(
    members: Array, error: Array, center: Array, importance: Array, candidates: int
) -> int | None:
    """The most central of the forest's best samples, if it is more central than the present centre."""
    count = min(candidates, len(members))
    pool = np.flatnonzero(error <= np.partition(error, count - 1)[count - 1] + 1e-12)
    total = total_dissimilarity(members[pool], members, importance)
    best = np.lexsort((total, error[pool]))[:count]
    chosen = best[np.argmin(total[best])]
    present = total_dissimilarity(center[None], members, importance)[0]
    return int(pool[chosen]) if total[chosen] < present else None


CENTER_RULES: dict[str, CenterRule] = {"forest": _of_least_error, "best_of_forest": _best_of_least_errors}


def choose_centers(
    features: Array,
    assignment: npt.NDArray[np.int64],
    centers: Array,
    importance: Array,
    config: CalmConfig,
    seed: int,
) -> Array:
    """Returns the next centres `(clusters, d)`, each a sample of its cluster or the present centre.

    A cluster without members keeps its centre. With a single cluster left there is nothing for a forest
    to tell apart, and all centres stay.

    Args:
        features: float32 `(n, d)`.
        assignment: int64 `(n,)`, present cluster of each sample.
        centers: `(clusters, d)`, present centres.
        importance: `(d,)`.
        config: `center_rule`, `center_candidates`, `trees` and `forest_samples`.
        seed: of the forest.
    """
    present = np.unique(assignment)
    result = centers.copy()
    if len(present) < 2:
        return result
    error = out_of_bag_error(features, assignment, config, seed)
    rule = CENTER_RULES[config.center_rule]
    for cluster in present:
        members = np.flatnonzero(assignment == cluster)
        row = rule(features[members], error[members], centers[cluster], importance, config.center_candidates)
        if row is not None:
            result[cluster] = features[members[row]]
    return result

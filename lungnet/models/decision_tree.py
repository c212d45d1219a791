"""A binary decision tree as a Keras layer, so that it travels in SavedModel and ONNX files."""

from typing import Any, Self

import keras
import numpy as np
import numpy.typing as npt
from keras import ops
from sklearn.tree import DecisionTreeClassifier

from lungnet.models.batches import check_labels, layer_seed

#: Leaf fractions are clipped to [LEAST, 1 - LEAST] before they become log-odds.
LEAST = 1e-4


@keras.saving.register_keras_serializable("lungnet")
class DecisionTreeHead(keras.layers.Layer):
    """Walks each sample down a tree and gives the log-odds of the leaf it reaches.

    The tree is held in non-trainable weights: of each node the feature and threshold it compares
    (go left where the feature is at most the threshold), its children, and the share of positive
    training samples. A leaf is its own child, so that every sample takes `depth` steps.

    Args:
        nodes: number of nodes.
        depth: steps from the root to the deepest leaf.

    Input shape:
        float32 `(batch, features)`.

    Output shape:
        float32 `(batch,)`: the log-odds of the positive class, within +-9.22.
    """

    def __init__(self, nodes: int, depth: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.nodes = nodes
        self.depth = depth

    @classmethod
    def from_tree(cls, classifier: DecisionTreeClassifier, **kwargs: Any) -> Self:
        """Takes over a fitted scikit-learn tree with the classes 0 and 1.

        Thresholds are rounded down to float32: for float32 features `x <= threshold` then gives exactly
        what scikit-learn, which compares with a float64 threshold, gives.

        Raises:
            ValueError: the tree's classes are not 0 and 1.
        """
        if list(classifier.classes_) != [0, 1]:
            raise ValueError(f"classes must be 0 and 1. Received: {list(classifier.classes_)}")
        tree = classifier.tree_
        leaf = tree.children_left < 0
        itself = np.arange(tree.node_count)
        threshold = tree.threshold.astype(np.float32)
        above = threshold.astype(np.float64) > tree.threshold
        threshold[above] = np.nextafter(threshold[above], np.float32(-np.inf))
        share = tree.value[:, 0, 1] / tree.value[:, 0, :].sum(axis=1)
        head = cls(tree.node_count, tree.max_depth, **kwargs)
        head.build((None, classifier.n_features_in_))
        head.set_weights(
            [
                np.where(leaf, 0, tree.feature),
                threshold,
                np.where(leaf, itself, tree.children_left),
                np.where(leaf, itself, tree.children_right),
                share,
            ]
        )
        return head

    def build(self, features_shape: tuple[int | None, ...]) -> None:
        """Creates the arrays of the tree."""

        def array(name: str, dtype: str) -> Any:
            return self.add_weight(
                shape=(self.nodes,), initializer="zeros", dtype=dtype, trainable=False, name=name
            )

        self.feature = array("feature", "int32")
        self.threshold = array("threshold", "float32")
        self.left = array("left", "int32")
        self.right = array("right", "int32")
        self.share = array("share", "float32")

    def probability(self, features: Any) -> Any:
        """Returns the share of positives in each sample's leaf, float32 `(batch,)`."""
        node = ops.zeros_like(features[:, 0], dtype="int32")
        for _ in range(self.depth):
            compared = ops.expand_dims(ops.take(self.feature, node), -1)
            value = ops.take_along_axis(features, compared, axis=1)[:, 0]
            goes_left = value <= ops.take(self.threshold, node)
            node = ops.where(goes_left, ops.take(self.left, node), ops.take(self.right, node))
        return ops.take(self.share, node)

    def call(self, features: Any) -> Any:
        """Returns the log-odds."""
        share = ops.minimum(ops.maximum(self.probability(features), LEAST), 1.0 - LEAST)
        return ops.log(share) - ops.log(1.0 - share)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Returns `(batch,)`."""
        return input_shape[:1]

    def get_config(self) -> dict[str, Any]:
        """Returns what `from_config` needs; the tree itself is in the weights."""
        return {**super().get_config(), "nodes": self.nodes, "depth": self.depth}


def fit_decision_tree(
    features: npt.NDArray[np.float32], labels: npt.ArrayLike, depth: int, seed: int
) -> DecisionTreeHead:
    """Fits a binary decision tree and returns it as a layer.

    Args:
        features: float32 `(n, features)`.
        labels: 0 or 1 for each.
        depth: of the tree at most.
        seed: of the order in which equally good splits are looked at.

    Returns:
        A layer from features to log-odds.

    Raises:
        InputError: labels of one class, or not one per sample.
    """
    targets = check_labels(labels, len(features), "The decision tree")
    classifier = DecisionTreeClassifier(max_depth=depth, random_state=layer_seed(seed, "tree"))
    classifier.fit(features, targets.astype(np.int64))
    return DecisionTreeHead.from_tree(classifier, name="decision_tree")

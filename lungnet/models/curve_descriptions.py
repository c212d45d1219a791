"""What TensorBoard says of each curve beside its name."""

import re

#: Last part of a curve's name, as a pattern -> description in Markdown.
_DESCRIPTIONS = {
    "critic_loss": "What the critic minimises: E[D(fake)] - E[D(real)] + lambda x penalty (section 4).",
    "generator_loss": "What the generator minimises: -E[D(fake)].",
    "wasserstein_distance": "E[D(real)] - E[D(fake)]: how far the critic still tells the two apart.",
    "gradient_norm": "Mean norm of the critic's gradient between real and synthetic patches; the penalty "
    "holds it near 1.",
    "gradient_penalty": "E[(norm - 1)^2], before it is multiplied by lambda.",
    "reconstruction_error": "Mean squared error per value, of training patches.",
    "validation_reconstruction_error": "Mean squared error per value, of inner-validation patches, which no "
    "update sees.",
    "loss": "Mean cross-entropy of training patches, without the L2 term.",
    "accuracy": "Share of training patches called right at a probability of 0.5.",
    "validation_loss": "Mean cross-entropy of inner-validation patches, which no update sees.",
    "validation_accuracy": "Share of inner-validation patches called right at a probability of 0.5.",
    "validation_auc": "Area under the ROC curve of inner-validation patches.",
    "changed": "Share of training patches that changed cluster after the iteration (Algorithm 2).",
    "objective_change": "Relative change of objective (3) by the new centres, under one importance.",
    "intra_cluster_variance": "Mean squared Euclidean distance of the features to their cluster's mean "
    "(Figure 4).",
    r"cluster_\d+_size": "Training patches in the cluster while the iteration trained.",
}


def describe(name: str) -> str | None:
    """Returns the description of a curve, or None where there is none.

    Args:
        name: with or without a prefix, such as "calm/changed".

    Example:
        >>> describe("calm/cluster_1_size")
        'Training patches in the cluster while the iteration trained.'
    """
    last = name.rpartition("/")[2]
    return next((text for pattern, text in _DESCRIPTIONS.items() if re.fullmatch(pattern, last)), None)

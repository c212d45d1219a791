"""What every classifier on features asks of its training data."""

from typing import Any

import numpy as np
import numpy.typing as npt

from lungnet.errors import InputError

Features = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int64]


def check_features(
    features: npt.ArrayLike, labels: npt.ArrayLike, name: str = "training", at_least: int = 1
) -> tuple[Features, Labels]:
    """Returns features as float32 `(n, d)` and labels as int64 `(n,)`.

    Args:
        features: `(n, d)`.
        labels: `(n,)` of 0 and 1.
        name: of the split, for the message.
        at_least: least number of samples.

    Raises:
        InputError: shapes that do not fit, fewer than `at_least` samples, values that are not finite,
            labels other than 0 and 1, or labels of one class only.
    """
    x: npt.NDArray[Any] = np.asarray(features)
    y: npt.NDArray[Any] = np.asarray(labels)
    if x.ndim != 2 or y.shape != x.shape[:1] or x.shape[1] == 0:
        raise InputError(
            f"The {name} features must be of shape (n, d) with n labels. Received: {x.shape} and {y.shape}."
        )
    if len(x) < at_least:
        raise InputError(f"The {name} features hold fewer samples ({len(x)}) than one batch ({at_least}).")
    x = np.ascontiguousarray(x, np.float32)
    if not np.isfinite(x).all():
        rows = np.unique(np.nonzero(~np.isfinite(x))[0])
        raise InputError(
            f"The {name} features must be finite numbers. "
            f"Received: NaN or infinity in {len(rows)} of {len(x)} samples, the first at row {rows[0]}."
        )
    found = np.unique(y).tolist()
    if not set(found) <= {0, 1}:
        raise InputError(f"The {name} labels must be 0 or 1. Received: {found[:10]}.")
    if len(found) < 2:
        raise InputError(f"The {name} labels must have both classes. Received: {found} only.")
    return x, y.astype(np.int64)


def check_feature_splits(
    features: npt.ArrayLike,
    labels: npt.ArrayLike,
    validation_features: npt.ArrayLike | None,
    validation_labels: npt.ArrayLike | None,
    batch_size: int,
) -> tuple[tuple[Features, Labels], tuple[Features, Labels] | None]:
    """Returns training and, if there are any, validation samples, each as `check_features` does.

    Raises:
        InputError: as `check_features`, or the two splits differ in the number of features.
        ValueError: validation features without labels, or the reverse.
    """
    if (validation_features is None) != (validation_labels is None):
        raise ValueError("validation_features and validation_labels must be given together.")
    training = check_features(features, labels, at_least=batch_size)
    if validation_features is None or validation_labels is None:
        return training, None
    validation = check_features(validation_features, validation_labels, "validation")
    if validation[0].shape[1] != training[0].shape[1]:
        raise InputError(
            f"The validation features must have {training[0].shape[1]} columns, as in training. "
            f"Received: {validation[0].shape[1]}."
        )
    return training, validation

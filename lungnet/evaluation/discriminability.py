"""How well synthetic patches can be told from real ones."""

import numpy as np
import numpy.typing as npt

from lungnet.errors import InputError
from lungnet.hashing import stable_id


def real_vs_synthetic_auc(
    real_features: npt.ArrayLike, synthetic_features: npt.ArrayLike, seed: int = 0, folds: int = 5
) -> float:
    """AUC of a logistic regression that tells synthetic from real, on patches it was not fitted to.

    In training, "synthetic" means "positive" (section 6 generates positives only): what gives a patch
    away as synthetic also gives its label away. 0.5 means that this classifier cannot tell them
    apart, 1.0 that it always can.

    Args:
        real_features: `(n, features)`, finite; real patches of the class that was generated.
        synthetic_features: `(m, features)`, finite.
        seed: of the folds.
        folds: of the cross-validation, at least 2, whose mean AUC is returned; fewer patches of a kind
            make it as many folds as there are of these.

    Raises:
        InputError: another shape, different numbers of features, fewer than two patches of a
            kind, or a feature that is not finite.
        ValueError: `folds` is below 2.
    """
    if folds < 2:
        raise ValueError(f"folds must be at least 2. Received: {folds}")
    real = _check(real_features, "real_features")
    synthetic = _check(synthetic_features, "synthetic_features")
    if real.shape[1] != synthetic.shape[1]:
        raise InputError(
            "real_features and synthetic_features must have the same number of columns. "
            f"Received: {real.shape[1]} and {synthetic.shape[1]}"
        )
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold, cross_val_score
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    features = np.concatenate([real, synthetic])
    folds = min(folds, len(real), len(synthetic))
    kinds = np.repeat([0, 1], [len(real), len(synthetic)])
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=5000, class_weight="balanced"))
    split = StratifiedKFold(folds, shuffle=True, random_state=stable_id(seed, "real or synthetic") % 2**32)
    return float(np.mean(cross_val_score(model, features, kinds, cv=split, scoring="roc_auc")))


def _check(features: npt.ArrayLike, name: str) -> npt.NDArray[np.float64]:
    values = np.asarray(features, dtype=np.float64)
    if values.ndim != 2 or len(values) < 2:
        raise InputError(
            f"{name} must be two-dimensional, with at least two patches. "
            f"Received: an array of shape {values.shape}"
        )
    if not np.isfinite(values).all():
        raise InputError(f"{name} must be finite. Received: NaN or infinity among them")
    return values

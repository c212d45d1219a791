import numpy as np
import pytest

from lungnet.errors import InputError
from lungnet.models.feature_checks import check_feature_splits, check_features

X = np.arange(8.0).reshape(4, 2)
Y = [0, 1, 0, 1]


def test_types_that_come_back():
    x, y = check_features(X, np.array(Y, np.float32))
    assert (x.dtype, y.dtype, y.tolist()) == (np.float32, np.int64, Y)


@pytest.mark.parametrize(
    ("x", "y", "match"),
    [
        (X, [1, 1, 1, 1], r"must have both classes. Received: \[1\] only"),
        (X, [0, 1, 2, 1], r"must be 0 or 1. Received: \[0, 1, 2\]"),
        (X, [0, 1], r"shape \(n, d\) with n labels. Received: \(4, 2\) and \(2,\)"),
        (X[:, 0], Y, r"shape \(n, d\)"),
        (np.where(X == 5, np.nan, X), Y, r"NaN or infinity in 1 of 4 samples, the first at row 2"),
        (np.where(X == 1, np.inf, X), Y, "the first at row 0"),
    ],
)
def test_refusals(x, y, match):
    with pytest.raises(InputError, match=match):
        check_features(x, y)


def test_fewer_samples_than_a_batch():
    with pytest.raises(InputError, match=r"fewer samples \(4\) than one batch \(5\)"):
        check_feature_splits(X, Y, None, None, 5)


def test_validation_must_fit_training():
    training, validation = check_feature_splits(X, Y, X[:2], Y[:2], 4)
    assert validation is not None
    assert (training[0].shape, validation[0].shape) == ((4, 2), (2, 2))
    with pytest.raises(
        InputError, match=r"validation features must have 2 columns, as in training. Received: 1"
    ):
        check_feature_splits(X, Y, X[:, :1], Y, 4)
    with pytest.raises(InputError, match="validation labels must have both classes"):
        check_feature_splits(X, Y, X[:1], Y[:1], 4)
    with pytest.raises(ValueError, match="together"):
        check_feature_splits(X, Y, X, None, 4)

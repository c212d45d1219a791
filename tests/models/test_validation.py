import keras
import numpy as np
import pytest

from lungnet.models.validation import Validation

WINDOW = (0.0, 100.0)


def _mean_pixel():
    patches = keras.Input((2, 2, 1))
    return keras.Model(patches, keras.ops.mean(patches, axis=(1, 2, 3)))


def _validation(values, labels):
    return Validation.of(
        np.full((len(values), 2, 2), np.reshape(values, (-1, 1, 1)), np.int16), labels, WINDOW
    )


def test_by_hand():
    judged = _validation([0, 50, 50, 100], [0, 0, 1, 1]).judge(_mean_pixel())
    assert judged["validation_auc"] == pytest.approx(3.5 / 4)
    losses = [np.log(2), np.log(1 + np.exp(0.5)), np.log(1 + np.exp(-0.5)), np.log(1 + np.exp(-1))]
    assert judged["validation_loss"] == pytest.approx(np.mean(losses), rel=1e-5)


def test_one_class_has_a_loss_but_no_auc():
    judged = _validation([0, 100], [1, 1]).judge(_mean_pixel())
    assert judged["validation_auc"] == 0.5
    assert judged["validation_loss"] == pytest.approx((np.log(2) + np.log(1 + np.exp(-1))) / 2, rel=1e-5)


def test_no_patches_no_validation():
    assert Validation.of(None, None, WINDOW) is None
    assert _validation([], []) is None


@pytest.mark.parametrize("labels", [None, [1]])
def test_one_label_per_patch(labels):
    with pytest.raises(ValueError, match="one label per patch"):
        Validation.of(np.zeros((2, 2, 2), np.int16), labels, WINDOW)

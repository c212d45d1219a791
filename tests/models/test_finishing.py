import keras
import numpy as np
import pytest

from lungnet.errors import InputError
from lungnet.models.calibration import CalibrationMethod
from lungnet.models.finishing import finish_classifier


@pytest.fixture(scope="module")
def brightness() -> keras.Model:
    """A head whose logit is the sum of the patch."""
    patches = keras.Input((40, 40, 1))
    logit = keras.layers.Reshape(())(
        keras.layers.Dense(1, kernel_initializer="ones")(keras.layers.Flatten()(patches))
    )
    return keras.Model(patches, logit)


def patches(levels: list[float]) -> np.ndarray:
    return np.stack([np.full((40, 40, 1), level / 1600, np.float32) for level in levels])


def test_the_threshold_lies_between_the_classes(brightness: keras.Model):
    classifier, threshold, logits = finish_classifier(
        None, brightness, (0.0, 1600.0), patches([-2, -1, 1, 2]), [0, 0, 1, 1], "none"
    )
    np.testing.assert_allclose(logits, [-2, -1, 1, 2], rtol=1e-5)
    # Without calibration the probability is sigmoid(sum): halfway between those of -1 and 1 is 0.5.
    assert threshold == pytest.approx(0.5, abs=1e-6)
    hu = np.stack([np.full((40, 40), 0, np.int16), np.full((40, 40), 3, np.int16)])
    probability = np.asarray(classifier(hu)["probability"])
    assert probability == pytest.approx([0.5, 1 / (1 + np.exp(-3))], abs=1e-5)


@pytest.mark.parametrize("method", ["platt", "temperature", "isotonic"])
def test_calibration_keeps_the_order(brightness: keras.Model, method: CalibrationMethod):
    given = (None, brightness, (0.0, 16_000.0), patches([-2, 1, -1, 2, 3]), [0, 0, 1, 1, 1])
    plain, calibrated = (finish_classifier(*given, how).classifier for how in ("none", method))
    # A patch of level hu has the logit 1,600 * hu / 16,000.
    hu = np.random.default_rng(0).permutation(30).astype(np.int16)[:, None, None].repeat(40, 1).repeat(40, 2)
    before, after = (np.asarray(c(hu)["probability"]) for c in (plain, calibrated))
    np.testing.assert_array_equal(np.argsort(before, kind="stable"), np.argsort(after, kind="stable"))
    assert np.abs(before - after).max() > 0.01
    assert calibrated.calibration.method == method


def test_one_class_is_refused(brightness: keras.Model):
    with pytest.raises(InputError, match="both classes"):
        finish_classifier(None, brightness, (0.0, 1.0), patches([1, 2]), [1, 1])

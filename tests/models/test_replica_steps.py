import keras
import numpy as np
import pytest
import tensorflow as tf

from lungnet.models.replica_steps import CLASSIFIER_MEASURES, sample_losses, supervised_step


@pytest.fixture
def line():
    """y = 2 x, with a penalty of w^2 / 2 and a learning rate of 0.1."""
    inputs = keras.Input((1,))
    dense = keras.layers.Dense(1, use_bias=False, kernel_regularizer=keras.regularizers.L2(0.5))
    model = keras.Model(inputs, dense(inputs))
    dense.set_weights([np.array([[2.0]])])
    model.compile(optimizer=keras.optimizers.SGD(0.1), loss="mean_squared_error", jit_compile=False)
    model.optimizer.build(model.trainable_variables)
    return model


def test_an_update_by_hand(line):
    x, y = tf.constant([[1.0], [3.0]]), tf.constant([[0.0], [5.0]])
    # Errors 2 and 1: the mean square is 2.5, the penalty 2. Gradient: mean of 2 e x = (4 + 6) / 2, and w.
    seen = supervised_step(line, x, y, learn=False)
    assert float(seen["loss"]) == 4.5
    assert line.get_weights()[0].item() == 2.0
    learned = supervised_step(line, x, y, {"error": lambda targets, found: found - targets})
    assert float(learned["loss"]) == 4.5
    assert float(learned["error"]) == 1.5
    assert line.get_weights()[0].item() == pytest.approx(2.0 - 0.1 * (5.0 + 2.0))


def test_an_update_is_that_of_keras(line):
    x, y = np.random.default_rng(0).normal(size=(2, 7, 1)).astype(np.float32)
    other = keras.models.clone_model(line)
    other.compile(optimizer=keras.optimizers.SGD(0.1), loss="mean_squared_error", jit_compile=False)
    other.set_weights(line.get_weights())
    theirs = other.train_on_batch(x, y, return_dict=True)["loss"]
    assert float(supervised_step(line, x, y)["loss"]) == pytest.approx(theirs, rel=1e-6)
    np.testing.assert_allclose(line.get_weights()[0], other.get_weights()[0], rtol=1e-6)


def test_each_sample_has_its_loss_whatever_the_shape():
    model = keras.Sequential([keras.Input((2,))])
    model.compile(loss=keras.losses.BinaryCrossentropy(from_logits=True))
    losses = sample_losses(model, np.array([1.0, 0.0], np.float32), np.array([0.0, 2.0], np.float32))
    np.testing.assert_allclose(losses, [np.log(2.0), np.log1p(np.exp(2.0))], rtol=1e-6)
    model.compile(loss="mean_squared_error")
    maps = np.zeros((3, 4, 4, 1), np.float32)
    assert sample_losses(model, maps, maps + 2.0).shape[0] == 3
    np.testing.assert_allclose(sample_losses(model, maps, maps + 2.0), 4.0)


def test_measures_of_a_classifier_by_hand():
    labels, found = np.array([0, 1]), np.array([[0.25, 0.75], [0.5, 0.5]], np.float32)
    assert CLASSIFIER_MEASURES["accuracy"](labels, found).numpy().tolist() == [0.0, 0.0]
    np.testing.assert_allclose(
        CLASSIFIER_MEASURES["cross_entropy"](labels, found), np.log([4.0, 2.0]), rtol=1e-6
    )

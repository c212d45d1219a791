import keras
import numpy as np
import pytest

from lungnet.models import RandomDihedral
from lungnet.models.checkpoints import Checkpoints
from lungnet.models.training_state import BestWeights, SaveCheckpoint, Variables


def trainer(units: int = 3) -> keras.Model:
    """A network with everything that moves: Adam, a rate that falls, and random symmetries."""
    model = keras.Sequential(
        [
            keras.Input((4, 4, 1)),
            RandomDihedral(seed=1),
            keras.layers.Flatten(),
            keras.layers.Dense(units, kernel_initializer=keras.initializers.GlorotUniform(seed=2)),
            keras.layers.Dense(1, kernel_initializer=keras.initializers.GlorotUniform(seed=3)),
        ]
    )
    model.compile(
        keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(0.1, 10)), "mse", jit_compile=False
    )
    model.optimizer.build(model.trainable_variables)
    return model


def learn(model: keras.Model, steps: range) -> None:
    for step in steps:
        x = np.random.default_rng(step).random((5, 4, 4, 1), np.float32)
        model.train_on_batch(x, x[:, 0, 0])


def test_a_restored_network_learns_on_as_the_other_does():
    """With the moments of Adam, the place on the cosine and the symmetries that are drawn next."""
    one, two = trainer(), trainer()
    learn(one, range(5))
    Variables(two, two.optimizer).restore(Variables(one, one.optimizer).state())
    assert int(two.optimizer.iterations) == 5
    for model in (one, two):
        learn(model, range(5, 8))
    for left, right in zip(one.variables, two.variables, strict=True):
        np.testing.assert_array_equal(left, right)
    without = trainer()
    without.set_weights(one.get_weights())
    learn(without, range(5, 8))
    assert not np.array_equal(without.get_weights()[0], one.get_weights()[0])


def test_another_networks_variables_are_refused_and_none_is_assigned():
    one, two = trainer(3), trainer(4)
    learn(one, range(1))
    before = [keras.ops.convert_to_numpy(variable) for variable in two.variables]
    with pytest.raises(ValueError, match="variables of other shapes"):
        Variables(two).restore(Variables(one).state())
    with pytest.raises(ValueError, match="other variables"):
        Variables(two).restore(Variables(two, two.optimizer).state())
    for left, right in zip(before, two.variables, strict=True):
        np.testing.assert_array_equal(left, right)


def test_the_best_weights_are_put_back_also_after_a_restart():
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False)])

    def offered(best: BestWeights, value: float, *quality: float) -> BestWeights:
        model.set_weights([np.array([[value]], np.float32)])
        best.offer(*quality)
        return best

    best = offered(BestWeights(model), 1.0, 0.5, -0.2)
    offered(best, 2.0, 0.5, -0.1)  # as good, with less loss
    offered(best, 3.0, 0.5, -0.1)  # no better
    again = BestWeights(model)
    again.restore(best.state())
    offered(again, 4.0, 0.4, 0.0)
    again.put_back()
    assert model.get_weights()[0] == 2.0
    offered(again, 5.0, 0.6, -1.0).put_back()
    assert model.get_weights()[0] == 5.0


def test_without_an_offer_the_weights_stay():
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    before = model.get_weights()
    best = BestWeights(model)
    best.restore(BestWeights(model).state())
    best.offer(float("nan"))
    best.put_back()
    np.testing.assert_array_equal(before[0], model.get_weights()[0])


@pytest.mark.parametrize("interval, saved", [(1, [2, 3]), (2, [2, 3]), (5, [3])])
def test_fit_saves_every_so_many_epochs_and_the_last(tmp_path, interval, saved):
    model = trainer()
    checkpoints = Checkpoints(tmp_path, "0" * 16, {"variables": Variables(model, model.optimizer)})
    x, save = np.zeros((4, 4, 4, 1), np.float32), SaveCheckpoint(checkpoints, interval)
    model.fit(x, x[:, 0, 0], epochs=3, shuffle=False, verbose=0, callbacks=[save])
    assert sorted(int(path.name.split("-")[1]) for path in tmp_path.iterdir()) == saved
    other = trainer()
    parts = {"variables": Variables(other, other.optimizer)}
    assert Checkpoints(tmp_path, "0" * 16, parts).resume() == 3
    np.testing.assert_array_equal(other.get_weights()[0], model.get_weights()[0])

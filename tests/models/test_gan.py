import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from lungnet.config import GanConfig
from lungnet.models import WGANGP, gradient_norms, gradient_penalty
from lungnet.models.gan import interpolate

TINY = GanConfig(latent_dim=6, width=2, batch_size=4, critic_steps=2)


def _eager(seed=0, **settings):
    """A model whose steps run without tracing, which takes most of the time here."""
    gan = WGANGP.from_settings(TINY.model_copy(update=settings), seed)
    gan.run_eagerly = True
    return gan


def _real(seed=0, critic_steps=2):
    return np.random.default_rng(seed).random((critic_steps, 4, 40, 40, 1), np.float32)


def test_penalty_by_hand():
    def critic(x):
        return 2 * ops.sum(x, axis=(1, 2, 3))

    real, fake = np.zeros((3, 2, 2, 1), np.float32), np.ones((3, 2, 2, 1), np.float32)
    # Four pixels with a gradient of 2 each: a norm of 4, (4 - 1)^2 = 9.
    assert float(gradient_penalty(critic, real, fake)) == 9.0


def test_norm_depends_on_the_sample():
    def critic(x):
        return ops.sum(x**2, axis=(1, 2, 3)) / 2  # gradient x

    points = ops.convert_to_tensor(np.array([3.0, 4.0, 0.0, 1.0], np.float32).reshape(2, 2, 1, 1))
    np.testing.assert_allclose(gradient_norms(critic, points), [5, 1], rtol=1e-6)


@pytest.mark.parametrize("alpha, value", [(0.0, 4.0), (0.25, 2.25), (1.0, 0.0)])
def test_alpha_goes_from_real_to_fake(alpha, value):
    def critic(x):
        return ops.sum(x**2, axis=(1, 2, 3)) / 2  # gradient norm |x| for one pixel

    real, fake = np.full((5, 1, 1, 1), 3.0, np.float32), np.full((5, 1, 1, 1), 1.0, np.float32)
    # |x| = 3 - 2 alpha, penalty (2 - 2 alpha)^2
    assert float(gradient_penalty(critic, real, fake, alpha=np.full(5, alpha))) == pytest.approx(value)


def test_drawn_places_are_uniform_and_one_per_sample():
    real, fake = ops.zeros((4000, 2, 2, 1)), ops.ones((4000, 2, 2, 1))
    places = np.asarray(interpolate(real, fake, seed=3))
    assert (places == places[:, :1, :1, :]).all()
    drawn = places[:, 0, 0, 0]
    assert drawn.min() >= 0
    assert drawn.max() < 1
    np.testing.assert_allclose(np.quantile(drawn, [0.25, 0.5, 0.75]), [0.25, 0.5, 0.75], atol=0.03)


def test_a_flat_critic_has_a_finite_slope():
    scale = tf.Variable(0.0)
    batch = ops.ones((2, 3, 3, 1))
    with tf.GradientTape() as tape:
        penalty = gradient_penalty(lambda x: scale * ops.sum(x, axis=(1, 2, 3)), batch, batch)
    assert float(penalty) == pytest.approx(1.0, abs=1e-5)
    assert np.isfinite(float(tape.gradient(penalty, scale)))


def test_shapes_must_agree():
    with pytest.raises(ValueError, match=r"one shape. Received: real.shape=\(2, 3, 3, 1\)"):
        gradient_penalty(lambda x: x, np.zeros((2, 3, 3, 1)), np.zeros((2, 4, 4, 1)))


def test_a_step_updates_the_critic_as_often_as_asked_and_the_generator_once():
    gan = WGANGP.from_settings(TINY, seed=0)
    before = [w.copy() for w in gan.generator.get_weights() + gan.critic.get_weights()]
    values = gan.train_on_batch(_real(), return_dict=True)
    assert set(values) == {
        "critic_loss",
        "generator_loss",
        "wasserstein_distance",
        "gradient_norm",
        "gradient_penalty",
    }
    assert int(gan.critic_optimizer.iterations) == 2
    assert int(gan.generator_optimizer.iterations) == 1
    after = gan.generator.get_weights() + gan.critic.get_weights()
    # The bias of the score cancels in the difference of scores.
    changed = [not np.array_equal(one, two) for one, two in zip(before, after, strict=True)]
    assert changed == [True] * (len(changed) - 1) + [False]
    expected = 10 * values["gradient_penalty"] - values["wasserstein_distance"]
    assert values["critic_loss"] == pytest.approx(expected, rel=1e-5)


def test_each_critic_update_sees_its_own_batch():
    real = _real()
    other = real.copy()
    other[1] = 1 - other[1]  # only the second update's batch
    one, two = _eager(), _eager()
    one.train_on_batch(real)
    two.train_on_batch(other)
    assert not np.array_equal(one.critic.get_weights()[0], two.critic.get_weights()[0])


def test_training_raises_the_critics_distance():
    gan = WGANGP.from_settings(TINY.model_copy(update={"learning_rate": 2e-3, "width": 4}), seed=0)
    rows = np.linspace(0, 1, 40, dtype=np.float32)[:, None, None]
    real = np.broadcast_to(rows, (2, 4, 40, 40, 1)).copy()
    distances = []
    for _ in range(20):
        distances.append(gan.train_on_batch(real, return_dict=True)["wasserstein_distance"])
    assert max(distances) > distances[0] + 1.0


def test_same_seed_same_weights():
    one, two, other = (_eager(seed) for seed in (0, 0, 1))
    for gan in (one, two, other):
        gan.train_on_batch(_real())
    for left, right in zip(one.get_weights(), two.get_weights(), strict=True):
        np.testing.assert_array_equal(left, right)
    assert not np.array_equal(one.get_weights()[0], other.get_weights()[0])


def test_the_average_follows_the_generator():
    gan = _eager(ema_decay=0.9)
    start = gan.generator.get_weights()[0].copy()
    gan.train_on_batch(_real())
    now = gan.generator.get_weights()[0]
    # First update: decay (1 + 1) / (10 + 1).
    expected = 2 / 11 * start + 9 / 11 * now
    np.testing.assert_allclose(gan.sampler.get_weights()[0], expected, rtol=1e-5)


def test_without_average_the_generator_is_drawn_from():
    gan = WGANGP.from_settings(TINY, seed=0)
    assert gan.sampler is gan.generator


def test_keras_file_round_trip_goes_on_where_it_stopped(tmp_path):
    gan = _eager(ema_decay=0.5)
    gan.train_on_batch(_real())
    gan.save(tmp_path / "gan.keras")
    loaded = keras.models.load_model(tmp_path / "gan.keras")
    loaded.run_eagerly = True
    latent = np.random.default_rng(1).standard_normal((3, 6)).astype(np.float32)
    np.testing.assert_array_equal(loaded(latent), gan(latent))
    for one in (gan, loaded):
        one.train_on_batch(_real(1))
    for left, right in zip(gan.get_weights(), loaded.get_weights(), strict=True):
        np.testing.assert_allclose(left, right, atol=1e-7)


def test_another_number_of_critic_steps_is_refused():
    with pytest.raises(ValueError, match=r"critic_steps=2. Received: shape=\(3, 4"):
        _eager().train_on_batch(_real(critic_steps=3))


def test_no_critic_step_is_refused():
    gan = WGANGP.from_settings(TINY, seed=0)
    with pytest.raises(ValueError, match=r"at least 1\. Received: critic_steps=0"):
        WGANGP(gan.generator, gan.critic, 6, critic_steps=0)


def test_xla_compiles_the_step_if_asked():
    smallest = TINY.model_copy(update={"width": 1, "critic_steps": 1})
    assert WGANGP.from_settings(smallest, seed=0).jit_compile is False
    gan = WGANGP.from_settings(smallest.model_copy(update={"xla": True}), seed=0)
    assert gan.jit_compile is True
    assert gan.get_compile_config()["xla"] is True
    values = gan.train_on_batch(_real(critic_steps=1), return_dict=True)
    expected = 10 * values["gradient_penalty"] - values["wasserstein_distance"]
    assert values["critic_loss"] == pytest.approx(expected, rel=1e-5)

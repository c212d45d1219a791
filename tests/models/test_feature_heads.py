import keras
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from lungnet.config import CalmConfig
from lungnet.errors import InputError
from lungnet.models import feature_heads
from lungnet.models.feature_heads import (
    train_linear_svm,
    train_logistic_regression,
    train_network,
)
from tests.models.conftest import assert_same, tensorboard_points

CONFIG = CalmConfig(hidden=(16, 8), batch_size=32)


@pytest.fixture(scope="module")
def data() -> tuple[np.ndarray, np.ndarray]:
    """400 samples of 8 features of different sizes, the last one dead."""
    rng = np.random.default_rng(0)
    x = np.maximum(rng.normal(1.0, 1.0, (400, 8)), 0) * np.array([1, 1, 1, 30, 0.1, 1, 1, 0])
    y = x[:, 0] - x[:, 1] + 0.5 * rng.normal(size=400) > 0
    return x.astype(np.float32), y.astype(np.int64)


def test_logistic_regression_is_scikit_learns(data):
    x, y = data
    head = train_logistic_regression(x, y, 0.3)
    expected = make_pipeline(StandardScaler(), LogisticRegression(C=0.3, max_iter=5000)).fit(x, y)
    found = np.asarray(head(x))
    assert found.shape == (400,)
    np.testing.assert_allclose(found, expected.decision_function(x), atol=2e-4)
    weaker = np.asarray(train_logistic_regression(x, y, 1e-3)(x))
    assert np.abs(weaker).mean() < 0.5 * np.abs(found).mean()


def test_linear_svm_is_scikit_learns(data):
    x, y = data
    head = train_linear_svm(x, y, 0.3)
    expected = make_pipeline(StandardScaler(), LinearSVC(C=0.3)).fit(x, y)
    found = np.asarray(head(x))
    assert found.shape == (400,)
    np.testing.assert_allclose(found, expected.decision_function(x), atol=2e-3)


def test_linear_head_round_trip(data, tmp_path):
    head = train_logistic_regression(*data)
    head.save(tmp_path / "head.keras")
    np.testing.assert_array_equal(keras.models.load_model(tmp_path / "head.keras")(data[0]), head(data[0]))


def test_network_learns_and_keeps_the_best_epoch(data):
    x, y = data
    reports = []
    # A rate so high that the loss goes up and down.
    config = CONFIG.model_copy(update={"learning_rate": 0.03})
    trained = train_network(
        x[:300], y[:300], x[300:], y[300:], config, 10, progress=lambda *report: reports.append(report)
    )
    losses = trained.history["validation_loss"]
    assert len(losses) == len(reports) == 10
    assert reports[-1][:2] == (10, 10)
    best = int(np.argmin(losses))
    assert best < 9
    logit = np.asarray(trained.model(x[300:]))
    assert logit.shape == (100,)
    cross_entropy = np.mean(np.logaddexp(0.0, logit) - y[300:] * logit)
    assert cross_entropy == pytest.approx(losses[best], rel=1e-4)
    assert ((logit > 0) == y[300:]).mean() > 0.75


@pytest.mark.parametrize("validated", [True, False])
def test_interrupted_it_ends_as_if_it_had_not_been(
    data, tmp_path, monkeypatch, train_with_interruptions, validated
):
    """Validation is mislabelled, so that an early epoch is kept, as in networks that overfit."""
    x, y = data
    monkeypatch.setattr(feature_heads, "CHECKPOINT_EPOCHS", 2)
    config = CONFIG.model_copy(update={"learning_rate": 0.03, "dropout": 0.2, "weight_decay": 0.01})
    held, held_labels = (x[300:], 1 - y[300:]) if validated else (None, None)

    def train(folder="board", **arguments):
        given = x[:300], y[:300], held, held_labels, config, 5, 0
        return train_network(*given, tmp_path / folder, **arguments)

    undisturbed = train("whole")
    resumed, first_reports = train_with_interruptions(train, [1, 4])
    assert first_reports == [1, 3]  # the report comes before the checkpoint
    assert_same(resumed, undisturbed)
    assert tensorboard_points(tmp_path / "board") == tensorboard_points(tmp_path / "whole")
    if validated:  # what is put back comes from a checkpoint
        assert int(np.argmin(resumed.history["validation_loss"])) < 3
    assert_same(train(checkpoint_dir=tmp_path / "checkpoints"), undisturbed)  # nothing is left to do


def test_network_ends_early_and_when_asked_again_does_not_go_on(data, tmp_path, monkeypatch):
    monkeypatch.setattr(feature_heads, "CHECKPOINT_EPOCHS", 1)
    x, y = data
    config = CONFIG.model_copy(update={"learning_rate": 0.03, "early_stopping": 2})
    given = x[:300], y[:300], x[300:], 1 - y[300:], config, 20, 0
    trained = train_network(*given, checkpoint_dir=tmp_path)
    losses = trained.history["validation_loss"]
    assert len(losses) == int(np.argmin(losses)) + 1 + 2 < 20
    assert_same(train_network(*given, checkpoint_dir=tmp_path), trained)


def test_network_without_validation_keeps_the_last_epoch_and_follows_the_seed(data):
    x, y = data[0][:64], data[1][:64]
    first, again, other = (train_network(x, y, config=CONFIG, epochs=1, seed=s).model for s in (1, 1, 2))
    np.testing.assert_array_equal(first(x), again(x))
    assert not np.array_equal(first(x), other(x))


def test_refusals(data):
    x, y = data
    with pytest.raises(InputError, match=r"fewer samples \(10\) than one batch \(32\)"):
        train_network(x[:10], y[:10], config=CONFIG)
    for train in (train_logistic_regression, train_linear_svm):
        with pytest.raises(InputError, match="both classes"):
            train(x, np.ones(400))
        with pytest.raises(InputError, match="finite"):
            train(np.full_like(x, np.inf), y)

import numpy as np
import pytest

from lungnet.config import CalmConfig
from lungnet.errors import InputError
from lungnet.models.calm import CALM
from lungnet.models.calm_training import compile_classifier, train_calm
from tests.models.conftest import tensorboard_points

CONFIG = CalmConfig(hidden=(16, 8), batch_size=20, max_iterations=12, trees=10, standardise=True)


@pytest.fixture(scope="module")
def data() -> tuple[np.ndarray, np.ndarray]:
    """Two clusters in which the label follows the first feature in opposite ways; scales differ."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(600, 5)).astype(np.float32)
    side = rng.integers(0, 2, 600)
    x[:, 1] += 6 * side
    y = ((x[:, 0] > 0) ^ (side == 1)).astype(np.int64)
    return x * np.array([1e-3, 1.0, 50.0, 1.0, 0.0], np.float32), y


def test_it_learns(data, tmp_path):
    x, y = data
    reports: list[tuple[int, int, str]] = []
    model, history = train_calm(
        x[:400], y[:400], x[400:], y[400:], CONFIG, 1, tmp_path, lambda *report: reports.append(report)
    )
    found = np.asarray(model(x[400:])).argmax(axis=1)
    assert (found == y[400:]).mean() > 0.9
    assert history.validation_loss[history.kept_iteration - 1] == min(history.validation_loss)
    assert history.validation_accuracy[history.kept_iteration - 1] == pytest.approx(
        (found == y[400:]).mean(), abs=1e-6
    )
    assert [done for done, *_ in reports] == list(range(1, len(history.loss) + 1))
    assert reports[0][1] == CONFIG.max_iterations
    assert "% changed cluster" in reports[0][2]
    assert len(list(tmp_path.glob("events.out.tfevents.*"))) == 1


def test_one_seed_gives_one_model(data):
    x, y = data
    config = CONFIG.model_copy(update={"max_iterations": 2})
    first, again = (train_calm(x[:200], y[:200], config=config, seed=3)[0] for _ in range(2))
    for a, b in zip(first.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def interrupted(data, config, tmp_path, train_with_interruptions, stops, validated=True):
    """Trains without and with interruptions; returns the history, after both were found equal.

    Validation is mislabelled, so that an early iteration is kept, as in networks that overfit.
    """
    x, y = data
    held, held_labels = (x[400:], 1 - y[400:]) if validated else (None, None)

    def train(folder="board", **arguments):
        given = x[:150], y[:150], held, held_labels, config, 1
        return train_calm(*given, tmp_path / folder, **arguments)

    undisturbed, expected = train("whole")
    (resumed, history), first_reports = train_with_interruptions(train, stops)
    again, same = train(checkpoint_dir=tmp_path / "checkpoints")  # nothing is left to do
    assert first_reports == stops  # the report comes before the checkpoint
    assert history == same == expected
    for model in (resumed, again):
        for left, right in zip(model.get_weights(), undisturbed.get_weights(), strict=True):
            np.testing.assert_array_equal(left, right)
    points = tensorboard_points(tmp_path / "board")
    assert points == tensorboard_points(tmp_path / "whole")
    assert points["calm/changed"] == list(range(1, len(history.loss) + 1))
    return history


@pytest.mark.parametrize("validated", [True, False])
def test_interrupted_it_ends_as_if_it_had_not_been(data, tmp_path, train_with_interruptions, validated):
    """With smoothed importance, which remembers, and (with validation) an iteration kept from before."""
    config = CONFIG.model_copy(
        update={"importance_smoothing": 0.75, "learning_rate": 0.1, "max_iterations": 5}
    )
    history = interrupted(data, config, tmp_path, train_with_interruptions, [2, 4], validated)
    assert len(history.loss) == 5
    if validated:
        assert history.kept_iteration < 3  # what is put back comes from a checkpoint
    assert any(history.changed[2:])  # or the order of samples would not follow the assignment


def test_interrupted_while_nothing_changes_it_stops_as_early(data, tmp_path, train_with_interruptions):
    config = CONFIG.model_copy(
        update={"learning_rate": 1e-6, "patience": 4, "center_rule": "best_of_forest", "max_iterations": 20}
    )
    history = interrupted(data, config, tmp_path, train_with_interruptions, [2, 4])
    assert history.converged
    assert len(history.loss) < 20


@pytest.mark.parametrize(
    "variant",
    [
        {"center_rule": "best_of_forest", "importance_smoothing": 0.5},
        {"center_rule": "any_of_forest", "learning_rate_decay": 0.5, "keep": "settled"},
        {"importance": "signed", "standardise": False},
    ],
)
def test_variants_run_with_three_clusters(data, variant):
    x, y = data
    config = CONFIG.model_copy(update={"clusters": 3, "max_iterations": 2, **variant})
    model, history = train_calm(x[:200], y[:200], config=config)
    assert all(sum(sizes) == 200 and len(sizes) == 3 for sizes in history.cluster_sizes)
    assert np.isfinite(np.asarray(model(x))).all()
    raw = np.asarray(model.network.scale.value).tolist() == [1.0] * 5
    assert raw is not config.standardise


CONVERGING = {"center_rule": "best_of_forest", "keep": "settled", "learning_rate_decay": 0.7}


def test_clusters_are_found_and_the_stopping_rule_is_met(data):
    """The rate of the network falls and centres move only to lower objective (3), so all comes to rest."""
    x, y = data
    x = x * np.array([1e3, 1.0, 0.02, 1.0, 0.0], np.float32)  # so that Euclidean distances mean something
    config = CONFIG.model_copy(update={"max_iterations": 60, **CONVERGING})
    model, history = train_calm(x[:400], y[:400], x[400:], y[400:], config)
    assert history.converged
    assert len(history.loss) < 40
    assert history.changed[-config.patience :] == [0.0] * config.patience
    assert history.changed[-config.patience - 1] > 0.0
    assert max(history.objective_change) <= 0.0
    assert history.intra_cluster_variance[-1] < history.intra_cluster_variance[0]
    side = x[:400, 1] > 3.0
    assert abs(np.corrcoef(np.asarray(model.cluster(x[:400])), side)[0, 1]) > 0.6  # two features are noise
    last = len(history.loss) - config.patience
    assert history.kept_iteration > last
    assert history.validation_loss[history.kept_iteration - 1] == min(history.validation_loss[last:])
    # What the clusters go by is what the network learned.
    used, learned = np.asarray(model.importance.value), model.network_importance()
    assert np.corrcoef(used, learned)[0, 1] > 0.99


def test_the_rate_falls_from_iteration_to_iteration(data):
    x, _ = data
    model = CALM(CONFIG, x.shape[1])
    compile_classifier(model, CalmConfig(learning_rate=0.1, learning_rate_decay=0.5), 4)
    rates = []
    for step in (0, 3, 4, 8):
        model.optimizer.iterations.assign(step)
        rates.append(float(model.optimizer.learning_rate))
    assert rates == pytest.approx([0.1, 0.1, 0.05, 0.025])
    compile_classifier(model, CalmConfig(learning_rate=0.1), 4)
    model.optimizer.iterations.assign(1000)
    assert float(model.optimizer.learning_rate) == pytest.approx(0.1)


def test_weight_decay_shrinks_what_has_no_gradient(data):
    x, _ = data
    model = CALM(CONFIG, x.shape[1])
    compile_classifier(model, CalmConfig(learning_rate=0.1, weight_decay=0.5), 4)
    kernel = model.network.dense[0].kernel
    before = np.asarray(kernel)
    model.optimizer.apply([np.zeros(v.shape, np.float32) for v in model.trainable_variables])
    np.testing.assert_allclose(kernel, before * (1 - 0.1 * 0.5), rtol=1e-5)


def test_dropout_reaches_the_network(data):
    x, y = data
    learned = []
    for share in (0.0, 0.5):
        config = CONFIG.model_copy(update={"dropout": share})
        model = CALM(config, x.shape[1])
        compile_classifier(model, config, 1)
        model.train_on_batch(x[:20], y[:20])
        learned.append(np.asarray(model.network.dense[-1].kernel))
    assert not np.array_equal(learned[0], learned[1])


def test_it_ends_early_and_when_asked_again_does_not_go_on(data, tmp_path):
    """Validation is mislabelled, so that it soon gets worse."""
    x, y = data
    config = CONFIG.model_copy(update={"early_stopping": 2, "dropout": 0.2, "patience": 12})
    given = x[:150], y[:150], x[400:], 1 - y[400:], config, 1
    model, history = train_calm(*given, checkpoint_dir=tmp_path)
    losses = history.validation_loss
    assert len(losses) == int(np.argmin(losses)) + 1 + 2 < 12
    assert not history.converged
    again, same = train_calm(*given, checkpoint_dir=tmp_path)
    assert same == history
    for left, right in zip(again.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(left, right)


def test_refusals(data):
    x, y = data
    with pytest.raises(InputError, match=r"fewer samples \(19\) than one batch \(20\)"):
        train_calm(x[:19], y[:19], config=CONFIG)
    with pytest.raises(InputError, match="both classes"):
        train_calm(x, np.zeros(600), config=CONFIG)
    with pytest.raises(InputError, match="finite"):
        train_calm(np.where(x == x[3, 0], np.nan, x), y, config=CONFIG)
    with pytest.raises(InputError, match="1 different samples; expected at least 2"):
        train_calm(np.ones((40, 3)), np.arange(40) % 2, config=CONFIG)

import numpy as np
import pytest

from lungnet.config import CalmConfig
from lungnet.errors import InputError
from lungnet.models.calm_training import train_calm

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


@pytest.mark.parametrize(
    "variant",
    [
        {"center_rule": "best_of_forest", "importance_smoothing": 0.5},
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

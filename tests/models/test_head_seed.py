import numpy as np
import pytest

from lungnet.config import CalmConfig
from lungnet.models import train_calm, train_network
from lungnet.models.head_seed import head_seed

TINY = {"hidden": (4, 2), "batch_size": 8, "max_iterations": 2, "trees": 3}


def test_the_first_training_goes_by_the_seed_of_the_run():
    assert [head_seed(CalmConfig(head_seed=0), seed) for seed in (0, 5)] == [0, 5]


def test_other_trainings_have_seeds_of_their_own():
    seeds = {head_seed(CalmConfig(head_seed=number), seed) for seed in (0, 1, 2) for number in (0, 1, 2)}
    assert len(seeds) == 9
    assert max(seeds) < 2**31


def two_epochs(features, labels, config: CalmConfig, seed: int):
    return train_network(features, labels, config=config, epochs=2, seed=seed)


@pytest.mark.parametrize("train", [train_calm, two_epochs])
def test_a_training_of_another_head_seed_ends_elsewhere(train):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(32, 5)).astype(np.float32), np.arange(32) % 2

    def predictions(number: int, seed: int = 3) -> np.ndarray:
        trained = train(x, y, config=CalmConfig(**TINY, head_seed=number), seed=seed)
        model = trained[0] if isinstance(trained, tuple) else trained.model
        return np.asarray(model(x))

    ordinary, other = predictions(0), predictions(1)
    assert not np.allclose(ordinary, other)
    np.testing.assert_array_equal(other, predictions(1))
    np.testing.assert_array_equal(other, predictions(0, head_seed(CalmConfig(head_seed=1), 3)))

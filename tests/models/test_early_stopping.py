import numpy as np
import pytest

from lungnet.models.early_stopping import no_longer_improves


@pytest.mark.parametrize(
    "losses, patience, ended",
    [
        ([], 1, False),
        ([0.5], 1, False),
        ([0.5, 0.4], 1, False),
        ([0.5, 0.5], 1, True),  # a tie is no improvement
        ([0.5, 0.6, 0.4], 1, False),
        ([0.3, 0.5, 0.4], 2, True),
        ([0.3, 0.5, 0.4], 3, False),
        ([0.3, 0.5, 0.4, 0.9, 0.9], 0, False),  # never
    ],
)
def test_by_hand(losses, patience, ended):
    assert no_longer_improves(losses, patience) is ended


def test_more_patience_never_ends_sooner():
    rng = np.random.default_rng(0)
    for _ in range(20):
        losses = rng.random(12).tolist()
        ends = [
            next((i for i in range(13) if no_longer_improves(losses[:i], patience)), 13)
            for patience in range(1, 12)
        ]
        assert ends == sorted(ends)

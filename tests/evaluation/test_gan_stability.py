"""Whether a curve came to rest."""

import numpy as np
import pytest

from lungnet.errors import InputError
from lungnet.evaluation import gan_stability, settling


def test_by_hand():
    # Fifths of three: first 9, 6, 3, last 1.0, 1.1, 1.2, a line that rises by 0.2 on a mean of 1.1.
    found = settling([9.0, 6.0, 3.0, *[2.0] * 9, 1.0, 1.1, 1.2])
    assert (found.first_mean, found.last_mean) == (pytest.approx(6.0), pytest.approx(1.1))
    assert found.drift == pytest.approx(0.2 / 1.1)
    assert found.scatter == pytest.approx(0.0, abs=1e-9)
    assert not found.settled


def test_scatter_is_about_the_line():
    # 1.0, 1.3, 1.0 has no slope; its deviation is 0.1 sqrt 2 on a mean of 1.1.
    found = settling([2.0] * 12 + [1.0, 1.3, 1.0])
    assert found.drift == pytest.approx(0.0, abs=1e-12)
    assert found.scatter == pytest.approx(0.1 * np.sqrt(2) / 1.1)
    assert not found.settled


def test_the_line_is_that_of_numpy():
    curve = np.random.default_rng(0).random(50)
    last = curve[-10:]
    slope, start = np.polyfit(np.arange(10), last, 1)
    found = settling(curve.tolist())
    assert found.drift == pytest.approx(slope * 9 / last.mean())
    assert found.scatter == pytest.approx(np.std(last - start - slope * np.arange(10)) / last.mean())


def curves(distance_end=0.5, norm=1.02, wobble=0.0):
    steps = np.arange(50)
    distance = distance_end + 4.0 * np.exp(-steps / 5.0)
    return {
        "wasserstein_distance": distance + wobble * np.cos(np.pi * steps),
        "gradient_norm": np.full(50, norm),
    }


def test_a_curve_that_falls_and_stays_is_stable():
    found = gan_stability(curves())
    assert found.stable
    assert found.reports == 50
    assert found.to_json()["critic_distance"]["settled"] is True


@pytest.mark.parametrize(
    "history",
    [
        curves(norm=1.2),  # the penalty does not hold the critic
        curves(wobble=0.2),  # it swings
        {**curves(), "wasserstein_distance": np.linspace(4.0, 1.0, 50)},  # it is still falling
        {**curves(), "wasserstein_distance": np.geomspace(0.1, 8.0, 50)},  # it runs away
        {**curves(), "wasserstein_distance": np.full(50, 2.0)},  # it never learned anything
    ],
    ids=["norm", "swings", "falls", "runs away", "flat"],
)
def test_anything_else_is_not(history):
    assert not gan_stability(history).stable


@pytest.mark.parametrize("curve", [[1.0] * 14, [1.0] * 19 + [np.nan]])
def test_what_has_no_last_fifth_is_refused(curve):
    with pytest.raises(InputError, match=r"at least 15 finite .* Received: (14, 14|20, 19) of them finite"):
        settling(curve)

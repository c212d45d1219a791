from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from lungnet.serving.device_batches import run_batches, runs_on_gpu
from lungnet.serving.session import open_session

ANSWERS = {"probability": (np.float32, ()), "cluster": (np.int64, ())}


@pytest.fixture
def session(classifier_file):
    return open_session(classifier_file.read_bytes(), "m.onnx", ["cpu"], threads=1)


def patches(count, seed=0):
    return np.random.default_rng(seed).integers(-1000, 1000, (count, 40, 40)).astype(np.int16)


def test_a_build_for_cpus_runs_on_none(session):
    assert not runs_on_gpu(session)


@pytest.mark.parametrize("batch_size", [1, 3, 64, 200])
@pytest.mark.parametrize("device_bytes", [1, 7 * 3200, 2**20])
def test_binding_answers_as_plain_runs_do_bit_for_bit(session, batch_size, device_bytes):
    values = patches(70)
    expected = [
        session.run(list(ANSWERS), {"patches_hu": values[start : start + batch_size]})
        for start in range(0, 70, batch_size)
    ]
    answers = run_batches(session, values, ANSWERS, batch_size, device_bytes)
    for found, parts in zip(answers, zip(*expected, strict=True), strict=True):
        np.testing.assert_array_equal(found, np.concatenate(parts), strict=True)


def test_answers_of_a_patch_by_hand(session):
    values = np.array([-1000, 500], np.int16)[:, None, None] * np.ones((1, 40, 40), np.int16)
    probability, cluster = run_batches(session, values, ANSWERS, 1)
    # The logistic function of -1 and of 0.5 + 1, whose mean is above 0 HU.
    np.testing.assert_allclose(probability, [1 / (1 + np.e), 1 / (1 + np.exp(-1.5))], rtol=1e-6)
    assert cluster.tolist() == [0, 1]


def test_views_that_are_not_contiguous_and_nothing_at_all(session):
    values = patches(20)
    everything = run_batches(session, values, ANSWERS, 4)[0]
    np.testing.assert_array_equal(run_batches(session, values[::3], ANSWERS, 4)[0], everything[::3])
    assert [len(one) for one in run_batches(session, values[:0], ANSWERS, 4)] == [0, 0]


def test_threads_share_a_session(session):
    inputs = [patches(33, seed) for seed in range(8)]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda one: run_batches(session, one, ANSWERS, 5)[0], inputs))
    for found, values in zip(together, inputs, strict=True):
        np.testing.assert_array_equal(found, run_batches(session, values, ANSWERS, 5)[0])


def test_an_answer_of_another_size_is_an_error(session):
    with pytest.raises(Exception, match="Invalid rank for output: probability"):
        run_batches(session, patches(3), {**ANSWERS, "probability": (np.float32, (2,))}, 3)
